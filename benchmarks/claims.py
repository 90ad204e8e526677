"""Check the verdicts on PSFs that are exact or 25 % too wide, and measure the loss in dB.

    python benchmarks/claims.py [--development] [--confusion] [--blind] [--fine]
                                [--saturated PART] [--cases PATTERN] [--method NAME]

Scenes of points, stars, filaments, cells, photographs and textures, each through several kinds of
PSF and with several amounts of noise. With ``--development`` other pictures, seeds, blurs and
noises are used: constants of the package are chosen on these. ``--confusion`` also tries PSFs that
are too narrow, or wrong by a factor of two, and weights that are 8 times too large or too small.
``--blind`` also tries runs without a PSF. ``--fine`` uses PSFs below a pixel, with little noise.
``--saturated`` cuts off the given part of the pixels, the brightest ones. ``--method`` uses that
method in place of the one that fits the image.
"""

import argparse
import fnmatch
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from further import cells, grey, leaves, picture, threads
from metrics import psnr
from scenes import line_psf
from scipy.signal import fftconvolve

from napari_tf_deblur import deconvolve, gaussian_psf, methods, microscope_psf
from napari_tf_deblur.methods import Auto, Method

TOO_WIDE = 1.25

WRONG_WIDTHS = {"too narrow": 1 / TOO_WIDE, "twice as wide": 2.0, "half as wide": 0.5}
"""Factors of the widths of other wrong PSFs."""

MATTERS, LOST = 1.0, 0.5
"""Losses in dB. If a PSF that is too wide loses more than the first, it must not be said to fit. A
wrong run that loses more than the second counts in the table of verdicts."""

PLANE, VOLUME = (144, 144), (16, 48, 48)
ROOM_PLANE, ROOM_VOLUME = (200, 200), (36, 84, 84)
"""Shapes of the frames, and of the scenes around them, from which light enters."""

PICTURES = {
    False: ("camera.png", "astronaut.png", "chelsea.png", "rocket.jpg", "page.png", "moon.png"),
    True: (
        "motorcycle_left.png",
        "ihc.png",
        "text.png",
        "logo.png",
        "microaneurysms.png",
        "horse.png",
    ),
}
TEXTURES = {
    False: ("brick.png", "gravel.png", "cell.png"),
    True: ("grass.png", "retina.jpg", "coins.png"),
}
"""Files of textures, by whether they are for development."""

FINE_WIDTHS = [0.6, 0.7, 0.8, 0.9]
"""Widths in pixels. Beside such PSFs, the softness of the scenes themselves matters."""

SPACING = (300, 108, 108)
"""Size of a voxel, in nanometres."""


def moffat(scale: float, power: float, ndim: int = 2) -> np.ndarray:
    """Return a PSF with long tails: ``(1 + r^2 / scale^2)^-power``, cut at 0.001 of its peak."""
    reach = scale * np.sqrt(1000 ** (1 / power) - 1)
    half = [
        int(np.clip(np.ceil(reach), 3, most)) for most in ((12, 16, 16) if ndim == 3 else (24, 24))
    ]
    grid = np.meshgrid(*(np.arange(-h, h + 1) for h in half), indexing="ij", sparse=True)
    stretch = (1.5, 1, 1) if ndim == 3 else (1, 1)
    psf = (1 + sum((g / (scale * s)) ** 2 for g, s in zip(grid, stretch))) ** -power
    return (psf / psf.sum()).astype(np.float32)


def disc(radius: float) -> np.ndarray:
    """Return a disc; the value of a pixel is the area of the disc in it."""
    half = int(np.ceil(radius)) + 1
    fine = (np.arange((2 * half + 1) * 16) + 0.5) / 16 - half - 0.5
    inside = (fine[:, None] ** 2 + fine**2 < radius**2).astype(float)
    psf = inside.reshape(2 * half + 1, 16, 2 * half + 1, 16).mean((1, 3))
    return (psf / psf.sum()).astype(np.float32)


def lens(na: float, emission: float, times: float, ndim: int = 2, **setup: object) -> np.ndarray:
    """Return the PSF of a microscope; its width is scaled by scaling the wavelength."""
    shape = (11, 31, 31) if ndim == 3 else (41, 41)
    return microscope_psf(na, emission * times, spacing=SPACING[3 - ndim :], shape=shape, **setup)


def psf_of(kind: str, width: float, times: float, ndim: int) -> np.ndarray:
    """Return a PSF of a family, with a width in pixels times a factor."""
    if kind == "Gaussian":
        sigma = times * width
        return gaussian_psf((min(1.5 * sigma, 3.5), sigma, sigma) if ndim == 3 else sigma)
    if kind == "Moffat":
        return moffat(times * 1.8 * width, 2.5, ndim)
    if kind == "rational":
        return moffat(times * width, 1.0 if ndim == 2 else 1.5, ndim)
    if kind == "disc":
        return disc(times * 2 * width)
    if kind == "motion":
        return line_psf(times * 3.5 * width, 30)
    if kind == "widefield":
        return lens(1.1 / width, 580, times, ndim)
    return lens(1.1 / width, 520, times, ndim, confocal=True)


FAMILIES = {
    2: ("Gaussian", "Moffat", "disc", "motion", "widefield", "rational"),
    3: ("Gaussian", "widefield", "Moffat"),
}


def points(shape: tuple[int, ...], seed: int, count: int, faintest: float) -> np.ndarray:
    """Draw single bright pixels; their number above a brightness is proportional to its inverse."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    at = tuple(random.integers(0, n, count) for n in shape)
    np.add.at(scene, at, np.minimum(faintest / random.uniform(faintest, 1, count), 1.0))
    return scene


def lines(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Return filaments with a width of one pixel, not smoothed."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        place, way = random.uniform(0, shape), random.normal(size=len(shape))
        bright = random.uniform(0.3, 1)
        for _ in range(500):
            way += 0.1 * random.normal(size=len(shape))
            way /= np.linalg.norm(way)
            place = (place + 0.5 * way) % shape
            scene[tuple(place.astype(int))] = bright
    return scene


def photograph(name: str, seed: int) -> np.ndarray:
    """Return a part of a photograph, made smaller so that it is sharp."""
    whole = picture(name, 2)
    whole = grey(whole) if whole.ndim == 3 else whole
    short = [(0, max(0, n - m)) for n, m in zip(ROOM_PLANE, whole.shape)]
    whole = np.pad(whole, short, mode="symmetric")
    random = np.random.default_rng(seed)
    start = [int(random.integers(0, m - n + 1)) for n, m in zip(ROOM_PLANE, whole.shape)]
    return whole[tuple(slice(s, s + n) for s, n in zip(start, ROOM_PLANE))]


def scenes(development: bool) -> dict[str, tuple[Callable[[], np.ndarray], int]]:
    """Return functions that make the scenes, by name, and their numbers of axes."""
    seed = 100 * development
    made: dict[str, tuple[Callable[[], np.ndarray], int]] = {
        "points": (partial(points, ROOM_PLANE, 1 + seed, 150, 0.2), 2),
        "stars": (partial(points, ROOM_PLANE, 2 + seed, 700, 0.01), 2),
        "lines": (partial(lines, ROOM_PLANE, 3 + seed, 20), 2),
        "threads": (partial(threads, ROOM_PLANE, 4 + seed, 20), 2),
        "cells": (partial(cells, ROOM_PLANE, 5 + seed, 50), 2),
        "leaves": (partial(leaves, ROOM_PLANE[0], 6 + seed), 2),
    }
    for name in (*PICTURES[development], *TEXTURES[development]):
        made[name.split(".")[0]] = (partial(photograph, name, seed), 2)
    return made | {
        "points in 3D": (partial(points, ROOM_VOLUME, 7 + seed, 200, 0.1), 3),
        "lines in 3D": (partial(lines, ROOM_VOLUME, 8 + seed, 25), 3),
        "cells in 3D": (partial(cells, ROOM_VOLUME, 9 + seed, 40), 3),
    }


@dataclass(frozen=True)
class Seen:
    """An image with its truth; ``psf(times)`` is its PSF, `times` as wide."""

    name: str
    truth: np.ndarray
    image: np.ndarray
    psf: Callable[[float], np.ndarray]
    spacing: tuple[float, ...] | None = None


def cases(development: bool, pattern: str = "*", fine: bool = False) -> Iterator[Seen]:
    """Yield the cases: each scene with three or four families of PSFs, or with fine PSFs."""
    for number, (scene, (make, ndim)) in enumerate(scenes(development).items()):
        families = FAMILIES[ndim]
        for turn in range(4 if ndim == 2 else 3):
            kind = families[(number + turn) % len(families)]
            random = np.random.default_rng(crc32(f"{scene} {kind} {development}".encode()))
            widths = [0.8, 1.0, 1.5, 2.0, 2.5] if ndim == 2 else [0.8, 1.0, 1.5]
            width = float(random.choice(FINE_WIDTHS if fine else widths))
            dark = scene in ("points", "stars", "lines", "threads", "cells")
            photons = float(random.choice([20, 50, 100, 300, 1000, 2000]))
            noise = float(random.choice([0.5, 1, 2, 5, 10]))
            if fine:
                photons, noise = max(photons, 300.0), min(noise, 2.0)
            if dark or ndim == 3 or random.random() < 0.3:
                amount, words = {"photons": photons}, f"{photons:.0f} photons"
            else:
                amount, words = {"noise": noise}, f"noise {noise:g}"
            if kind in ("widefield", "confocal"):
                width = min(max(width, 0.8), 1.5)  # no objective is finer
            name = f"{scene}, {kind} {width:g}, {words}"
            if fnmatch.fnmatch(name, pattern):
                yield observed(name, make(), partial(psf_of, kind, width, ndim=ndim), **amount)


def observed(
    name: str,
    scene: np.ndarray,
    psf: Callable[..., np.ndarray],
    photons: float = 0.0,
    noise: float = 0.0,
) -> Seen:
    """Blur a scene, scale it to intensities from 8 to 255, and add noise."""
    random = np.random.default_rng(crc32(name.encode()))
    frame = PLANE if scene.ndim == 2 else VOLUME
    light = middle(fftconvolve(scene, psf(times=1.0).astype(np.float64), mode="same"), frame)
    low, high = scene.min(), np.quantile(light, 0.9995)
    light, truth = (
        8 + 247 * (values - low) / (high - low) for values in (light, middle(scene, frame))
    )
    if photons:
        image = random.poisson(np.maximum(light, 0) * (photons / 255)) * (255 / photons)
    else:
        image = light + random.normal(0, noise, light.shape)
    spacing = SPACING if scene.ndim == 3 and "widefield" in name else None
    return Seen(name, truth, image.astype(np.float32), lambda times: psf(times=times), spacing)


def middle(scene: np.ndarray, frame: tuple[int, ...]) -> np.ndarray:
    return scene[tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(scene.shape, frame))]


def run(seen: Seen, psf: np.ndarray | None, method: Method | Auto = "auto") -> dict[str, Any]:
    """Deblur a case; return its quality and its verdict."""
    done = deconvolve(seen.image, psf, method, spacing=seen.spacing)
    return {
        "psnr": psnr(done.image + done.method.offset, seen.truth, 255),
        "width": done.calibration.psf_width,
        "kind": done.verdict.kind,
        "psf": done.verdict.psf,
        "calibration": done.calibration,
    }


def runs(
    seen: Seen, confusion: bool, blind: bool, method: Method | Auto = "auto"
) -> dict[str, dict[str, Any]]:
    """Deblur a case with right settings, and with wrong ones."""
    widths = {"exact": 1.0, "too wide": TOO_WIDE} | (WRONG_WIDTHS if confusion else {})
    made = {name: run(seen, seen.psf(times), method) for name, times in widths.items()}
    if blind:
        made["blind"] = run(seen, None, method)
    if confusion:
        found = made["exact"]["calibration"]
        for name, factor in (("weight x 8", 8.0), ("weight / 8", 0.125)):
            made[name] = run(seen, seen.psf(1.0), found.method.with_smoothing(factor))
    for one in made.values():
        del one["calibration"]
    return made


WANTED = {
    "exact": ("fits", "unknown"),
    "too wide": ("PSF too wide",),
    "twice as wide": ("PSF too wide",),
    "too narrow": ("PSF too narrow",),
    "half as wide": ("PSF too narrow", "hardly blurred"),
    "weight x 8": ("over-smoothed",),
    "weight / 8": ("noise fitted",),
}
"""Verdicts that each kind of run should get."""


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the summary of all runs."""
    exact = [row["exact"] for row in rows]
    lost = {
        name: [(row, row["exact"]["psnr"] - row[name]["psnr"]) for row in rows if name in row]
        for name in WANTED
    }
    claimed = sum(one["width"] < 1 or one["kind"] == "PSF too wide" for one in exact)
    costly = [row for row, loss in lost["too wide"] if loss > MATTERS]
    named = sum(row["too wide"]["kind"] == "PSF too wide" for row in costly)
    open_said = sum(_is_open(row["too wide"]) for row in costly)
    beyond = [
        f"{row['name']} ({name}, {row[name]['psnr'] - row['blurred']:.1f} dB)"
        for name in ("exact", "too wide", "blind")
        for row in rows
        if name in row and row[name]["psnr"] < row["blurred"] - 0.1
    ]
    sensitive = [
        row
        for row in rows
        if row["exact"]["psnr"] - row["too wide"]["psnr"] > MATTERS
        or row["too wide"]["kind"] == "PSF too wide"
    ]
    said = sum(_is_open(row["exact"]) for row in sensitive)
    all_named = sum(row["too wide"]["kind"] == "PSF too wide" for row in rows)
    share = f"{claimed} ({100 * claimed / len(rows):.1f} %)"
    lines = [
        f"{len(rows)} scenes. Exact PSF narrowed or called too wide: {share}.",
        f"{TOO_WIDE} times too wide: named in {all_named}. It still costs more than {MATTERS:g} dB",
        f"in {len(costly)}: named in {named}, said to be open in {open_said}.",
        f"Exact and said to be open, where the width matters: {said} of {len(sensitive)}.",
        f"More than 0.1 dB below the source: {len(beyond)}. {'; '.join(beyond)}",
        "",
        "| run | counted | named | open | other |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name, wanted in WANTED.items():
        counted = [row[name] for row, loss in lost[name] if name == "exact" or loss > LOST]
        well = sum(one["kind"] in wanted for one in counted)
        rest = [one for one in counted if one["kind"] not in wanted]
        unsure = 0 if name == "exact" or "weight" in name else sum(map(_is_open, rest))
        if "narrow" in name or "half" in name:
            unsure = sum(_may_be_narrow(one) for one in rest)
        other = Counter(one["kind"] for one in rest)
        words = ", ".join(f"{kind} {count}" for kind, count in other.items())
        lines.append(f"| {name} | {len(counted)} | {well} | {unsure} | {words} |")
    return "\n".join(lines)


def _is_open(one: dict[str, Any]) -> bool:
    """Whether the verdict says that the image cannot show it."""
    return one["psf"] in ("untested", "guessed") or one["kind"] == "unknown"


def _may_be_narrow(one: dict[str, Any]) -> bool:
    """Whether the verdict says that the PSF may be too narrow."""
    return _is_open(one) or one["psf"] in ("not too wide", "seems soft")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--development", action="store_true", help="other pictures and seeds")
    parser.add_argument("--confusion", action="store_true", help="narrow PSFs and weights, too")
    parser.add_argument("--fine", action="store_true", help="PSFs below a pixel, little noise")
    parser.add_argument("--saturated", type=float, default=0.0, help="part of the pixels")
    parser.add_argument("--blind", action="store_true", help="without a PSF, too")
    parser.add_argument("--cases", default="*", help="pattern of the cases' names")
    parser.add_argument("--method", help="name of a method, such as Hessian")
    parser.add_argument("--keep", type=Path, help="file that what was measured is added to")
    chosen = parser.parse_args()
    method: Method | Auto = getattr(methods, chosen.method)() if chosen.method else "auto"
    rows: list[dict[str, Any]] = []
    if chosen.keep and chosen.keep.exists():
        rows = json.loads(chosen.keep.read_text())
    print("| scene, PSF, noise | blurred | exact | said | too wide | said |")
    print("| --- | ---: | ---: | --- | ---: | --- |")
    for seen in cases(chosen.development, chosen.cases, chosen.fine):
        if chosen.saturated:
            top = np.quantile(seen.image, 1 - chosen.saturated)
            seen = replace(seen, image=np.minimum(seen.image, top))
        row = next((row for row in rows if row["name"] == seen.name), None)
        if row is None:
            blurred = psnr(seen.image, seen.truth, 255)
            row = {
                "name": seen.name,
                "blurred": blurred,
                **runs(seen, chosen.confusion, chosen.blind, method),
            }
            rows.append(row)
        said = [
            f"{one['psnr']:.2f} | {one['kind']}{', ' * bool(one['psf'])}{one['psf'] or ''}"
            for one in (row[name] for name in ("exact", "too wide", "blind") if name in row)
        ]
        print(f"| {seen.name} | {row['blurred']:.2f} | {' | '.join(said)} |", flush=True)
        if chosen.keep:
            chosen.keep.write_text(json.dumps(rows))
    print(f"\n{summary(rows)}")
    if blind := [row for row in rows if "blind" in row]:
        less = np.array([row["exact"]["psnr"] - row["blind"]["psnr"] for row in blind])
        guesses = sum(row["blind"]["psf"] == "guessed" for row in blind)
        print(
            f"\nBlind: {np.median(less):.2f} dB less in the median; said to be guessed: {guesses}."
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
