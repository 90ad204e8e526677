"""Objects between two processes: what arrives is what was sent, and no shared memory is left."""

import os
import sys
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_tf_deblur import TotalVariation, gaussian_psf
from napari_tf_deblur._core.steps import Step, StoredImage
from napari_tf_deblur._process import channel as channel_module
from napari_tf_deblur._process.channel import MIN_SHARED_BYTES, Channel, remove_blocks

DTYPES = ["uint8", "uint16", "int32", "float32", "float64", "bool", "complex64"]


def exchange(value, repeats=1):
    """Send a value through a pipe and return what arrives; check that its memory is free again."""
    here, there = Pipe()
    sender, receiver = Channel(here, f"ntdtest{os.getpid()}"), Channel(there, "unused")
    found = []
    for _ in range(repeats):
        thread = Thread(target=sender.send, args=("step", 7, value))
        thread.start()
        message = receiver.receive()
        thread.join()
        assert (message.kind, message.run) == ("step", 7)
        found.append(message.value())
    sender.close()
    receiver.close()
    if sys.platform == "linux":
        assert not list(Path("/dev/shm").glob(f"ntdtest{os.getpid()}*"))
    return found[-1]


@given(
    arrays.arrays(
        st.sampled_from(DTYPES), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)
    )
)
def test_small_arrays_arrive_unchanged(array):
    received = exchange(array)
    assert received.dtype == array.dtype
    np.testing.assert_array_equal(received, array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_arrays_arrive_unchanged_and_can_be_written(dtype):
    array = np.arange(4 * MIN_SHARED_BYTES).reshape(64, -1).astype(dtype)
    received = exchange({"a": array, "b": (array[::2, ::3], array.T)}, repeats=6)
    np.testing.assert_array_equal(received["a"], array)
    np.testing.assert_array_equal(received["b"][0], array[::2, ::3])
    np.testing.assert_array_equal(received["b"][1], array.T)
    received["a"][:] = 0  # its own memory
    assert not array.flags.owndata or array.max() > 0


def test_arrays_arrive_without_shared_memory(monkeypatch):
    monkeypatch.setattr(channel_module, "_has_shared_memory", lambda _size: False)
    array = np.random.default_rng(0).normal(size=(300, 400))
    np.testing.assert_array_equal(exchange(array), array)


def test_no_more_shared_memory_is_used_than_is_free(monkeypatch):
    """On Linux, the process would end with a bus error."""
    if sys.platform != "linux":
        pytest.skip("other systems raise an error")
    usage = type("Usage", (), {"free": MIN_SHARED_BYTES})
    monkeypatch.setattr(channel_module.shutil, "disk_usage", lambda _folder: usage)
    assert channel_module._has_shared_memory(MIN_SHARED_BYTES - 1)
    assert not channel_module._has_shared_memory(MIN_SHARED_BYTES)


def test_steps_methods_and_functions_of_a_console_arrive():
    step = Step("iterating", "words", 0.5, np.zeros(3, np.float32), StoredImage(np.ones((2, 2))))
    received = exchange(step)
    assert received.stage == "iterating"
    np.testing.assert_array_equal(received.image(), np.ones((2, 2)))
    assert exchange(TotalVariation(weight=0.01)) == TotalVariation(weight=0.01)
    factor = 3
    assert exchange(lambda x: factor * x)(2) == 6


def test_blocks_of_a_sender_that_ended_are_removed():
    here, there = Pipe()
    names = f"ntdtest{os.getpid()}x"
    sender = Channel(here, names)
    sender.send("step", 1, gaussian_psf(20))
    there.close()
    here.close()
    if sys.platform == "linux":
        assert list(Path("/dev/shm").glob(f"{names}*"))
    sender.release()
    remove_blocks(names)
    if sys.platform == "linux":
        assert not list(Path("/dev/shm").glob(f"{names}*"))
