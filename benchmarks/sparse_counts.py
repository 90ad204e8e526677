"""Compare methods on photon counts with mostly empty pixels: X-ray and single-molecule maps.

    python benchmarks/sparse_counts.py [--development] [--scenes pattern]

The scenes are dark, with so few photons that most pixels are empty. Each is deblurred by ``"auto"``
and by the candidate methods; the table shows the PSNR in dB. *empty* is the part of the pixels
without a photon, *brightest* the largest number of photons in a pixel.

``"auto"`` uses `RichardsonLucy` for such counts if parts of the image are dark. This rule, and its
limit for the part of empty pixels, were chosen by ``--development``, on other scenes and other
random numbers.
"""

import argparse
import fnmatch
import warnings
from collections.abc import Callable
from itertools import product

import numpy as np
from cases import blur
from further import cells
from metrics import psnr
from scipy import ndimage
from weights import remnant, stars, thin

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur.methods import Auto, Method

METHODS: dict[str, Method | Auto] = {
    "auto": "auto",
    "PoissonLikelihood": PoissonLikelihood(),
    "RichardsonLucy": RichardsonLucy(),
    "Hessian": Hessian(nonnegative=True),
}

FRAME, VOLUME = (224, 224), (20, 72, 72)

DEVELOPMENT = 500
"""Number that is added to the seeds of the development scenes."""

Shape = tuple[int, ...]


def points(shape: Shape, seed: int, count: int, width: float = 0) -> np.ndarray:
    """Draw points, or Gaussian blobs, of different brightness."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        scene[tuple(random.integers(0, n) for n in shape)] += random.uniform(0.1, 1)
    return ndimage.gaussian_filter(scene, width) if width else scene


def discs(shape: Shape, seed: int, count: int) -> np.ndarray:
    """Draw round objects with hard edges, each of one brightness."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    places = np.indices(shape)
    for _ in range(count):
        middle = [random.uniform(0, n) for n in shape]
        squares = sum((p - m) ** 2 for p, m in zip(places, middle))
        scene[squares < random.uniform(3, 9) ** 2] = random.uniform(0.2, 1)
    return scene


SCENES: dict[str, tuple[Callable[[Shape, int], np.ndarray], Shape, float]] = {
    # scene of shape and seed, frame, sigma of the PSF
    "60 points": (lambda shape, seed: points(shape, seed, 60), FRAME, 2.0),
    "300 points": (lambda shape, seed: points(shape, seed, 300), FRAME, 1.5),
    "stars": (lambda shape, seed: stars(shape, seed, 100), FRAME, 1.5),
    "80 blobs": (lambda shape, seed: points(shape, seed, 80, 2), FRAME, 2.0),
    "300 blobs": (lambda shape, seed: points(shape, seed, 300, 1.5), FRAME, 2.5),
    "soft blobs": (lambda shape, seed: points(shape, seed, 60, 4), FRAME, 1.5),
    "filaments": (lambda shape, seed: thin(shape, seed, 12), FRAME, 1.5),
    "cells": (lambda shape, seed: cells(shape, seed, 60), FRAME, 2.0),
    "discs": (lambda shape, seed: discs(shape, seed, 15), FRAME, 1.5),
    "remnant": (remnant, FRAME, 2.0),
    "blobs in 3D": (lambda shape, seed: points(shape, seed, 60, 1.5), VOLUME, 1.5),
    "filaments in 3D": (lambda shape, seed: thin(shape, seed, 15), VOLUME, 1.5),
}

AMOUNTS = ((0.03, 0.0), (0.3, 0.0), (0.3, 0.02), (2.0, 0.0), (2.0, 0.02), (0.1, 0.5), (0.3, 0.3))
"""Mean number of photons per pixel of the scene, and of the background."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--scenes", default="*", help="pattern of the scenes' names")
    chosen = parser.parse_args()
    print(f"| scene | photons | about | empty | brightest | {' | '.join(METHODS)} | auto took |")
    print(f"| --- {'| ---: ' * (4 + len(METHODS))}| --- |")
    rows = []
    for (number, (name, (make, frame, sigma))), (photons, about) in product(
        enumerate(SCENES.items()), AMOUNTS
    ):
        if not fnmatch.fnmatch(name, chosen.scenes):
            continue
        seed = number + DEVELOPMENT * chosen.development
        psf = gaussian_psf((sigma,) * len(frame))
        half = psf.shape[0] // 2
        scene = make(tuple(n + 2 * half for n in frame), seed)
        light = photons * scene / scene.mean() + about
        image = np.random.default_rng(seed).poisson(np.maximum(blur(light, psf), 0))
        inside = tuple(slice(half, half + n) for n in frame)
        truth = light[inside].astype(np.float32)
        found = [deconvolve(image.astype(np.uint16), psf, method) for method in METHODS.values()]
        scores = [psnr(r.image + r.method.offset, truth, float(np.ptp(truth))) for r in found]
        empty = float(np.mean(image == 0))
        rows.append((empty, *scores))
        print(
            f"| {name} | {photons} | {about} | {empty:.2f} | {image.max()} "
            f"| {' | '.join(f'{score:.2f}' for score in scores)} "
            f"| {type(found[0].method).__name__} |",
            flush=True,
        )
    table = np.array(rows)
    print()
    for low, high in ((0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        here = table[(table[:, 0] >= low) & (table[:, 0] < high)]
        for column, other in enumerate(METHODS, 1):
            if not len(here) or other == "PoissonLikelihood":
                continue
            gain = here[:, column] - here[:, 2]
            print(
                f"{low:.1f} to {high:.1f} empty, {len(here)} images: {other} beyond "
                f"PoissonLikelihood by {np.median(gain):+.2f} dB in the median, "
                f"{gain.min():+.2f} to {gain.max():+.2f}"
            )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
