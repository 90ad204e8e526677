"""Measure how much memory and time each new image size costs.

TensorFlow compiles for each shape and never frees the code. Each method runs in its own process.
Memory is counted above that of the process after one run, after freed memory was returned.
"""

import argparse
import ctypes
import gc
import itertools
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from measure import STATUS, kilobytes
from scipy import fft

from napari_tf_deblur import METHODS, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._core import scene_grid
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT

SETTINGS: dict[str, dict[str, Any]] = {"GradientDescent": {"iterations": 20}}
"""Settings of methods whose default settings would take too long."""

FEW = 5
"""Iterations in the runs for memory; their number has no effect on the memory."""

SIZES = [(100 + 3 * k, 140 + k) for k in range(40)]
NEAR = (461, 563)
"""Smallest and largest side of the images near 512 x 512."""

SMALL = (64, 64)
PSF = gaussian_psf(1.5)
HEADINGS = (
    "method",
    "40 sizes, MiB",
    "second pass, MiB",
    "scenes near 512 x 512",
    "first run / second run",
    "runs at one size, MiB",
)


def main() -> None:
    names = [method.__name__ for method in METHODS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=names, default=names)
    parser.add_argument("--runs", type=int, default=300, help="runs at one size")
    parser.add_argument("--near", type=int, default=40, help="sizes near 512 x 512 to run")
    parser.add_argument("--inside", choices=names, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(row(chosen.inside, chosen.runs, chosen.near))
        return
    print("## Many image sizes\n")
    if not STATUS.exists():
        print("Measured on Linux only.")
        return
    print(f"{chosen.runs} runs at one size; {chosen.near} new sizes timed.\n")
    print(f"| {' | '.join(HEADINGS)} |\n| --- {'| ---: ' * (len(HEADINGS) - 1)}|")
    for name in chosen.methods:
        options = ["--inside", name, "--runs", str(chosen.runs), "--near", str(chosen.near)]
        command = [sys.executable, __file__, *options]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(done.stdout.strip(), flush=True)
    print("\nPixels of the scene beyond the next size that is fast to transform, in the mean:\n")
    print("| sides | more pixels |\n| --- | ---: |")
    for label, axes, sides in (
        ("2D, 64 to 1024", 2, range(64, 1025)),
        ("2D, 1024 to 4096", 2, range(1024, 4097)),
        ("3D, 16 to 512", 3, range(16, 513)),
    ):
        print(f"| {label} | {100 * extra_pixels(axes, sides):.1f} % |")
    print()


def row(name: str, runs: int, near: int) -> str:
    """Measure one method, in this process."""
    method = next(m for m in METHODS if m.__name__ == name)(**SETTINGS.get(name, {}))
    iterated = "iterations" in {field.name for field in fields(method)}
    short = replace(method, iterations=FEW) if iterated else method
    deconvolve(image(SMALL), PSF, short)
    after_sizes, second_pass = left(short, SIZES), left(short, SIZES)
    at_one_size = left(short, itertools.repeat(SMALL, runs))
    random = np.random.default_rng(0)
    shapes = [tuple(random.integers(NEAR[0], NEAR[1], 2, endpoint=True)) for _ in range(40)]
    scenes = {
        scene_grid.Grid.around(s, PSF, "unknown", PSF_LIGHT_KEPT, method.reach).scene
        for s in shapes
    }
    ratios = [seconds(method, shape) / seconds(method, shape) for shape in shapes[:near]]
    ratio = f"{np.median(ratios):.2f}" if ratios else ""
    return (
        f"| {name} | {after_sizes:.0f} | {second_pass:.1f} | {len(scenes)} | {ratio} | "
        f"{at_one_size:.1f} |"
    )


def left(method: Any, shapes: Iterable[tuple[int, int]]) -> float:
    """Return the memory that runs leave occupied, in MiB."""
    before = resident()
    for shape in shapes:
        deconvolve(image(shape), PSF, method)
    return resident() - before


def resident() -> float:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return kilobytes("VmRSS") / 1024


def seconds(method: Any, shape: tuple[int, ...]) -> float:
    blurred = image(shape)
    started = time.perf_counter()
    deconvolve(blurred, PSF, method)
    return time.perf_counter() - started


def image(shape: tuple[int, ...]) -> Any:
    """Make an image of bright grains, blurred, with noise."""
    random = np.random.default_rng(1)
    return convolve(random.random(shape) ** 8, PSF) + random.normal(0, 0.005, shape)


def extra_pixels(axes: int, sides: Iterable[int]) -> float:
    """Return the mean scene size of the ladder, relative to the next fast sizes, minus 1."""
    ratios = [scene_grid.scene_size(n, axes) / fft.next_fast_len(n, real=True) for n in sides]
    return float(np.mean(ratios) ** axes) - 1


if __name__ == "__main__":
    main()
