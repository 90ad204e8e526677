"""How many errors that come from noise lie within the standard deviations that a result gives.

    python benchmarks/uncertainty.py [--axes 2|3] [--development | --cost]

A scene is blurred, and noise is drawn `DRAWS` times: photons at a gain of 2, a camera's offset of
100 and read noise of 3. The first image is calibrated; all are deblurred with this calibration. The
error that comes from noise is each result less the mean of all. The standard deviations come from
`deconvolve(..., uncertainty=True)` for the first images; each is compared with the errors of the
other images. About 68 % should lie within them. The columns:

- *all*: all pixels. *structure*: the brightest tenth of the scene. *exact*: all pixels, if the
  standard deviations of the errors themselves are taken; it is more than 68 % where the errors are
  not normally distributed. *dark*: the part of the pixels at which no draw changes the result; they
  count as within.
- *ratio*: root mean square of the given standard deviations, relative to that of the errors.

``--cost`` prints the seconds of a run with a calibration, of the same with standard deviations, and
of a run that searches for its weight first, for an image of 512 x 512 pixels.

``--development`` prints which parts of the residual, numbers of runs and sizes of the
neighbourhood come near to 68 %, on other scenes with other random numbers. `KEPT_RESIDUAL`,
`UNCERTAINTY_RUNS` and `POOLING_SIGMA` were chosen by it.
"""

import argparse
import time
import warnings
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from napari_tf_deblur import (
    Calibration,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._run import uncertainty

METHODS = (TotalVariation(), Hessian(), PoissonLikelihood(), RichardsonLucy())
PHOTONS = (15, 100, 1000)
DRAWS, ESTIMATES = 16, 3

FRAMES = {2: (128, 128), 3: (16, 64, 64)}
SIGMAS: dict[int, Any] = {2: 1.7, 3: (1.6, 1.5, 1.5)}

PARTS, RUNS, POOLING_SIGMAS = (0, 0.5, 1), (4, 6, 8), (0, 0.5, 0.7, 1.0)


def tissue(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw cells that touch, with bright membranes and granules; a part of the image is empty."""
    random = np.random.default_rng(seed)
    stretch = np.array((2.0, 1.0, 1.0)[-len(shape) :]) if len(shape) == 3 else np.ones(2)
    places = np.indices(shape) * stretch.reshape(-1, *(1,) * len(shape))
    size = np.array(shape) * stretch
    middles = random.uniform(0, 1, (14, len(shape))) * size
    distances = np.sort([_distance(places, middle) for middle in middles], axis=0)
    scene = 0.6 * np.exp(-(((distances[1] - distances[0]) / 2.5) ** 2)) + 0.3 * (distances[0] < 7)
    for _ in range(28):
        middle = random.uniform(0, 1, len(shape)) * size
        scene += random.uniform(0.3, 1) * (_distance(places, middle) < random.uniform(1, 4))
    field = ndimage.gaussian_filter(random.normal(size=shape), min(shape) / 4)
    scene *= field > np.quantile(field, 0.3)
    return scene / scene.max()


def vesicles(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw hollow and filled vesicles of many sizes, a soft body around them, and threads."""
    random = np.random.default_rng(seed)
    places, size = np.indices(shape).astype(float), np.array(shape, float)
    if len(shape) == 3:
        places[0] *= 2
        size[0] *= 2
    body = np.exp(-0.5 * (_distance(places, size * 0.45) / (0.28 * size.max())) ** 4)
    scene = 0.12 * body
    for number in range(26):
        distance = _distance(places, random.uniform(0.12, 0.88, len(shape)) * size)
        radius = random.uniform(2, 7)
        wall = distance < radius if number % 3 == 0 else np.abs(distance - radius) < 0.9
        scene += random.uniform(0.2, 0.7) * wall
    for _ in range(5):
        start, end = random.uniform(0, 1, (2, len(shape))) * size
        for part in np.linspace(0, 1, 120):
            bend = 3 * np.sin(9 * part)
            scene += 0.02 * (_distance(places, start + part * (end - start) + bend) < 1.2)
    return scene / scene.max()


def _distance(places: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.sqrt(sum((p - m) ** 2 for p, m in zip(places, middle)))


def observe(blurred: np.ndarray, photons: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    counts = random.poisson(photons * blurred)
    return (100 + 2 * counts + random.normal(0, 3, blurred.shape)).astype(np.float32)


class Case:
    """One scene, method and noise: the errors of many draws, and the first images."""

    def __init__(self, axes: int, method: Any, photons: float, development: bool) -> None:
        shape, self.psf = FRAMES[axes], gaussian_psf(SIGMAS[axes])
        scene = tissue(shape, 11) if development else vesicles(shape, 23)
        blurred = convolve(scene, self.psf, boundary="reflect") + 0.01
        seed = (300 if development else 700) + int(photons)
        self.images = [observe(blurred, photons, seed + 5000 * k) for k in range(DRAWS)]
        self.calibration: Calibration = calibrate(self.images[0], self.psf, method)
        results = np.stack([self.deconvolve(image).image for image in self.images])
        self.errors = (results - results.mean(axis=0)) * np.sqrt(DRAWS / (DRAWS - 1))
        self.structure = scene >= np.quantile(scene, 0.9)

    def deconvolve(self, image: np.ndarray, **options: Any) -> Any:
        return deconvolve(image, self.psf, self.calibration, **options)

    def coverage(self, deviation: np.ndarray, number: int) -> tuple[float, float]:
        """Part of the errors of other images within standard deviations: all, and structure."""
        others = np.abs(np.delete(self.errors, number, axis=0))
        within = others <= deviation
        return float(within.mean()), float(within[:, self.structure].mean())


def measure(case: Case) -> list[str]:
    coverages, ratios = [], []
    for number in range(ESTIMATES):
        deviation = case.deconvolve(case.images[number], uncertainty=True).uncertainty
        coverages.append(case.coverage(deviation, number))
        ratios.append(np.sqrt(np.mean(deviation**2) / np.mean(case.errors**2)))
    exact = np.mean(np.abs(case.errors) <= case.errors.std(axis=0))
    dark = np.mean(np.ptp(case.errors, axis=0) == 0)
    parts = (*np.mean(coverages, axis=0), exact, dark)
    cells = [f"{100 * part:.0f} %" for part in parts]
    return [*cells, f"{np.mean(ratios):.2f}"]


def print_table(axes: tuple[int, ...]) -> None:
    titles = ("axes", "method", "photons", "all", "structure", "exact", "dark", "ratio")
    print("|".join(("", *titles, "")))
    print("|".join(("", *("---",) * len(titles), "")))
    for number, method, photons in product(axes, METHODS, PHOTONS):
        cells = measure(Case(number, method, photons, development=False))
        print(
            "| " + " | ".join((f"{number}D", type(method).__name__, str(photons), *cells)) + " |",
            flush=True,
        )


def print_cost() -> None:
    psf = gaussian_psf(SIGMAS[2])
    blurred = convolve(vesicles((512, 512), 23), psf, boundary="reflect") + 0.01
    first, second = (observe(blurred, 100, seed) for seed in (1, 2))
    print("| method | run | with standard deviations | ratio | with the search for the weight |")
    print("|---|---|---|---|---|")
    for method in METHODS:
        calibration = calibrate(first, psf, method)
        deconvolve(first, psf, calibration)  # compiles
        seconds = [
            _seconds(second, psf, calibration),
            _seconds(second, psf, calibration, uncertainty=True),
            _seconds(second, psf, method),
        ]
        plain, full, search = seconds
        name = type(method).__name__
        print(f"| {name} | {plain:.2f} s | {full:.2f} s | {full / plain:.1f} | {search:.2f} s |")


def _seconds(*arguments: Any, **options: Any) -> float:
    started = time.perf_counter()
    deconvolve(*arguments, **options)
    return time.perf_counter() - started


def print_choices(axes: tuple[int, ...]) -> None:
    """Print, for each choice of the constants, how far the coverage is from 68 %."""
    found: dict[tuple[float, int, float], list[tuple[float, float]]] = {}
    pool, uncertainty.UNCERTAINTY_RUNS = uncertainty.pool_deviations, max(RUNS)
    for dims, method, photons in product(axes, METHODS, PHOTONS):
        case = Case(dims, method, photons, development=True)
        for number, part in product(range(2), PARTS):
            uncertainty.KEPT_RESIDUAL = part
            kept: list[Any] = []

            def keep(results: Any, spacing: Any, kept: list[Any] = kept) -> Any:
                kept.extend((results, spacing))
                return pool(results, spacing)

            uncertainty.pool_deviations = keep
            case.deconvolve(case.images[number], uncertainty=True)
            for runs, sigma in product(RUNS, POOLING_SIGMAS):
                deviation = pool(kept[0][:runs], kept[1], sigma)[0, 0]
                found.setdefault((part, runs, sigma), []).append(case.coverage(deviation, number))
    print(
        "residual runs sigma  all: mean, least, most, mean distance from 68   structure: the same"
    )
    for (part, runs, sigma), values in found.items():
        words = [
            f"{v.mean():5.1f} {v.min():5.1f} {v.max():5.1f} {np.abs(v - 68.3).mean():5.1f}"
            for v in 100 * np.array(values).T
        ]
        print(f"{part:8.1f} {runs:4d} {sigma:5.1f}  ", "        ".join(words))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--axes", type=int, choices=(2, 3), help="only images or only volumes")
    parser.add_argument("--development", action="store_true", help="choose the constants")
    parser.add_argument("--cost", action="store_true", help="measure the time")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    axes = (2, 3) if arguments.axes is None else (arguments.axes,)
    if arguments.cost:
        print_cost()
    elif arguments.development:
        print_choices(axes)
    else:
        print_table(axes)


if __name__ == "__main__":
    main()
