"""Compare ways to deblur a raw light-sheet stack whose planes are shifted one by one.

    python benchmarks/skew.py

A scene is blurred by the PSF along the optical axis, on voxels of 100 nm. The stack is sampled from
it: scanned in steps of 400 nm at 30 degrees to the planes, so that these are 200 nm apart and each
is shifted by 3.46 pixels along y. All results are compared with the sharp scene in the voxels of
the stack. "Deskewed first" resamples the stack to upright planes (linear interpolation along y), is
told where it has no data, deblurs, and resamples the result back.
"""

import time

import numpy as np
from metrics import psnr
from scipy import ndimage

from napari_tf_deblur import (
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    deconvolve,
    gaussian_psf,
    skew_psf,
)

ANGLE, STEP = 30.0, 4.0  # degrees; pixels along the scan
DEPTH, SHIFT = STEP * np.sin(np.radians(ANGLE)), STEP * np.cos(np.radians(ANGLE))
SIGMA = (3.0, 1.3, 1.3)  # of the PSF along z, y and x, in pixels
STACK = (36, 96, 64)
MARGIN = 16


def make_scene(random: np.random.Generator, kind: str) -> np.ndarray:
    """Make a scene on cubic voxels, around all of the stack."""
    planes, rows, columns = STACK
    shape = (
        int((planes - 1) * DEPTH) + 1 + 2 * MARGIN,
        int(rows + planes * SHIFT) + 1 + 2 * MARGIN,
        columns + 2 * MARGIN,
    )
    if kind == "points":
        scene = np.zeros(shape)
        places = tuple(random.integers(0, n, 1500) for n in shape)
        scene[places] = random.uniform(0.2, 1, 1500)
        return ndimage.gaussian_filter(scene, 1.2)
    texture = ndimage.gaussian_filter(random.normal(size=shape), 2.5)
    return np.exp(-((texture / texture.std() / 0.35) ** 2))  # sheets and threads


def sample(volume: np.ndarray) -> np.ndarray:
    """Sample the stack from a volume on cubic voxels."""
    k, j, i = np.indices(STACK)
    return ndimage.map_coordinates(
        volume, (MARGIN + k * DEPTH, MARGIN + j + k * SHIFT, MARGIN + i), order=3
    )


def deskew(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Resample a stack to upright planes; return it, and where it has no data."""
    rows = int(np.ceil(STACK[1] + (STACK[0] - 1) * SHIFT))
    k, y, i = np.indices((STACK[0], rows, STACK[2]))
    row = y - k * SHIFT
    upright = ndimage.map_coordinates(stack, (k, row, i), order=1)
    return upright, (row < 0) | (row > STACK[1] - 1)


def skew_back(upright: np.ndarray) -> np.ndarray:
    """Resample upright planes to those of the stack."""
    k, j, i = np.indices(STACK)
    return ndimage.map_coordinates(upright, (k, j + k * SHIFT, i), order=1)


def main() -> None:
    straight = gaussian_psf((SIGMA[0] / DEPTH, *SIGMA[1:]))
    ignored = gaussian_psf((SIGMA[0] / STEP, *SIGMA[1:]))
    skewed = skew_psf(straight, (SHIFT, 0.0))
    print(f"{'scene, photons, method':42s} blurred  skewed PSF   deskewed first  skew ignored")
    for kind in ("points", "sheets"):
        for photons in (30, 300):
            random = np.random.default_rng(5)
            scene = make_scene(random, kind)
            truth, light = sample(scene), sample(ndimage.gaussian_filter(scene, SIGMA))
            factor = photons / light.max()
            image = random.poisson(np.maximum(light, 0) * factor).astype(np.float32)
            truth = truth * factor
            upright, no_data = deskew(image)
            for method in (TotalVariation(), PoissonLikelihood(), RichardsonLucy()):
                cells = [f"{psnr(image, truth, truth.max(), True):7.2f}"]
                for values, psf, distance, mask in (
                    (image, skewed, DEPTH, None),
                    (upright, straight, DEPTH, no_data),
                    (image, ignored, STEP, None),
                ):
                    start = time.perf_counter()
                    spacing = (distance, 1.0, 1.0)
                    result = deconvolve(values, psf, method, spacing=spacing, mask=mask).image
                    seconds = time.perf_counter() - start
                    result = result if result.shape == STACK else skew_back(result)
                    cells.append(f"{psnr(result, truth, truth.max(), True):.2f} ({seconds:.0f} s)")
                name = f"{kind}, {photons}, {type(method).__name__}"
                print(f"{name:42s}", "     ".join(cells), flush=True)


if __name__ == "__main__":
    main()
