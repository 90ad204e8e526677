"""Measure what a PSF that varies over the field gains, measured at beads, over a single PSF.

    python benchmarks/varying_field.py [--method PoissonLikelihood]

Away from the middle of the field, the PSF becomes wider along the radius than across it, as with a
curved field and coma's cousin astigmatism. Each pixel of the scene is spread by its own PSF, which
shares no code with the package. A picture of beads of the same field is measured three times: with
`measured_psf` as one PSF, the mean of all beads; with ``places=True`` as a PSF that varies; and, as
the best that could be, the true PSFs are given at a grid of places. *Seams* is the ratio of the
error at the bends of the weights of tiles to the mean error elsewhere, of differences of
neighbouring pixels: without seams it is about 1.
"""

import argparse
import warnings

import numpy as np
from further import leaves
from metrics import psnr
from scenes import filaments
from scipy import ndimage

import napari_tf_deblur as tf_deblur
from napari_tf_deblur import VaryingPSF, deconvolve, measured_psf
from napari_tf_deblur._large import tiles

SIZE, REACH = 240, 12
SIGMA, RADIAL, ACROSS = 1.2, 1.6, 0.7
"""Sigma in the middle, and what is added to it in the corners, in pixels."""
PHOTONS, BACKGROUND = 1000.0, 10.0


def covariance(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the covariance of the PSF at some places: shape (2, 2, *places)."""
    middle = (SIZE - 1) / 2
    y, x = (rows - middle) / middle, (columns - middle) / middle
    radius = np.hypot(y, x) / np.sqrt(2)
    long, short = (SIGMA + more * radius**2 for more in (RADIAL, ACROSS))
    angle = np.arctan2(y, x)
    s, c = np.sin(angle), np.cos(angle)
    yy, xx = (long * s) ** 2 + (short * c) ** 2, (long * c) ** 2 + (short * s) ** 2
    yx = (long**2 - short**2) * s * c
    return np.array([[yy, yx], [yx, xx]])


def true_psf(row: float, column: float) -> np.ndarray:
    """Return the PSF at a place, averaged over pixels as the blur is."""
    (yy, yx), (_, xx) = covariance(np.float64(row), np.float64(column))
    dy, dx = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    form = (xx * dy**2 - 2 * yx * dy * dx + yy * dx**2) / (yy * xx - yx**2)
    light = np.exp(-form / 2)
    return light / light.sum()


def spread(scene: np.ndarray) -> np.ndarray:
    """Spread the light of each pixel by its own PSF; darkness lies outside."""
    rows, columns = np.indices(scene.shape, dtype=float)
    (yy, yx), (_, xx) = covariance(rows, columns)
    determinant = yy * xx - yx**2
    offsets = [(dy, dx) for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]

    def weight(dy: int, dx: int) -> np.ndarray:
        return np.exp(-(xx * dy**2 - 2 * yx * dy * dx + yy * dx**2) / (2 * determinant))

    light = scene / sum(weight(*offset) for offset in offsets)
    total = np.zeros([n + 2 * REACH for n in scene.shape])
    for dy, dx in offsets:
        part = tuple(slice(REACH + d, REACH + d + n) for d, n in zip((dy, dx), scene.shape))
        total[part] += light * weight(dy, dx)
    return total[REACH:-REACH, REACH:-REACH]


def photograph(light: np.ndarray, photons: float, seed: int) -> np.ndarray:
    mean = np.maximum(light, 0) * photons / light.max() + BACKGROUND
    return np.random.default_rng(seed).poisson(mean).astype(np.float32)


def bead_picture() -> np.ndarray:
    """Return a picture of 49 beads all over the field."""
    rng, scene = np.random.default_rng(31), np.zeros((SIZE, SIZE))
    for row in np.linspace(18, SIZE - 19, 7):
        for column in np.linspace(18, SIZE - 19, 7):
            y, x = (np.array((row, column)) + rng.uniform(-3, 3, 2)).round().astype(int)
            scene[y, x] = rng.uniform(0.7, 1)
    return photograph(spread(scene), 5000, 32)


def scenes() -> dict[str, np.ndarray]:
    spots = np.zeros((SIZE, SIZE))
    rng = np.random.default_rng(33)
    spots[tuple(rng.integers(8, SIZE - 8, (2, 300)))] = rng.uniform(0.3, 1, 300)
    return {
        "spots": ndimage.gaussian_filter(spots, 0.7),
        "filaments": filaments((8, SIZE, SIZE), seed=34).max(0),
        "leaves": leaves(SIZE, 35)[:SIZE, :SIZE],
    }


def seam_ratio(error: np.ndarray, psf: VaryingPSF) -> float:
    """Return how much the error changes at centres of tiles, relative to everywhere."""
    ratios = []
    for axis, centres in enumerate(tiles.choose_centres(psf, error.shape)):
        change = np.abs(np.diff(error, axis=axis)).mean(axis=1 - axis)
        lines = sorted({int(c) + k for c in centres for k in (-1, 0) if 8 < c < SIZE - 9})
        ratios += [change[lines].mean() / change[8:-8].mean()] if lines else []
    return float(np.mean(ratios or [1.0]))


def corner_psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR of the parts that are far from the middle."""
    rows, columns = np.indices(truth.shape) - (SIZE - 1) / 2
    far = np.hypot(rows, columns) > SIZE / 2
    return psnr(image[far], truth[far], float(truth.max()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", default="PoissonLikelihood")
    asked = parser.parse_args()
    method = getattr(tf_deblur, asked.method)(background=BACKGROUND)
    beads = bead_picture()
    single, notes = measured_psf(beads)
    print("One PSF:", "; ".join(notes))
    varying, notes = measured_psf(beads, places=True)
    print("Varying:", "; ".join(notes))
    grid = [(row, column) for row in range(0, SIZE, 30) for column in range(0, SIZE, 30)]
    true = VaryingPSF([true_psf(*place) for place in grid], grid)
    print("| scene | image | one PSF | measured at places | true PSFs | seams |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, scene in scenes().items():
        light = spread(scene)
        truth, image = scene * PHOTONS / light.max(), photograph(light, PHOTONS, 36)
        cells, seams = [], 1.0
        for psf in (None, single, varying, true):
            run = None if psf is None else deconvolve(image, psf, method)
            values = image - BACKGROUND if run is None else run.image
            cells.append(
                f"{psnr(values, truth, truth.max()):.2f} ({corner_psnr(values, truth):.2f})"
            )
            if psf is varying:
                seams = seam_ratio(values - truth, varying)
        print(f"| {name} | {' | '.join(cells)} | {seams:.3f} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
