"""Freed memory of large arrays: kept during a run, returned to the system after it."""

import platform
import subprocess
import sys

import numpy as np
import pytest

import napari_tf_deblur._preparation.memory as memory
from napari_tf_deblur import RichardsonLucy, TotalVariation, gaussian_psf
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs Linux's C library")

PROBE = """
import resource, numpy as np, napari_tf_deblur._preparation.memory as memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(4 * 2**20, np.float32)  # 16 MB, cleared page by page if the array is new memory
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

memory.configure_allocator()
outside = faults()
idle = resident()
with memory.keep_freed_memory():
    faults()
    with memory.keep_freed_memory():
        inside = faults()
    still_inside = faults()
    held = resident() - idle
print(outside, inside, still_inside, faults(), held, resident() - idle)
"""


@glibc
def test_freed_arrays_are_kept_during_a_run_and_given_back_after_it():
    command = [sys.executable, "-c", PROBE]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    outside, inside, still_inside, after, held, left = map(int, said.split())
    assert outside > 1000
    assert inside < outside / 10
    assert still_inside < outside / 10
    assert after > 1000
    assert held > 15 * 2**20
    assert left < 2**20


def test_without_room_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(memory, "_set_mallopt", lambda *_: pytest.fail("was set"))
    with memory.keep_freed_memory(False):
        pass


@pytest.mark.parametrize(
    ("free", "method", "roomy"),
    [
        (2**30, RichardsonLucy(), True),
        (2**24, RichardsonLucy(), False),
        (2**30, TotalVariation(), False),
    ],
)
def test_memory_is_kept_where_there_is_plenty(monkeypatch, free, method, roomy):
    available = type("Memory", (), {"available": free})
    monkeypatch.setattr("psutil.virtual_memory", lambda: available)
    image = np.ones((256, 256), np.float32)
    run = PreparedRun.from_arguments(Arguments(image, gaussian_psf(1), method))
    assert run.has_spare_memory is roomy
