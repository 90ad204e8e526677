"""Measure the errors of PSFs that are averaged from simulated beads of any shape.

    python benchmarks/engineered_psfs.py [--beads 1 5 20] [--pictures 1] [--round]
    python benchmarks/engineered_psfs.py --filters 0.7 1.4 2.8 --beads 5

The beads have a double helix, an astigmatic or a biplane PSF, in planes and in volumes, and lie at
random places between the pixels. The error is the length of the difference from the true PSF,
divided by the length of the true PSF, both of sum 1, with the centre of light of the true PSF at
the origin. *Off* is the distance of the origin from where the true PSF fits best. `--round`
measures the same pictures as round spots, without `window`. `--filters` replaces
`LIGHT_FILTER_SIGMAS`, after which light is told from noise.
"""

import argparse
import time

import numpy as np
from scipy.optimize import minimize

from napari_tf_deblur import measured_psf
from napari_tf_deblur._beads import any_shape
from napari_tf_deblur._core.psf_centre import light_centre

WINDOWS = {2: (33, 33), 3: (19, 33, 33)}
"""Sides of the windows, in pixels."""

NOISES = {"none": 0.0, "weak": 0.01, "strong": 0.08}
"""Noise of the background, relative to the peak of a bead of mean brightness; the noise of photons
is as large at half of that peak."""


def spot(grid, centre, sigma, light=1.0):
    """Return a Gaussian of a given sum, with its axes along those of the grid."""
    exponent = sum(((a - c) / s) ** 2 for a, c, s in zip(grid, centre, sigma))
    return light * np.exp(-exponent / 2) / np.prod(sigma)


def double_helix(z, y, x):
    """Two spots that turn about the axis with z, and become dimmer."""
    angle = 0.4 + 0.16 * z
    reach = np.exp(-((z / 3.0) ** 2) / 2)
    one = spot((y - 4.5 * np.sin(angle), x - 4.5 * np.cos(angle)), (0, 0), (1.7, 1.7))
    two = spot((y + 4.5 * np.sin(angle), x + 4.5 * np.cos(angle)), (0, 0), (1.7, 1.7))
    return reach * (one + two)


def astigmatic(z, y, x):
    """A spot that is long in x on one side of the focus, and in y on the other."""
    across = 1.5 * np.sqrt(1 + ((z - 4.0) / 4.0) ** 2)
    along = 1.5 * np.sqrt(1 + ((z + 4.0) / 4.0) ** 2)
    reach = np.exp(-((z / 3.0) ** 2) / 2)
    return reach * np.exp(-((x / across) ** 2 + (y / along) ** 2) / 2) / (across * along)


def biplane(z, y, x):
    """Two images of one bead side by side, in focus at different places along z."""
    total = 0.0
    for shift, focus in ((-6.0, -3.0), (6.0, 3.0)):
        sigma = 1.5 * np.sqrt(1 + ((z - focus) / 4.0) ** 2)
        total = total + np.exp(-((x - shift) ** 2 + y**2) / (2 * sigma**2)) / sigma**2
    return np.exp(-((z / 3.0) ** 2) / 2) * total


PSFS = {"double helix": double_helix, "astigmatic": astigmatic, "biplane": biplane}
FOCUS_OF_PLANES = 1.5
"""Distance of planes from the middle of the PSF along z."""


def bead_at(psf, shape, place):
    """Return a bead at a place in a picture of a given shape."""
    grid = np.meshgrid(
        *(np.arange(n) - p for n, p in zip(shape, place)), indexing="ij", sparse=True
    )
    return psf(FOCUS_OF_PLANES if len(shape) == 2 else grid[0], grid[-2], grid[-1]) + np.zeros(
        shape
    )


def picture_of(psf, ndim, count, noise, random):
    """Return a picture of beads at random places, as far from each other as a window is wide."""
    window = WINDOWS[ndim]
    per_side = int(np.ceil(np.sqrt(count)))
    side = per_side * (window[-1] + 4) + 4
    shape = (side, side) if ndim == 2 else (window[0] + 4, side, side)
    picture = np.zeros(shape)
    peak = bead_at(psf, window, [n // 2 for n in window]).max()
    for k in range(count):
        corner = np.array([k // per_side, k % per_side]) * (window[-1] + 4) + 2 + window[-1] / 2
        place = corner + random.uniform(-1.4, 2.4, 2)
        if ndim == 3:
            place = np.array([shape[0] / 2 + random.uniform(-1, 1), *place])
        light = bead_at(psf, shape, place)
        box = tuple(
            slice(max(0, round(p) - n // 2 - 2), round(p) + n // 2 + 3)
            for p, n in zip(place, window)
        )
        picture[box] += random.uniform(0.6, 1.4) * light[box] / peak
    spread = noise * np.sqrt(1 + 2 * picture)
    return 100 + 1000 * (picture + random.normal(size=shape) * spread)


def error_of(found, psf):
    """Return the relative error of a PSF, and how far its origin is from the right place."""
    shape = tuple(n + 8 for n in WINDOWS[found.ndim])
    shape = tuple(max(n, m) for n, m in zip(shape, found.shape))
    wide = np.zeros(shape)
    wide[tuple(slice(n // 2 - m // 2, n // 2 + m // 2 + 1) for n, m in zip(shape, found.shape))] = (
        found
    )
    middle = np.array([n // 2 for n in shape])
    true = bead_at(psf, shape, middle)
    offset = light_centre(true) - middle
    offset = offset + light_centre(bead_at(psf, shape, middle - offset)) - middle

    def misfit(shift):
        true = bead_at(psf, shape, middle - offset + shift)
        return float(np.linalg.norm(wide - true / true.sum()) / np.linalg.norm(true / true.sum()))

    start = np.zeros(found.ndim)
    corners = np.vstack([start, 0.3 * np.eye(found.ndim)])
    options = {"initial_simplex": corners, "xatol": 2e-3}
    best = minimize(misfit, start, method="Nelder-Mead", options=options)
    return misfit(start), float(np.linalg.norm(best.x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beads", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--pictures", type=int, default=1)
    parser.add_argument("--filters", type=float, nargs="+", default=any_shape.LIGHT_FILTER_SIGMAS)
    parser.add_argument("--round", action="store_true")
    parser.add_argument("--notes", action="store_true")
    arguments = parser.parse_args()
    any_shape.LIGHT_FILTER_SIGMAS = tuple(arguments.filters)
    print("| PSF | axes | beads | noise | error | off, pixels | said | seconds |")
    print("| --- | --: | --: | --- | --: | --: | --- | --: |")
    for name, psf in PSFS.items():
        for ndim in (2, 3):
            for count in arguments.beads:
                for noise, level in NOISES.items():
                    errors, said, began = [], [], time.perf_counter()
                    for seed in range(arguments.pictures):
                        random = np.random.default_rng(seed)
                        picture = picture_of(psf, ndim, count, level, random)
                        window = {} if arguments.round else {"window": WINDOWS[ndim]}
                        try:
                            found, notes = measured_psf(picture, **window)
                        except ValueError as refusal:
                            said.append(str(refusal)[:60])
                            continue
                        errors.append(error_of(found, psf))
                        said.append("; ".join(notes) if arguments.notes else notes[0])
                    took = (time.perf_counter() - began) / arguments.pictures
                    error, off = np.median(errors, axis=0) if errors else (np.nan, np.nan)
                    print(
                        f"| {name} | {ndim} | {count} | {noise} | {100 * error:.2g} % | {off:.2f} "
                        f"| {said[0]} | {took:.1f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
