"""Test a run on a large image: kill all its processes at random, and measure its memory.

    python benchmarks/faults.py kills     # kill -9 of all processes, five times, and again
    python benchmarks/faults.py growth    # memory of all processes over 500 pieces

Both print a report, and fail if a pixel differs or the memory grows.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

KILLS = 5

MOST_GROWTH = 0.05
"""Largest growth of the memory from 100 pieces to the last, relative to that at 100 pieces."""

LEFT = 10.0
"""Time after which no process of a killed run may exist, in seconds."""


def run(output: str, shape: tuple[int, int]) -> None:
    """Deblur an image into a file, in this process and its workers; print each step."""
    import dask.array as da

    from napari_tf_deblur import TotalVariation, convolve, gaussian_psf, iter_deconvolve
    from napari_tf_deblur._large import plan

    plan.PIECE_SIZE_UNIT[2], plan.MAX_PIECE_PIXELS[2] = 64, 64 * 64  # many pieces in little time
    rng = np.random.default_rng(0)
    psf = gaussian_psf(1.0)
    image = convolve(1000 * rng.random(shape, np.float32) ** 8, psf)
    image += rng.standard_normal(shape, np.float32)
    lazy = da.from_array(image, chunks=256)
    method = TotalVariation(iterations=10, weight=3e-3)
    for step in iter_deconvolve(lazy, psf, method, output=output, memory=2.0):
        print(step.message, flush=True)


def started(output: Path, side: tuple[int, int]) -> subprocess.Popen[str]:
    """Start a run in its own process group."""
    command = [sys.executable, __file__, "run", str(output), *map(str, side)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip


def digest(output: Path) -> str:
    """Return a digest of all pixels of all resolutions."""
    from napari_tf_deblur._storage.ome_zarr import open_image

    found = hashlib.sha256()
    for level in open_image(output).dask_levels():
        found.update(np.asarray(level).tobytes())
    return found.hexdigest()[:16]


def kills(folder: Path, seed: int) -> None:
    """Kill all processes of a run at random moments, also during the calibration."""
    shape = (256, 384)
    began = time.monotonic()
    started(folder / "undisturbed.ome.zarr", shape).communicate()
    whole = time.monotonic() - began
    expected = digest(folder / "undisturbed.ome.zarr")
    print(f"undisturbed: {whole:.0f} s, pixels {expected}", flush=True)
    output = folder / "killed.ome.zarr"
    moments = random.Random(seed)
    for _ in range(KILLS):
        process = started(output, shape)
        wait = moments.uniform(0.1, 0.9) * whole
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        said = process.communicate()[0].splitlines()
        last = time.monotonic()
        while members(process.pid):
            if time.monotonic() - last > LEFT:
                raise SystemExit(f"Processes are left: {members(process.pid)}.")
            time.sleep(0.1)
        entries = len(list(output.glob(".napari-tf-deblur/[0-9]*.json")))
        print(f"killed after {wait:.1f} s, at '{said[-1] if said else ''}': {entries} pieces done")
    started(output, shape).communicate()
    found = digest(output)
    print(f"gone on to the end: pixels {found}")
    if found != expected:
        raise SystemExit("The pixels differ.")


def members(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != "zombie":
                found.append(process.pid)
        except (OSError, psutil.Error):
            continue
    return found


def growth(folder: Path) -> None:
    """Measure the memory of all processes over 500 pieces."""
    process = started(folder / "many.ome.zarr", (20 * 64, 25 * 64))
    sizes: dict[int, float] = {}
    assert process.stdout is not None
    for line in process.stdout:
        words = line.split()
        if words[0] != "piece":
            continue
        number = int(words[1])
        if number // 50 not in sizes and number >= 50:
            pids = [psutil.Process(pid) for pid in members(process.pid)]
            sizes[number // 50] = sum(one.memory_info().rss for one in pids) / 2**20
            print(f"piece {number}: {sizes[number // 50]:.0f} MiB", flush=True)
    process.wait()
    numbers = sorted(sizes)
    grown = sizes[numbers[-1]] / sizes[numbers[1]] - 1
    print(f"grown by {100 * grown:.1f} % from piece {50 * numbers[1]} on")
    if process.returncode or grown > MOST_GROWTH:
        raise SystemExit("Memory grows, or the run has failed.")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["kills", "growth", "run"])
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "run":
        output, *shape = given.rest
        run(output, (int(shape[0]), int(shape[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "kills":
            kills(Path(folder), given.seed)
        else:
            growth(Path(folder))


if __name__ == "__main__":
    main()
