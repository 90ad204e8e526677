"""Measure the time of a batch of 60 small files, relative to the time of the runs alone.

    python benchmarks/many_files.py [--keep FOLDER]

Files: 8 and 16 bit and floating point, colour, a volume, a series, two channels, one corrupt and
one empty. The batch opens, deblurs and saves each, makes its pictures, and writes table and report.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

from napari_tf_deblur import RichardsonLucy
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._files.batch import run_batch
from napari_tf_deblur._files.batch_options import BatchOptions
from napari_tf_deblur._files.inputs import find_inputs
from napari_tf_deblur._files.opening import CannotOpenError, open_images
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.psf_kinds import FixedPSFSettings, GaussianPSF

SIZE = 256
KINDS = ("uint8", "uint16", "float32", "colour", "volume", "series", "channels")
FILES = 58
"""Number of files, without the corrupt and the empty one."""


def write(folder: Path, kind: str, number: int) -> None:
    rng = np.random.default_rng(number)
    planes = {"colour": 3, "volume": 8, "series": 4, "channels": 2}.get(kind, 1)
    size = SIZE // 2 if kind == "volume" else SIZE
    points = (rng.random((planes, size, size)) > 0.98) * 4000.0
    light = rng.poisson(gaussian_filter(points, (0, 2, 2)) + 20)
    path = folder / f"{number:02d} {kind}.ome.tif"
    if kind in ("uint8", "uint16", "float32"):
        tifffile.imwrite(path, np.clip(light[0], 0, 255).astype(kind), ome=True)
    elif kind == "colour":
        colours = np.clip(light, 0, 255).astype(np.uint8).transpose(1, 2, 0)
        tifffile.imwrite(path, colours, photometric="rgb", ome=True)
    else:
        axes = {"volume": "ZYX", "series": "TYX", "channels": "CYX"}[kind]
        tifffile.imwrite(path, light.astype(np.uint16), ome=True, metadata={"axes": axes})


def clocks() -> Any:
    """Return wall time, and time of all cores, which hardly depends on other programs."""
    return np.array([time.perf_counter(), time.process_time()])


def time_of_runs(folder: Path, settings: Settings) -> Any:
    """Measure the time of the runs alone, with the files already open."""
    spent = np.zeros(2)
    for one in find_inputs([folder], folder / "results"):
        try:
            pictures = open_images(one.path)
        except CannotOpenError:
            continue
        for picture in pictures:
            for job in settings.jobs(picture):
                began = clocks()
                finish(job.steps())
                spent += clocks() - began
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for files and results")
    folder = parser.parse_args().keep or Path(tempfile.mkdtemp())
    images, results = folder / "images", folder / "results"
    images.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        write(images, KINDS[number % len(KINDS)], number)
    (images / "corrupt.tif").write_bytes(b"II*\x00" + b"\xff" * 200)
    (images / "empty.tif").write_bytes(b"")
    method = RichardsonLucy(iterations=10, background=0.0)
    for name, settings in {
        "RichardsonLucy, 10 iterations": Settings(
            FixedPSFSettings(GaussianPSF((2.0, 2.0))), method
        ),
        "automatic": Settings(FixedPSFSettings(GaussianPSF((2.0, 2.0)))),
    }.items():
        finish(run_batch([images], results, settings, BatchOptions()))  # compiles
        began = clocks()
        table = finish(run_batch([images], results, settings, BatchOptions()))
        batch = clocks() - began
        runs = time_of_runs(images, settings)
        began = clocks()
        again = finish(run_batch([images], results, settings, BatchOptions(resume=True)))
        resumed = clocks() - began
        print(f"{name}: {table.summarize()} Resumed: {again.summarize()}")
        for k, clock in enumerate(("wall", "processor")):
            print(
                f"  {clock}: batch {batch[k]:.1f} s, runs alone {runs[k]:.1f} s, ratio "
                f"{batch[k] / runs[k]:.2f}; resumed {resumed[k]:.1f} s"
            )


if __name__ == "__main__":
    main()
