"""Measure the errors of `estimate_noise` with simulated cameras.

    python benchmarks/noise_estimate.py [--side 256] [--pictures others]

Each value counts as *within* its tolerance, as *unknown* (None), or as *wrong*. The tolerance of
the gain is 10 %; of the offset 20 %, or 2 % of the light of the brightest structure if that is
more; of the read noise 20 %, or a tenth of a photon, or of the step to which intensities are
rounded (rounding noise counts as read noise).
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scenes import photograph
from scipy import ndimage
from skimage.transform import resize

from napari_tf_deblur import estimate_noise

PICTURES = {
    "others": ("camera", "chelsea", "coins", "coffee", "astronaut", "moon", "rocket", "cell"),
    "development": ("retina", "grass", "immunohistochemistry", "microaneurysms", "clock"),
}
GAINS = (0.1, 0.5, 2.2, 10, 50)
READ_NOISES = (0, 1, 1.6, 3, 10)
PEAKS = (15, 50, 200, 1000, 5000)
DARK = (0.0, 0.3, 0.6, 0.8, 0.9, 0.97)
SCENES = ("photograph", "cells", "filaments", "beads", "volume")
SIGMAS = (0.5, 1, 2, 5, 12, 25)


@dataclass(frozen=True)
class Camera:
    """A simulated image and its true values, in intensity units."""

    image: np.ndarray
    gain: float
    offset: float
    read_noise: float
    contrast: float
    whole: bool
    name: str


def scene(
    kind: str, side: int, dark: float, random: np.random.Generator, pictures: str
) -> np.ndarray:
    """Return the light of a blurred scene, 0 to 1; a part of the field holds only blurred light."""
    if kind == "photograph":
        light = picture(random.choice(PICTURES[pictures]), side) * 0.9 + 0.1
        light *= ndimage.gaussian_filter(_field(light.shape, 1 - dark, random) * 1.0, 2)
        return _scaled(ndimage.gaussian_filter(light, random.uniform(1, 3), mode="reflect"))
    shape = (24, side // 2, side // 2) if kind == "volume" else (side, side)
    if kind in ("cells", "volume"):
        mottle = ndimage.gaussian_filter(random.normal(size=shape), 3)
        light = _field(shape, 1 - dark, random) * np.clip(
            1 + 0.4 * mottle / mottle.std(), 0.1, None
        )
        light *= 0.2 + ndimage.gaussian_filter(random.random(shape), 20)
    else:
        number = max(4, round((1 - dark) * math.prod(shape) / (60 if kind == "beads" else 900)))
        light = np.zeros(shape)
        for _ in range(number):
            place = random.uniform(0, shape)
            heading, bend = random.uniform(0, 2 * np.pi), random.normal(0, 0.02)
            bright = random.uniform(0.2, 1)
            for _ in range(1 if kind == "beads" else 150):
                light[tuple(np.minimum(place, np.array(shape) - 1).astype(int))] += bright
                heading += bend
                place = (place + np.array([np.sin(heading), np.cos(heading)])) % shape
    return _scaled(ndimage.gaussian_filter(light, random.uniform(1, 3), mode="reflect"))


def picture(name: str, side: int) -> np.ndarray:
    """Return the middle of a grey picture, resized to a given side."""
    grey = photograph(str(name))
    grey = grey[..., :3].mean(-1) if grey.ndim == 3 else grey
    n = min(grey.shape)
    grey = grey[tuple(slice((m - n) // 2, (m - n) // 2 + n) for m in grey.shape)]
    return _scaled(resize(grey, (side, side), anti_aliasing=n > side))


def _field(shape: tuple[int, ...], part: float, random: np.random.Generator) -> np.ndarray:
    """Draw round patches that cover a part of the field."""
    if part >= 1:
        return np.ones(shape, bool)
    height = ndimage.gaussian_filter(random.normal(size=shape), 12, mode="wrap")
    return height > np.quantile(height, 1 - part)


def _scaled(light: np.ndarray) -> np.ndarray:
    return np.maximum(light, 0) / light.max()


def camera(random: np.random.Generator, side: int, pictures: str) -> Camera:
    """Choose a camera and a scene at random, and simulate an image."""
    kind = random.choice(SCENES)
    gain, peak, dark = random.choice(GAINS), random.choice(PEAKS), random.choice(DARK)
    read, whole = gain * random.choice(READ_NOISES), bool(random.random() < 0.5)
    offset = random.choice([0.0, random.uniform(0, 1000)])
    light = peak * scene(kind, side, dark, random, pictures)
    image = offset + gain * random.poisson(light) + random.normal(0, read or 1e-9, light.shape)
    if whole:
        image = np.maximum(np.round(image), 0)
        read = float(np.std(np.round(offset + random.normal(0, read, 10_000))))
    name = (
        f"{kind}, {peak} photons, {100 * dark:.0f} % dark, gain {gain}, offset {offset:.0f}, "
        f"read noise {read:.2f}{', integers' if whole else ''}"
    )
    return Camera(image.astype(np.float32), gain, offset, read, gain * peak, whole, name)


def verdict(found: float | None, truth: float, tolerance: float) -> tuple[str, float]:
    """Return the class of a value, and its error in units of the tolerance."""
    if found is None:
        return "unknown", 0.0
    error = abs(found - truth) / tolerance
    return ("within" if error <= 1 else "wrong"), error


def judged(case: Camera) -> Iterator[tuple[str, str, float, str]]:
    """Yield name, class, error in units of the tolerance, and estimate of each value."""
    noise = estimate_noise(case.image)
    offset_tolerance = max(0.2 * case.offset, 0.02 * case.contrast)
    read_tolerance = max(0.2 * case.read_noise, 0.1 * case.gain, 0.1 * case.whole)
    for name, truth, tolerance in (
        ("gain", case.gain, 0.1 * case.gain),
        ("offset", case.offset, offset_tolerance),
        ("read_noise", case.read_noise, read_tolerance),
    ):
        found = getattr(noise, name)
        yield name, *verdict(found, truth, tolerance), f"{found} for {truth:.4g}"


def gaussian(
    random: np.random.Generator, side: int, pictures: str
) -> tuple[str, np.ndarray, float]:
    """Return a blurred photograph, 0 to 255, with noise that is equal everywhere."""
    name, sigma = str(random.choice(PICTURES[pictures])), float(random.choice(SIGMAS))
    blur, whole = random.uniform(1, 3), bool(random.random() < 0.5)
    image = 255 * ndimage.gaussian_filter(picture(name, side), blur)
    image += random.normal(0, sigma, image.shape)
    if whole:
        image, sigma = np.clip(np.round(image), 0, 255), math.hypot(sigma, 12**-0.5)
    words = f"{name}, blur {blur:.1f}, noise {sigma:.2f}{', integers' if whole else ''}"
    return words, image.astype(np.float32), sigma


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pictures", choices=PICTURES, default="others")
    parser.add_argument("--cameras", type=int, default=300)
    parser.add_argument("--gaussian", type=int, default=100)
    parser.add_argument("--worst", type=int, default=1, help="how many to name")
    arguments = parser.parse_args()
    first = 0 if arguments.pictures == "others" else 10_000
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    worst: dict[str, list[tuple[float, str]]] = defaultdict(list)

    def count(what: str, word: str, error: float, words: str) -> None:
        counts[what][word] += 1
        worst[what].append((error, words))

    for seed in range(first, first + arguments.cameras):
        case = camera(np.random.default_rng(seed), arguments.side, arguments.pictures)
        for name, word, error, found in judged(case):
            count(name, word, error, f"{found}: {case.name} (seed {seed})")
    for seed in range(first, first + arguments.gaussian):
        random = np.random.default_rng(seed)
        words, image, sigma = gaussian(random, arguments.side, arguments.pictures)
        noise = estimate_noise(image)
        word, error = verdict(noise.sigma, sigma, 0.05 * sigma)
        said = f"{noise.sigma:.3g}, gain {noise.gain}: {words} (seed {seed})"
        count("sigma of Gaussian noise", word, error, said)
        claim = "within" if noise.gain is None else "wrong"
        count("no photons claimed", claim, float(claim == "wrong"), said)
    print("| value | within | unknown | wrong | worst, in tolerances |")
    print("| --- | --: | --: | --: | --: |")
    for what, number in counts.items():
        errors = sorted(worst[what], reverse=True)
        cells = (number[word] for word in ("within", "unknown", "wrong"))
        print(f"| {what} | {' | '.join(map(str, cells))} | {errors[0][0]:.1f} |")
    for what, errors in worst.items():
        for error, words in sorted(errors, reverse=True)[: arguments.worst]:
            print(f"\n{what}, {error:.1f} tolerances: {words}", end="")
    print()


if __name__ == "__main__":
    main()
