"""PSFs that come ready to use (theoretical ones, kernels): how they are told from pictures."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

TINY = 33
"""Side of a box that is small enough to be one PSF, whatever it shows without noise."""


def is_finished(psf: Floats) -> bool:
    """Say whether an array is a PSF ready to use and not a picture of beads.

    It is one if it has no pedestal and no noise, if its light lies about its middle, and if
    it is either tiny or most of its light lies in the middle half of an axis.
    """
    top = float(psf.max())
    if top <= 0 or psf.sum() <= 0:
        return False
    if max(psf.shape) <= 5:
        return True
    return (
        pedestal_of(psf) == 0
        and _is_about_its_middle(psf)
        and (_is_tiny(psf.shape) or _is_concentrated(psf))
        and not _is_noisy(psf, top)
    )


def pedestal_of(psf: Floats) -> float:
    """Lowest value, if it is not zero and a quarter of the pixels are as low; else 0."""
    low, quarter, top = (float(q) for q in np.quantile(psf, (0, 0.25, 1)))
    spread, contrast = quarter - low, top - low
    if abs(low) > max(5 * spread, 1e-6 * contrast) and spread < 0.01 * contrast:
        return low
    return 0.0


def padded_to_odd(psf: Floats) -> tuple[Floats, bool]:
    """Add a line to each axis of even size, so that the origin is the middle pixel.

    The origin of an even size n is taken to be n // 2, as everywhere here, unless the PSF is
    symmetric about n // 2 - 1. Also says whether anything was added.
    """
    width = []
    for axis, n in enumerate(psf.shape):
        if n % 2:
            width.append((0, 0))
            continue
        late = _asymmetry(np.take(psf, range(1, n), axis), axis)
        early = _asymmetry(np.take(psf, range(n - 1), axis), axis)
        width.append((1, 0) if early < 0.5 * late else (0, 1))
    return np.pad(psf, width), any(max(pair) for pair in width)


def is_centred_between(psf: Floats) -> bool:
    """Say whether a PSF is symmetric about a point between two pixels along an even axis."""
    return any(n % 2 == 0 and _asymmetry(psf, axis) < 1e-3 for axis, n in enumerate(psf.shape))


def _asymmetry(psf: Floats, axis: int) -> float:
    """Part of the light that a flip of one axis changes, beside what it leaves out."""
    return float(np.abs(psf - np.flip(psf, axis)).sum() / max(np.abs(psf).sum(), 1e-300))


def _is_tiny(shape: tuple[int, ...]) -> bool:
    long = [n for n in shape if n > 1]
    return len(long) < 2 or float(np.prod(long)) <= TINY ** len(long)


def _is_about_its_middle(psf: Floats) -> bool:
    light = np.abs(psf)
    for axis, n in enumerate(psf.shape):
        line = light.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        centre = float(line @ np.arange(n)) / float(line.sum())
        if abs(centre - (n - 1) / 2) > max(1.5, 0.12 * n):
            return False
    return True


def _is_concentrated(psf: Floats) -> bool:
    light = np.abs(psf)
    for axis, n in enumerate(psf.shape):
        line = light.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        if n > 1 and line[n // 4 : n - n // 4].sum() > 0.75 * line.sum():
            return True
    return False


def _is_noisy(psf: Floats, top: float) -> bool:
    """Say whether pixels are unlike their neighbours: in the dark part, else everywhere.

    Smooth tails, however faint, have the order of their neighbours; noise has none. Exact
    zeros beside a kernel are no noise.
    """
    while psf.size > 2**18:  # the middle of a large array will do
        axis = int(np.argmax(psf.shape))
        n = psf.shape[axis]
        psf = np.take(psf, range(n // 4, n - n // 4), axis)
    bright = np.abs(psf) > 0.01 * top
    around = np.ones([3] * psf.ndim)
    neighbours = ndimage.convolve(bright.astype(np.uint8), around.astype(np.uint8), mode="constant")
    if np.count_nonzero(bright & (neighbours == 1)) > 3:  # single photons
        return True
    dark = ~ndimage.binary_dilation(bright, iterations=2)
    if np.count_nonzero(dark) < 0.1 * psf.size:
        dark = np.ones(psf.shape, dtype=bool)
    values = np.zeros(psf.shape)
    if np.ptp(psf[dark]) <= 1e-7 * top:
        return False
    order = np.unique(psf[dark], return_inverse=True)[1].astype(np.float64)
    values[dark] = order - order.mean()
    alike = []
    for axis, n in enumerate(psf.shape):
        if n < 3:
            continue
        here, there = (np.take(values, r, axis) for r in (range(n - 1), range(1, n)))
        both = np.take(dark, range(n - 1), axis) & np.take(dark, range(1, n), axis)
        norm = np.sqrt(np.sum(here[both] ** 2) * np.sum(there[both] ** 2))
        if norm > 0:
            alike.append(float(np.sum(here[both] * there[both]) / norm))
    return bool(alike) and max(alike) < 0.4
