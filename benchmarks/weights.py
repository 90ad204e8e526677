"""Compare the automatic weight with the best one, and with that of the turned or moved image.

    python benchmarks/weights.py [--development] [--scenes pattern] [--methods pattern]

Each scene is deblurred by ``deconvolve(image, psf, method)``, and by the chosen method with weights
half an octave apart; the best of these is chosen with the truth. The table shows the loss in dB,
and the distance of the automatic weight from the best one, in octaves (+ for too large). *turned*
is the range, in octaves, of the automatic weights of the image turned and mirrored in all eight
ways. *moved* is that of the image without 1 to 5 of its lines.

The constants of `trials.py` and `weight_search.py` were chosen by ``--development``, on other
pictures and other random numbers.
"""

import argparse
import fnmatch
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from zlib import crc32

import numpy as np
from automatic import changed
from cases import blur
from further import cells, grey, picture, points, threads
from metrics import psnr

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    TotalVariation,
    calibrate,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur.methods import Auto, Method

METHODS: dict[str, Method | Auto] = {
    "auto": "auto",
    "TotalVariation": TotalVariation(),
    "Hessian": Hessian(),
    "PoissonLikelihood": PoissonLikelihood(),
}

REACH, MISSED = 14, 2
"""Largest distance of the best weight, in half octaves, and number of steps without a better result
after which the search ends."""

FRAME, VOLUME = (224, 224), (24, 64, 64)

DEVELOPMENT = 500
"""Number that is added to the seeds of the development scenes."""


@dataclass(frozen=True)
class Seen:
    """A truth and its camera image, in the same units."""

    truth: np.ndarray
    image: np.ndarray
    psf: np.ndarray


def moffat_psf(width: float, power: float, half: int = 16) -> np.ndarray:
    """Make the PSF of a star through air, with long tails."""
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    psf = (1 + (rows**2 + columns**2) / width**2) ** -power
    return (psf / psf.sum()).astype(np.float32)


def thin(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Draw winding filaments with a width of one pixel, 0 to 1."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        place, way = random.uniform(0, shape), random.normal(size=len(shape))
        brightness = random.uniform(0.2, 1)
        for _ in range(400):
            way += 0.1 * random.normal(size=len(shape))
            way /= np.linalg.norm(way)
            place = (place + 0.5 * way) % shape
            scene[tuple(place.astype(int))] = brightness
    return scene


def stars(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Draw single bright pixels, few bright and many faint ones, 0 to 1."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        scene[tuple(random.integers(0, n) for n in shape)] = 0.01 * random.uniform() ** -0.8
    return np.minimum(scene, 1)


def remnant(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw a knotty ring, as in images of X-ray telescopes, 0 to 1."""
    random = np.random.default_rng(seed)
    middle = [n / 2 + random.uniform(-9, 9) for n in shape]
    rows, columns = np.indices(shape)
    radius = np.hypot(rows - middle[0], columns - middle[1])
    ring = np.exp(-0.5 * ((radius - 0.3 * shape[0]) / 7) ** 2)
    knots = cells(shape, seed + 1, 400)
    return ring * knots / (ring * knots).max()


PHOTOGRAPHS = (
    ("hubble_deep_field.jpg", "camera.png", "chelsea.png"),
    ("grass.png", "ihc.png", "motorcycle_left.png"),
)
"""Photographs: those of the report, and those of the development."""


def photograph(index: int, development: bool) -> np.ndarray:
    """Return the middle of a picture at half its size, 0.02 to 1."""
    found = picture(PHOTOGRAPHS[development][index], 2)
    found = grey(found) if found.ndim == 3 else found
    return 0.02 + 0.98 * (found - found.min()) / np.ptp(found)


Scene = Callable[[tuple[int, ...], int], np.ndarray]

SCENES: dict[str, tuple[Scene, np.ndarray, dict[str, float]]] = {
    # name: scene of shape and seed, PSF, light of 1 in photons, and about it in photons, and
    # Gaussian noise in photons
    "filaments, 1000 photons": (
        lambda shape, seed: thin(shape, seed, 6),
        gaussian_psf(1.5),
        {"photons": 1000, "ground": 10},
    ),
    "filaments, 300 photons": (
        lambda shape, seed: thin(shape, seed, 20),
        gaussian_psf(2),
        {"photons": 300, "ground": 3},
    ),
    "filaments, read noise": (
        lambda shape, seed: thin(shape, seed, 30),
        gaussian_psf(1.3),
        {"photons": 255, "ground": 5, "noise": 2},
    ),
    "threads": (
        lambda shape, seed: threads(shape, seed, 25),
        gaussian_psf(1.8),
        {"photons": 300, "ground": 2},
    ),
    "points": (
        lambda shape, seed: stars(shape, seed, 200),
        gaussian_psf(1.5),
        {"photons": 20000, "ground": 10},
    ),
    "blobs": (
        lambda shape, seed: points(shape, seed, 200),
        gaussian_psf(2.5),
        {"photons": 300, "ground": 3},
    ),
    "stars": (
        lambda shape, seed: stars(shape, seed, 400),
        moffat_psf(2.5, 2.5),
        {"photons": 50000, "ground": 40, "noise": 4},
    ),
    "X-ray map": (remnant, gaussian_psf(2), {"photons": 1.5, "ground": 0.01}),
    "single molecules": (
        lambda shape, seed: stars(shape, seed, 60),
        gaussian_psf(1.5),
        {"photons": 1000, "ground": 0.02},
    ),
    "localisations": (
        lambda shape, seed: thin(shape, seed, 12),
        gaussian_psf(1.5),
        {"photons": 6, "ground": 0.01},
    ),
    "cells, 40 photons": (
        lambda shape, seed: cells(shape, seed, 60),
        gaussian_psf(2),
        {"photons": 40, "ground": 0},
    ),
    "cells, 400 photons": (
        lambda shape, seed: cells(shape, seed, 60),
        gaussian_psf(1.5),
        {"photons": 400, "ground": 20},
    ),
    "filaments in 3D": (
        lambda shape, seed: thin(shape, seed, 15),
        gaussian_psf((2.2, 1.3, 1.3)),
        {"photons": 600, "ground": 5},
    ),
    "photograph 1": (
        lambda _, seed: photograph(0, seed >= DEVELOPMENT),
        gaussian_psf(1.5),
        {"photons": 255, "noise": 2, "counted": 0},
    ),
    "photograph 2": (
        lambda _, seed: photograph(1, seed >= DEVELOPMENT),
        gaussian_psf(2.5),
        {"photons": 255, "noise": 1, "counted": 0},
    ),
    "photograph 3": (
        lambda _, seed: photograph(2, seed >= DEVELOPMENT),
        gaussian_psf(1.2),
        {"photons": 255, "noise": 6, "counted": 0},
    ),
}


def seen(name: str, development: bool = False) -> Seen:
    """Blur a scene and add noise; light enters from beyond the frame."""
    make, psf, amounts = SCENES[name]
    frame = FRAME if psf.ndim == 2 else VOLUME
    half = [n // 2 for n in psf.shape]
    code = crc32(name.encode()) % 400 + DEVELOPMENT * development
    scene = make(tuple(n + 2 * h for n, h in zip(frame, half)), code)
    frame = tuple(min(n, m - 2 * h) for n, m, h in zip(frame, scene.shape, half))
    scene = scene[tuple(slice(n + 2 * h) for n, h in zip(frame, half))]
    light = amounts["photons"] * scene + amounts.get("ground", 0)
    random = np.random.default_rng(code)
    image = np.maximum(blur(light, psf), 0)
    if amounts.get("counted", 1):
        image = random.poisson(image).astype(float)
    if "noise" in amounts:
        image = image + random.normal(0, amounts["noise"], image.shape)
    image = image.astype(np.float32 if "noise" in amounts else np.uint16)
    inside = tuple(slice(h, h + n) for h, n in zip(half, frame))
    return Seen(light[inside].astype(np.float32), image, psf)


def quality(case: Seen, method: Any) -> tuple[float, Any]:
    """Return the PSNR in dB, and the result."""
    result = deconvolve(case.image, case.psf, method)
    found = result.image + result.method.offset
    return psnr(found, case.truth, float(np.ptp(case.truth))), result


def lost(case: Seen, method: Method | Auto) -> tuple[float, float, float, Any]:
    """Return the PSNR in dB, its loss against the best weight, and the distance in octaves."""
    score, result = quality(case, method)
    tried = {0: quality(case, result.method)[0]}
    for way in (-1, 1):
        missed = 0
        for step in range(way, way * (REACH + 1), way):
            better = max(tried.values())
            tried[step] = quality(case, changed(result.method, "weight", step))[0]
            missed = 0 if tried[step] > better else missed + 1
            if missed == MISSED:
                break
    best = max(tried, key=lambda step: tried[step])
    return score, tried[best] - score, -best / 2, result


def weight_of(image: np.ndarray, psf: np.ndarray, method: Method | Auto) -> float:
    found: Any = calibrate(image, psf, method).method
    return float(np.log2(found.weight))


def turned(image: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the image turned and mirrored along its last two axes in all ways."""
    for transposed, down, across in product((False, True), repeat=3):
        way = np.swapaxes(image, -1, -2) if transposed else image
        yield way[..., :: -1 if down else 1, :: -1 if across else 1]


def spreads(case: Seen, method: Method | Auto) -> tuple[float, float]:
    """Return the ranges of the automatic weights, in octaves: turned, and moved."""
    ways = [weight_of(image, case.psf, method) for image in turned(case.image)]
    frame = [n - 5 for n in case.image.shape[-2:]]
    pieces = [case.image[..., k : k + frame[0], 5 - k : 5 - k + frame[1]] for k in (0, 1, 3, 5)]
    places = [weight_of(piece, case.psf, method) for piece in pieces]
    return float(np.ptp(ways)), float(np.ptp(places))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--scenes", default="*", help="pattern of the scenes' names")
    parser.add_argument("--methods", default="*", help="pattern of the methods' names")
    parser.add_argument("--no-spread", action="store_true", help="neither turn nor move")
    chosen = parser.parse_args()
    print("| scene | method | dB | lost | octaves off | turned | moved | verdict |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    rows = []
    for name, (label, method) in product(SCENES, METHODS.items()):
        if not (fnmatch.fnmatch(name, chosen.scenes) and fnmatch.fnmatch(label, chosen.methods)):
            continue
        case = seen(name, chosen.development)
        score, less, off, result = lost(case, method)
        spread = (np.nan, np.nan) if chosen.no_spread else spreads(case, method)
        rows.append((less, abs(off), *spread))
        kind = f"{label}: {type(result.method).__name__}" if label == "auto" else label
        width = result.calibration.psf_width
        print(
            f"| {name} | {kind} | {score:.2f} | {less:.2f} | {off:+.1f} | {spread[0]:.2f} "
            f"| {spread[1]:.2f} | {result.verdict.kind}{f', {width:.2f}' if width != 1 else ''} |",
            flush=True,
        )
    table = np.array(rows)
    for words, column in zip(("lost, dB", "octaves off", "turned", "moved"), table.T):
        low, high = np.quantile(column, (0.5, 0.9))
        print(f"\n{words}: {low:.2f} in the median, {high:.2f} at one in ten, {column.max():.2f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
