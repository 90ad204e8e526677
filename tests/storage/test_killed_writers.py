"""Writers that are killed, that write neighbouring shards, and that find the disk full.

Checked with zarr 3.1.6 on Python 3.11 and zarr 3.4.2 on Python 3.12.
"""

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_tf_deblur._storage.image_description import ImageDescription, StoredAxis
from napari_tf_deblur._storage.ome_zarr import create_image, open_image

DESCRIPTION = ImageDescription("a", (StoredAxis("y"), StoredAxis("x")))

ALL = (slice(None), slice(None))

WRITER = """
import sys
import numpy as np
from napari_tf_deblur._storage.ome_zarr import open_image
image = open_image(sys.argv[1])
print("begun", flush=True)
while True:
    for number in range(1, 100):
        for part in image.shard_regions():
            shape = [side.stop - side.start for side in part]
            noise = np.random.default_rng(number).random(shape, "float32")
            noise[0, 0] = number
            image.write(part, noise)
            print("written", flush=True)
"""


def started(path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "begun\n"
    return writer


def stopped_while_it_writes(path, finished):
    """Start a writer and hold it in the middle of a shard, after `finished` whole ones."""
    writer = started(path)
    for _ in range(finished):
        assert writer.stdout.readline() == "written\n"
    while True:
        if any(path.rglob("*.partial")):
            writer.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, writer.pid, os.WSTOPPED)
            if any(path.rglob("*.partial")):
                return writer
            writer.send_signal(signal.SIGCONT)
        time.sleep(0.001)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_killed_writer_leaves_whole_shards_or_none(tmp_path):
    path = tmp_path / "a.ome.zarr"
    seen = set()
    create_image(path, (3000, 3000), "float32", DESCRIPTION, (1024, 1024), (256, 256))
    for finished in range(4):
        writer = stopped_while_it_writes(path, finished)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        image = open_image(path)
        for part in image.shard_regions():
            found = image.read(part)  # its checksums hold
            assert np.isnan(found).all() != image.is_written(part)
            if image.is_written(part):
                number = int(found[0, 0])
                whole = np.random.default_rng(number).random(found.shape, "float32")
                whole[0, 0] = number
                np.testing.assert_array_equal(found, whole)
                seen.add(number)
        assert image.remove_leftovers() >= 1
        assert not list(path.rglob("*.partial"))
    assert seen


def _write_every_other(path, first):
    image = open_image(path)
    for part in image.shard_regions()[first::2]:
        image.write(part, np.full([side.stop - side.start for side in part], 1 + first, "float32"))
    for part in image.shard_regions(1)[first::2]:
        image.read(part, 1)


def test_writers_of_neighbouring_shards_lose_nothing(tmp_path):
    path = tmp_path / "a.ome.zarr"
    image = create_image(path, (1000, 1000), "float32", DESCRIPTION, (128, 128), (32, 32))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_every_other, args=(path, k)) for k in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    for k, part in enumerate(image.shard_regions()):
        assert (image.read(part) == 1 + k % 2).all()


def test_a_file_that_cannot_grow_is_an_error_and_no_shard(tmp_path):
    """The limit on the size of files acts as a full disk, with another error number."""
    path = tmp_path / "a.ome.zarr"
    image = create_image(path, (512, 512), "float32", DESCRIPTION, (256, 256), (64, 64))
    first, second, *_ = image.shard_regions()
    noise = np.random.default_rng(0).random((256, 256), "float32")
    image.write(first, noise)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            image.write(second, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert [image.is_written(part) for part in image.shard_regions()] == [True, False, False, False]
    assert not list(path.rglob("*.partial"))
    image.write(second, noise)
    np.testing.assert_array_equal(image.read(second), noise)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to mount a file system")
def test_a_full_disk_is_said_and_leaves_what_was_finished(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        image = create_image(
            disk / "a.ome.zarr", (1024, 512), "float32", DESCRIPTION, (256, 256), (64, 64)
        )
        noise = np.random.default_rng(0).random((256, 256), "float32")
        written = []

        def write_all():
            for part in image.shard_regions():
                image.write(part, noise)
                written.append(part)

        with pytest.raises(OSError, match="No space left") as raised:
            write_all()
        assert raised.value.errno == errno.ENOSPC
        assert 2 <= len(written) < len(image.shard_regions())
        assert [image.is_written(part) for part in image.shard_regions()] == [
            part in written for part in image.shard_regions()
        ]
        for part in written:
            np.testing.assert_array_equal(image.read(part), noise)
        assert not list(disk.rglob("*.partial"))
        with pytest.raises(OSError, match="No space left"):
            image.set_record({"kind": "result", "warnings": ["x" * 500_000]})
        assert open_image(image.path).read_record() is None
    finally:
        subprocess.run(["umount", str(disk)], check=True)
