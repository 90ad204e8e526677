"""Estimate the family of the blur of photographs, and measure the loss of a blind run.

    python benchmarks/blur_families.py [--exact] [--blind] [--every N [--first K]]
    python benchmarks/blur_families.py --jpeg
    python benchmarks/blur_families.py --filters

Photographs from scikit-image, made smaller so that they are sharp, are blurred by discs, lines and
Gaussians. With ``--exact``, discs and lines are computed from their transfer functions, else they
are drawn by the package. ``--blind`` also runs ``deconvolve(image)`` against
``deconvolve(image, psf)``; ``--every`` takes one case in so many, from number ``--first`` on.
``--jpeg`` compresses before the blind run. ``--filters`` blurs by filters of image programs, which
are neither of a lens nor of motion, and counts what is claimed of them.
``benchmarks/blur_choices.py`` is what the package's numbers were chosen by.
"""

import argparse
import io
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from metrics import psnr
from PIL import Image
from scenes import photograph
from scipy.signal import fftconvolve
from scipy.special import j1
from verdicts import middle, noisy, shrunk

from napari_tf_deblur import deconvolve, disc_psf, estimate_blur, gaussian_psf, motion_psf
from napari_tf_deblur._run.weight_search import SHARED_NOISE

PICTURES = "camera astronaut coins chelsea coffee gravel brick moon rocket hubble page grass"
"""Photographs. ``blur_choices.py`` uses other ones."""

SHRUNK = {"brick": 3}
SIZE = 256
"""Largest side of a picture, in pixels."""

Blur = tuple[str, float, float]
BLURS: tuple[Blur, ...] = (
    *(("disc", radius, 0.0) for radius in (1.5, 2.0, 3.0, 4.5, 6.0)),
    *(
        ("line", length, angle)
        for length in (5.0, 10.0, 20.0)
        for angle in (20.0, 65.0, 90.0, 155.0)
    ),
    *(("Gaussian", sigma, 0.0) for sigma in (1.0, 1.7, 3.0)),
)
"""Family, size in pixels, angle in degrees."""

NOISES = (0.5, 2.0)
"""Standard deviations of the noise, in images up to 255."""

JPEG_PICTURES = "camera astronaut coins chelsea coffee rocket"
JPEG_BLURS: tuple[Blur, ...] = (("Gaussian", 1.5, 0.0), ("Gaussian", 2.5, 0.0), ("disc", 3.0, 0.0))
QUALITIES = (75, 80, 85, 95)


@dataclass(frozen=True)
class Seen:
    """An image with intensities up to 255, and its truth with intensities up to 1."""

    name: str
    blur: Blur
    noise: float
    truth: np.ndarray
    image: np.ndarray


def psf_of(blur: Blur) -> np.ndarray:
    family, size, angle = blur
    if family == "disc":
        return disc_psf(size)
    return motion_psf(size, angle) if family == "line" else gaussian_psf(size)


def blurred(scene: np.ndarray, blur: Blur, exact: bool) -> np.ndarray:
    """Blur a scene by a drawn PSF, or by the transfer function of its shape."""
    family, size, angle = blur
    if not exact or family == "Gaussian":
        return fftconvolve(scene, psf_of(blur).astype(float), "same")
    rows, columns = np.fft.fftfreq(scene.shape[0])[:, None], np.fft.fftfreq(scene.shape[1])
    if family == "disc":
        x = 2 * np.pi * size * np.hypot(rows, columns) + 1e-9
        transfer = 2 * j1(x) / x
    else:
        turn = np.radians(angle)
        transfer = np.sinc(size * (columns * np.cos(turn) - rows * np.sin(turn)))
    return np.fft.ifft2(np.fft.fft2(scene) * transfer).real


def looked_at(name: str, blur: Blur, noise: float, exact: bool = False) -> Seen:
    scene = shrunk(photograph(name), SHRUNK.get(name, 2))
    return seen_through(name, scene[: SIZE + 40, : SIZE + 40], blur, noise, exact)


def seen_through(name: str, scene: np.ndarray, blur: Blur, noise: float, exact: bool) -> Seen:
    """Blur a scene, and cut off a rim of 20 pixels, from which light enters the frame."""
    frame = tuple(n - 40 for n in scene.shape)
    light, truth = middle(blurred(scene, blur, exact), frame), middle(scene, frame)
    random = np.random.default_rng(crc32(f"{name} {blur} {noise}".encode()))
    return Seen(name, blur, noise, truth, noisy(light, random, {"noise": noise}))


def cases(exact: bool) -> Iterator[Seen]:
    for name in PICTURES.split():
        for blur in BLURS:
            for noise in NOISES:
                yield looked_at(name, blur, noise, exact)


def quality(image: np.ndarray, truth: np.ndarray) -> float:
    return psnr(image / 255, truth, 1.0)


def report(exact: bool, blind: bool, every: int, first: int) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    sizes: dict[str, list[float]] = defaultdict(list)
    angles: list[float] = []
    lost: dict[str, list[float]] = defaultdict(list)
    gained: list[float] = []
    for number, seen in enumerate(cases(exact)):
        if number % every != first % every:
            continue
        family, size, angle = seen.blur
        done = deconvolve(seen.image) if blind else None
        found = done.blur if done else estimate_blur(seen.image)
        assert found is not None
        right[family].append(found.family == family)
        if found.family == family:
            told = {"disc": found.radius, "line": found.length}.get(family, np.mean(found.sigma))
            sizes[family].append(abs(float(told) / size - 1))
            angles += [abs((found.angle - angle + 90) % 180 - 90)] if family == "line" else []
        words = f"{seen.name}, {family} {size:g} {angle:g}, noise {seen.noise:g}: {found}"
        if done:
            known = deconvolve(seen.image, psf_of(seen.blur))
            scores = [quality(i, seen.truth) for i in (seen.image, done.image, known.image)]
            lost[family].append(scores[2] - scores[1])
            gained.append(scores[1] - scores[0])
            words += " {:.2f}, blind {:.2f}, known {:.2f}".format(*scores)
        wrong = "" if right[family][-1] else "WRONG "
        print(f"{wrong}{words} (odds {found.odds:.1f})", flush=True)
    print("\n| family | right | size: median error | nine of ten | blind: lost, median |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for family, values in right.items():
        median, most = np.quantile(sizes[family] or [np.nan], (0.5, 0.9))
        less = f"{np.median(lost[family]):.2f} dB" if blind else ""
        print(f"| {family} | {sum(values)} of {len(values)} | {median:.1%} | {most:.1%} | {less} |")
    if angles:
        print(
            "angles: median error {:.1f}, nine of ten {:.1f}".format(
                *np.quantile(angles, (0.5, 0.9))
            )
        )
    if blind:
        every_loss = [value for values in lost.values() for value in values]
        print(
            f"lost in all: median {np.median(every_loss):.2f} dB; least gain {min(gained):.2f} dB"
        )


def compressed(image: np.ndarray, at: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.rint(image).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=at)
    return np.asarray(Image.open(file))


def report_jpeg() -> None:
    print(
        "| picture, blur, quality | found | before | after | note |\n"
        "| --- | --- | ---: | ---: | --- |"
    )
    for name in JPEG_PICTURES.split():
        for blur in JPEG_BLURS:
            seen = looked_at(name, blur, 0.7)
            for at in QUALITIES:
                image = compressed(seen.image, at)
                done = deconvolve(image)
                scores = quality(image, seen.truth), quality(done.image, seen.truth)
                found = done.blur
                assert found is not None
                size = found.radius or float(np.mean(found.sigma))
                note = "said" if SHARED_NOISE in done.warnings else "NOT SAID"
                print(
                    f"| {name}, {blur[0]} {blur[1]:g}, {at} | {found.family} {size:.2f} "
                    f"| {scores[0]:.2f} | {scores[1]:.2f} | {note} |",
                    flush=True,
                )


def cut_gaussian(sigma: float, size: int) -> np.ndarray:
    """Return a Gaussian along one axis, of which `size` pixels are left."""
    return np.asarray(np.exp(-np.square((np.arange(size) - size // 2) / sigma) / 2))


FILTERS = {
    "box 5 x 5": np.ones((5, 5)),
    "box 4 x 9": np.ones((4, 9)),
    "Gaussian 1.5, cut to 5 x 5": np.outer(cut_gaussian(1.5, 5), cut_gaussian(1.5, 5)),
    "Gaussian 1.2 x 3, cut to 13 x 13": np.outer(cut_gaussian(1.2, 13), cut_gaussian(3, 13)),
    "Gaussian 4, cut to 11 x 11": np.outer(cut_gaussian(4, 11), cut_gaussian(4, 11)),
}


def report_filters() -> None:
    claims: dict[str, dict[str, int]] = {name: defaultdict(int) for name in FILTERS}
    for name in PICTURES.split():
        scene = shrunk(photograph(name), SHRUNK.get(name, 2))[: SIZE + 40, : SIZE + 40]
        frame = tuple(n - 40 for n in scene.shape)
        for kind, kernel in FILTERS.items():
            light = middle(fftconvolve(scene, kernel / kernel.sum(), "same"), frame)
            for noise in NOISES:
                random = np.random.default_rng(crc32(f"{name} {kind} {noise}".encode()))
                found = estimate_blur(noisy(light, random, {"noise": noise}))
                said = "filter" if found.odds < 0 else found.family
                claims[kind][said if found.confident or found.odds < 0 else "not clear"] += 1
    columns = ("filter", "not clear", "Gaussian", "disc", "line")
    print("| filter | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    for kind, counted in claims.items():
        print(f"| {kind} | " + " | ".join(str(counted[column]) for column in columns) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--exact", action="store_true", help="exact transfer functions")
    parser.add_argument("--blind", action="store_true", help="deblur, too")
    parser.add_argument("--every", type=int, default=1, help="one case in so many")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--jpeg", action="store_true", help="compress before a blind run")
    parser.add_argument("--filters", action="store_true", help="filters of image programs")
    asked = parser.parse_args()
    if asked.filters:
        report_filters()
    elif asked.jpeg:
        report_jpeg()
    else:
        report(asked.exact, asked.blind, asked.every, asked.first)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
