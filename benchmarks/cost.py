"""Measure the time of runs in units of an FFT pair, with known and with automatic settings.

Each method runs with known values. Then the default method runs with only the PSF known, and
scikit-image's Richardson-Lucy for comparison. All runs of a size are in one process, each after a
run that is not counted. ``python benchmarks/cost.py`` takes half an hour, ``--cases "512*"`` some
minutes. ``--start`` measures only what a run costs once, in seconds: the start of TensorFlow in a
new process, and the samples of an image that is deblurred in pieces.
"""

import argparse
import fnmatch
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from cases import Case, observed
from metrics import psnr
from scenes import nuclei
from skimage.restoration import richardson_lucy
from speed import photo_of, seconds_of_pair

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    calibrate,
    deconvolve,
    gaussian_psf,
)

METHODS = (TotalVariation(), Hessian(), PoissonLikelihood(), RichardsonLucy(), Wiener())


def volume_of(shape: tuple[int, int, int]) -> Case:
    """Make a volume of nuclei, with 100 photons at the peak."""
    psf = gaussian_psf((2.5, 1.4, 1.4))
    scene = nuclei(tuple(n + 2 * (m // 2) for n, m in zip(shape, psf.shape)))
    return observed(" x ".join(map(str, shape)), scene, psf, "camera", photons=100, counts=True)


CASES: dict[str, Callable[[], Case]] = {
    **{f"{n} x {n}": partial(photo_of, n) for n in (512, 1024, 2048, 4096)},
    **{
        " x ".join(map(str, shape)): partial(volume_of, shape)
        for shape in ((64, 256, 256), (64, 512, 512))
    },
}


def warm(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a second run, and its result."""
    run()
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def rows(case: Case) -> None:
    """Print the time of each method on a case."""
    pair = np.median([seconds_of_pair(case)() for _ in range(5)])

    def row(name: str, seconds: float, iterations: int | str, image: np.ndarray) -> None:
        score = psnr(image, case.truth, case.peak, case.affine)
        print(f"| {case.name} | {name} | {seconds / pair:.0f} | {iterations} | {score:.2f} |")

    blurred = psnr(case.blurred, case.truth, case.peak, case.affine)
    print(f"| {case.name} | (the image as it is) | | | {blurred:.2f} |")
    for method in METHODS:
        known = calibrate(case.blurred, case.psf, method)
        _, result = warm(partial(deconvolve, case.blurred, case.psf, known))
        image = result.image + known.method.offset
        row(type(method).__name__, result.seconds, result.iterations, image)
    seconds, result = warm(partial(deconvolve, case.blurred, case.psf))
    name = type(result.method).__name__
    image = result.image + result.method.offset
    row(f"nothing told but the PSF: {name}", seconds, result.iterations, image)
    _, alone = warm(partial(deconvolve, case.blurred, case.psf, result.calibration))
    print(f"| {case.name} | the same, in runs of {name} | {seconds / alone.seconds:.1f} runs | | |")
    for count in (10, 30):
        seconds, image = warm(
            partial(richardson_lucy, np.maximum(case.blurred, 0), case.psf, count, clip=False)
        )
        row("scikit-image's Richardson-Lucy", seconds, count, image)


START = """
import time
from napari_tf_deblur._solvers.load import tensorflow
began = time.perf_counter()
tensorflow().zeros(1)
print(f"start of TensorFlow: {time.perf_counter() - began:.1f} s")
"""

SAMPLES = """
import tempfile
import time
import dask.array as da
import numpy as np
from skimage import data
from napari_tf_deblur import gaussian_psf, iter_deconvolve
image = da.from_array(np.tile(data.camera().astype(np.float32), (6, 6)), chunks=512)
if __name__ == "__main__":
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/result.ome.zarr"
        for step in iter_deconvolve(image, gaussian_psf(1.5), output=output, memory=3):
            if step.sample_calibration:
                print(f"workers and samples: {time.perf_counter() - began:.1f} s")
                break
"""


def measure_start() -> None:
    """Print the seconds that a run costs once."""
    for script in (START, SAMPLES):
        subprocess.run([sys.executable, "-c", script], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", default="*", help="pattern of the sizes")
    parser.add_argument("--start", action="store_true", help="only what a run costs once")
    asked = parser.parse_args()
    if asked.start:
        measure_start()
        return
    pattern = asked.cases
    print("## What a run costs\n")
    print("| image | method | time, in FFT pairs | iterations | PSNR |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, make in CASES.items():
        if fnmatch.fnmatch(name, pattern):
            rows(make())
    print()


if __name__ == "__main__":
    main()
