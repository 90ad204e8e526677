"""Count false claims of flicker, show how much flicker is found, and what its correction wins.

    python benchmarks/plane_factors.py            # thresholds: claims without flicker, and with
    python benchmarks/plane_factors.py --gain     # bleaching and flicker: dB and flux

Scenes are made here; tests and results use others. Each scene without flicker has the brightness
of its planes changed by structure only: layers, single planes, gradients, empty planes, beads. Each
is told the true PSF, and one that is a quarter too wide. "Moved" and "uneven" are scenes that
change while the planes are taken: objects that move, and a stage whose steps differ by a tenth.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
from metrics import psnr
from scipy import ndimage

from napari_tf_deblur import (
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
    microscope_psf,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.plane_factors import find_flicker, measure_jumps

SHAPE = (36, 96, 96)
SIGMAS = (1.2, 1.6, 2.2, 3.0, 4.5)
PHOTONS = (5, 30, 300, 10_000)
FLICKER = (0.01, 0.02, 0.04, 0.08, 0.16)
SEEDS = 3
PEAK = 200.0
HAZE = 20


def blobs(random: np.random.Generator, count: int, radius: float) -> np.ndarray:
    scene = np.zeros(SHAPE)
    places = tuple(random.integers(0, SHAPE[axis], count) for axis in range(3))
    scene[places] = random.uniform(0.2, 1, count)
    return ndimage.gaussian_filter(scene, (radius / 2, radius, radius), mode="constant")


def in_planes(random: np.random.Generator, profile: np.ndarray) -> np.ndarray:
    texture = np.abs(ndimage.gaussian_filter(random.normal(size=SHAPE[1:]), 2))
    return profile[:, None, None] * texture


def profile(*planes: int, size: float = 1.0) -> np.ndarray:
    values = np.zeros(SHAPE[0])
    values[list(planes)] = size
    return values


def step(random: np.random.Generator) -> np.ndarray:
    return in_planes(random, np.where(np.arange(SHAPE[0]) < SHAPE[0] // 2, 1.0, 0.15))


SCENES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "cells": lambda random: blobs(random, 60, 5),
    "small cells": lambda random: blobs(random, 400, 2),
    "one cell": lambda random: blobs(random, 1, 6),
    "beads": lambda random: blobs(random, 60, 0.01),
    "many beads": lambda random: blobs(random, 3000, 0.01),
    "one plane": lambda random: in_planes(random, profile(17)),
    "two planes": lambda random: in_planes(random, profile(12, 19)),
    "layers": lambda random: in_planes(random, profile(3, 8, 14, 19, 27, 32)),
    "every 4th plane": lambda random: in_planes(random, profile(*range(1, 36, 4))),
    "every 6th plane": lambda random: in_planes(random, profile(*range(1, 36, 6))),
    "random planes": lambda random: in_planes(random, random.pareto(1.5, SHAPE[0])),
    "step": step,
    "slab": lambda random: in_planes(random, profile(*range(10, 22))),
    "gradient": lambda random: blobs(random, 200, 3) * np.linspace(1, 0.2, 36)[:, None, None],
    "decay": lambda random: blobs(random, 200, 3) * np.exp(-np.arange(36) / 6)[:, None, None],
    "bright plane": lambda random: blobs(random, 200, 3) / 5 + in_planes(random, profile(20)) / 50,
}


def images(
    scene: np.ndarray, psf: np.ndarray, random: np.random.Generator, factors: np.ndarray | float = 1
) -> Iterator[tuple[int, np.ndarray]]:
    light = convolve(scene, psf, boundary="zero")
    light = light / light.max() * np.reshape(factors, (-1, 1, 1))
    for photons in PHOTONS:
        yield photons, random.poisson(photons * light).astype(np.float32)


def uneven(scene: np.ndarray, psf: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur a scene, and take its planes at places that are a tenth of a step off."""
    light = convolve(scene, psf, boundary="zero")
    places = np.arange(SHAPE[0]) + random.uniform(-0.1, 0.1, SHAPE[0])
    grid = np.meshgrid(places, *(np.arange(n) for n in SHAPE[1:]), indexing="ij")
    return ndimage.map_coordinates(light, grid, order=3, mode="nearest")


def moved(psf: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur cells of which some are at another place in each plane, or gone."""
    still, light = convolve(blobs(random, 40, 5), psf, boundary="zero"), np.zeros(SHAPE)
    for k in range(SHAPE[0]):
        light[k] = convolve(blobs(random, 12, 5), psf, boundary="zero")[k] + still[k]
    return light


def widefield(step: float) -> np.ndarray:
    shape = (2 * SHAPE[0] - 1, 63, 63)
    return microscope_psf(1.2, 520, spacing=(step, 110, 110), refractive_index=1.33, shape=shape)


def psfs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Return names, true PSFs, and PSFs that are a quarter too wide."""
    for sigma in SIGMAS:
        yield (
            f"Gaussian {sigma}",
            gaussian_psf((sigma, 1.5, 1.5)),
            gaussian_psf((1.25 * sigma, 1.9, 1.9)),
        )
    for step in (150.0, 300.0):
        yield f"widefield {step:.0f} nm", widefield(step), widefield(step / 1.25)


def count_claims() -> None:
    claims: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0.0])
    flat = np.ones(SHAPE[0])
    for seed in range(SEEDS):
        for psf_name, psf, wide in psfs():
            for name, make in SCENES.items():
                random = np.random.default_rng(seed)
                scene = make(random)
                for _, image in images(scene, psf, random):
                    tally(claims[name], claims[psf_name], image=image, psf=psf, wide=wide)
                light = uneven(scene, psf, random)
                image = random.poisson(300 * np.maximum(light / light.max(), 0)).astype(np.float32)
                tally(claims["uneven"], image=image, psf=psf, wide=wide)
        light = moved(psf := gaussian_psf((2.2, 1.5, 1.5)), random)
        image = random.poisson(300 * light / light.max()).astype(np.float32)
        tally(claims["moved"], image=image, psf=psf, wide=psf)
    print(f"{'no flicker':20s} images  told  measured  sure  sure with a wide PSF  largest")
    for name, (number, measured, sure, wide_sure, largest) in claims.items():
        print(
            f"{name:20s} {number:6.0f}        {measured:8.0f} {sure:5.0f} {wide_sure:10.0f}"
            f" {largest:20.4f}"
        )
    print("\nflicker: sure, and root mean square of what is left, by its size")
    for psf_name, psf, _ in psfs():
        line = []
        for size in FLICKER:
            found, left = [], []
            for name in ("cells", "small cells", "many beads", "gradient"):
                for seed in range(SEEDS):
                    random = np.random.default_rng(seed)
                    scene = SCENES[name](random)
                    logarithms = size * random.normal(size=flat.shape)
                    for photons, image in images(scene, psf, random, np.exp(logarithms)):
                        if photons < 30:
                            continue
                        factors = find_flicker(Pixels(image[None]), psf, 0.0)
                        found.append(factors is not None)
                        if factors:
                            left.append(np.std(logarithms - np.log(factors.values)))
            line.append(f"{size:.2f}: {100 * np.mean(found):3.0f} % {np.mean(left or [size]):.3f}")
        print(f"{psf_name:20s}", "   ".join(line))


def tally(*rows: list[float], image: np.ndarray, psf: np.ndarray, wide: np.ndarray) -> None:
    jumps = measure_jumps(Pixels(image[None]), psf, 0.0)
    with_wide = measure_jumps(Pixels(image[None]), wide, 0.0)
    for row in rows:
        row[0] += 1
        row[1] += jumps is not None
        row[2] += jumps is not None and jumps.are_flicker
        row[3] += with_wide is not None and with_wide.are_flicker
        row[4] = max(row[4], jumps.size if jumps and jumps.agreement > 0.5 else 0)


def show_gain() -> None:
    """Print PSNR of the specimen, and the flux of planes, for cells that bleach or flicker."""
    random = np.random.default_rng(7)
    psf = gaussian_psf((2.5, 1.5, 1.5))
    cells = SCENES["small cells"](random) + 3 * SCENES["cells"](random)
    cells *= PEAK / convolve(cells, psf, boundary="zero").max()
    alike = (cells + cells[::-1]) / 2  # no trend along z
    bleached = np.exp(np.log(0.6) * np.linspace(0, 1, SHAPE[0]))
    flicker = np.exp(0.08 * random.normal(size=SHAPE[0]))
    print(
        "PSNR in dB after the true factors were taken out, and the flux of planes relative to that "
        "of the sharp specimen times the factors: mean and standard deviation over the planes"
    )
    for title, scene, factors, asked in (
        ("bleached by 40 %", cells, bleached, "bleaching"),
        ("bleached by 40 %, specimen without a trend", alike, bleached, "bleaching"),
        ("flicker of 8 %", cells, flicker, "auto"),
    ):
        seen = factors[:, None, None]
        image = random.poisson(convolve(scene, psf, boundary="zero") * seen + HAZE).astype(float)

        def describe(name: str, result: np.ndarray) -> str:
            flux = (result.sum(axis=(1, 2)) / (scene * seen).sum(axis=(1, 2)))[4:-4]  # noqa: B023
            decibels = psnr(result / seen, scene, scene.max(), True)  # noqa: B023
            return f"{name} {decibels:.2f} ({flux.mean():.3f}, {flux.std():.3f})"

        print(f"{title}: {describe('source', image - HAZE)}")
        for method in (TotalVariation(), PoissonLikelihood(), RichardsonLucy()):
            words = []
            for option in dict.fromkeys(("equal", "auto", asked, tuple(factors))):
                run = deconvolve(image, psf, method, plane_brightness=option)
                name = option if isinstance(option, str) else "true factors"
                name += "" if run.plane_factors is None else "*"
                words.append(describe(name, run.image - (0 if run.background else HAZE)))
            print(f"  {type(method).__name__:18s}", "  ".join(words))
    print("* the planes were divided by factors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gain", action="store_true", help="what the correction wins")
    if parser.parse_args().gain:
        show_gain()
    else:
        count_claims()
