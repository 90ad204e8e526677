"""Worker processes on this machine: no process and no piece is left over or lost."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import dask.array as da
import numpy as np
import psutil
import pytest

from napari_tf_deblur import TotalVariation, deconvolve, gaussian_psf
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

RUN = """
import sys
import dask.array as da
import numpy as np
from napari_tf_deblur import TotalVariation, gaussian_psf, iter_deconvolve
from napari_tf_deblur._large import plan


plan.PIECE_SIZE_UNIT[2], plan.MAX_PIECE_PIXELS[2] = 64, 64 * 64
image = da.from_array(np.load(sys.argv[1]), chunks=64)
method = TotalVariation(iterations=200, weight=3e-3, tolerance=0)
for step in iter_deconvolve(image, gaussian_psf(1.0), method, output=sys.argv[2], memory=2.5):
    print(step.message, flush=True)
"""

TAG = "NAPARI_TF_DEBLUR_TEST"


def started(image, output):
    """Start a run in its own process."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(image), str(output)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, TAG: str(output)},
    )


def wait_for(process, words):
    for line in process.stdout:
        if line.startswith(words):
            return
    raise AssertionError(f"{words} was not said")


def family(output):
    """Return the processes of all runs into a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == str(output) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_workers(output, but=frozenset()):
    """Wait for workers of a run, kill them, and return their process numbers."""
    killed = set()
    while not killed:
        for process in family(output):
            with suppress(psutil.Error):
                if "spawn_main" in " ".join(process.cmdline()) and process.pid not in but:
                    process.send_signal(signal.SIGKILL)
                    killed.add(process.pid)
        time.sleep(0.1)
    return killed


@pytest.mark.usefixtures("small_pieces", "client")
def test_killed_callers_and_workers(spots, tmp_path):
    """The caller is killed, then all workers of the continued run; no piece is lost.

    No process of the first run is left, and the pixels are those of an undisturbed run.
    """
    image, output = tmp_path / "image.npy", tmp_path / "a.ome.zarr"
    np.save(image, spots)

    first = started(image, output)
    wait_for(first, "piece")
    while not Journal.for_image(output).read_entries():
        assert first.poll() is None
        time.sleep(0.02)
    assert len(family(output)) >= 3  # the caller, a nanny and its worker
    first.kill()
    first.communicate()
    killed = time.monotonic()
    while family(output) and time.monotonic() - killed < 30:
        time.sleep(0.1)
    assert time.monotonic() - killed < 10
    done = set(Journal.for_image(output).read_entries())
    assert done
    before = {part: file.stat().st_mtime_ns for part, file in shards(output) if file.exists()}

    second = started(image, output)
    wait_for(second, "piece")
    killed = kill_workers(output)  # while they start: their nannies give up, and end
    kill_workers(output, but=killed)
    second.communicate()
    assert second.returncode == 0
    for number, (part, file) in enumerate(shards(output)):
        if number in done:
            assert file.stat().st_mtime_ns == before[part]  # it was not done again

    image = da.from_array(spots, chunks=64)
    method = TotalVariation(iterations=200, weight=3e-3, tolerance=0)
    undisturbed = deconvolve(image, gaussian_psf(1.0), method, output=tmp_path / "b.ome.zarr")
    np.testing.assert_array_equal(
        np.asarray(open_image(output).dask_levels()[0]), np.asarray(undisturbed.image)
    )


def shards(output):
    image = open_image(output)
    return [(repr(part), image._shard_files(0, part)[0]) for part in image.shard_regions()]


def test_a_worker_uses_no_more_threads_than_it_has():
    from napari_tf_deblur._large.local_workers import start_local_workers

    def threads():
        from napari_tf_deblur._core.threads import limit_threads
        from napari_tf_deblur._solvers.load import tensorflow

        limit_threads(1)
        config = tensorflow().config.threading
        return (
            config.get_intra_op_parallelism_threads(),
            config.get_inter_op_parallelism_threads(),
        )

    before = set(psutil.Process().children())  # of clusters of other tests
    with start_local_workers(1, 1, 2**31) as crew:
        assert crew.client.submit(threads, pure=False).result() == (1, 1)
    began = time.monotonic()
    while set(psutil.Process().children()) - before and time.monotonic() - began < 30:
        time.sleep(0.1)
    left = set(psutil.Process().children()) - before
    assert not [child for child in left if child.status() != "zombie"]
