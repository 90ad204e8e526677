"""Vary the constants of the estimation of blur, and count what is right.

    python benchmarks/blur_constants.py [NAME ...]

Each constant of ``_blur`` whose docstring names this command is multiplied by 0.5 and by 1.5 (as
``constants.py --vary`` does), and the blur of the pictures of ``blur_choices.py`` is estimated.
Tests and ``blur_families.py`` do not use these pictures. Printed: how many families are right; how
many clear estimates there are, and how many of these are false (another family, or a size outside
the interval); the median error of the sizes; and how many estimates changed. ``BLUR_CONSTANTS.md``
is what it printed.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from blur_choices import scene_of
from blur_families import Blur, compressed, seen_through
from scipy.ndimage import gaussian_filter
from sensitivity import variations

from napari_tf_deblur import BlurEstimate, disc_psf, estimate_blur, gaussian_psf

PICTURES = ("retina", "tissue", "motorcycle", "leaves 21")
BLURS: tuple[Blur, ...] = (
    *(("Gaussian", sigma, 0.0) for sigma in (0.7, 1.3, 2.2)),
    *(("disc", radius, 0.0) for radius in (1.8, 3.5)),
    *(("line", length, angle) for length, angle in ((6.0, 0.0), (11.0, 65.0))),
)
NOISES = (0.5, 3.0)


@dataclass(frozen=True)
class Case:
    """An image of which the blur is known: its family, and the sigmas or the size."""

    image: np.ndarray
    family: str
    sizes: tuple[float, ...]


def cases() -> Iterator[Case]:
    for name in PICTURES:
        scene = scene_of(name)
        for blur in BLURS:
            for noise in NOISES:
                seen = seen_through(name, scene, blur, noise, False)
                yield Case(seen.image, blur[0], (blur[1],))
        elongated = gaussian_filter(scene.astype(float), (0.9, 2.0))[20:-20, 20:-20]
        noise = np.random.default_rng(1).normal(0, 0.01 * np.ptp(elongated), elongated.shape)
        yield Case(elongated + noise, "Gaussian", (0.9, 2.0))
        seen = seen_through(name, scene, ("Gaussian", 1.5, 0.0), 0.7, False)
        yield Case(compressed(seen.image, 85), "Gaussian", (1.5,))
    points = np.zeros((220, 220))
    points[tuple(np.random.default_rng(2).integers(0, 220, (2, 120)))] = 1
    for psf, family, size in (
        (gaussian_psf(1.5), "Gaussian", 1.5),
        (disc_psf(3), "disc", 3.0),
    ):
        light = np.maximum(np.fft.irfft2(np.fft.rfft2(points) * spectrum(psf, points.shape)), 0)
        photons = np.random.default_rng(3).poisson(300 * light / light.max() + 2)
        yield Case(photons.astype(float), family, (size,))


def spectrum(psf: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    whole = np.zeros(shape)
    whole[: psf.shape[0], : psf.shape[1]] = psf
    return np.fft.rfft2(np.roll(whole, [-(n // 2) for n in psf.shape], (0, 1)))


def sizes_of(found: BlurEstimate) -> tuple[float, ...]:
    if found.family in ("disc", "line"):
        return (found.radius or found.length,)
    return tuple(dict.fromkeys(found.sigma))


def is_false(case: Case, found: BlurEstimate) -> bool:
    """Whether a clear estimate has another family, or an interval without the truth."""
    if found.family != case.family:
        return True
    truth = case.sizes
    if found.family == "Gaussian":
        truth = truth if len(truth) == 2 else 2 * truth
        return any(not lo <= t <= hi for (lo, hi), t in zip(found.interval, truth, strict=True))
    lower, upper = (bound / found.sigma[1] for bound in found.interval[1])
    return not lower <= truth[0] / sizes_of(found)[0] <= upper


def row(seen: list[Case], base: list[BlurEstimate] | None) -> tuple[list[BlurEstimate], str]:
    found = [estimate_blur(case.image) for case in seen]
    pairs = list(zip(seen, found, strict=True))
    right = [(c, f) for c, f in pairs if c.family == f.family]
    clear = [(c, f) for c, f in pairs if f.confident]
    errors = [
        abs(float(np.log(np.mean(sizes_of(f)) / np.mean(c.sizes)))) for c, f in right if c.sizes
    ]
    changed = sum(str(a) != str(b) for a, b in zip(found, base or found, strict=True))
    false = sum(is_false(c, f) for c, f in clear)
    return found, (f"{len(right)} | {len(clear)} | {false} | {np.median(errors):.3f} | {changed} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="constants; by default all that name this command")
    names = parser.parse_args().names
    seen = list(cases())
    print(f"{len(seen)} images\n")
    print("| constant | times | families right | clear | of these false | size error | changed |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    base, line = row(seen, None)
    print(f"| as it is | 1 | {line}", flush=True)
    for name, factor in variations("benchmarks/blur_constants.py", names):
        print(f"| {name} | {factor:g} | {row(seen, base)[1]}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
