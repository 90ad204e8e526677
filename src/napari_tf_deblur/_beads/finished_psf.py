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
    it is tiny, or most of its light lies in the middle half of two axes, or few of its pixels
    are not zero.
    """
    top = float(psf.max())
    if top <= 0 or psf.sum() <= 0:
        return False
    if max(psf.shape) <= 5:
        return True
    return (
        pedestal_of(psf) == 0
        and _is_about_its_middle(psf)
        and (_is_tiny(psf.shape) or _is_concentrated(psf) or _is_thin(psf))
        and not _is_noisy(psf, top)
    )


def pedestal_of(psf: Floats) -> float:
    """Lowest value, if it is not zero and a quarter of the pixels are as low; else 0."""
    if psf.size < 20:  # too few pixels to tell a ground from a kernel's end
        return 0.0
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
    concentrated = 0
    for axis, n in enumerate(psf.shape):
        line = light.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        concentrated += n > 1 and line[n // 4 : n - n // 4].sum() > 0.75 * line.sum()
    return concentrated >= min(psf.ndim, 2)


def _is_thin(psf: Floats) -> bool:
    return bool(np.count_nonzero(psf) < 0.05 * psf.size)


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
    if _isolated(bright) > 3:  # single photons
        return True
    dark = ~ndimage.binary_dilation(bright, iterations=2)
    if np.count_nonzero(dark) < 0.1 * psf.size:
        return _is_zigzag(psf, top)
    if np.ptp(psf[dark]) <= 1e-7 * top:
        return False
    if np.count_nonzero(psf[dark]) < 0.5 * np.count_nonzero(dark):
        return _isolated(np.abs(psf) > 1e-6 * top) > 3
    values = np.zeros(psf.shape)
    order = np.unique(psf[dark], return_inverse=True)[1].astype(np.float64)
    values[dark] = order - order.mean()
    alike, crossings = [], []
    for axis in range(psf.ndim):
        pair = [slice(None, -1), slice(1, None)]
        cut = [tuple(p if a == axis else slice(None) for a in range(psf.ndim)) for p in pair]
        both = dark[cut[0]] & dark[cut[1]]
        here, there = (values[c][both] for c in cut)
        norm = np.sqrt(np.sum(here**2) * np.sum(there**2))
        if norm > 0:
            alike.append(float(np.sum(here * there) / norm))
            below = [psf[c][both] < -1e-4 * top for c in cut]
            crossings.append(float(np.mean(below[0] != below[1])))
    return bool(alike) and (max(alike) < 0.4 or min(crossings) > 0.12)


def _isolated(mask: NDArray[np.bool_]) -> int:
    """Count the marked pixels that have no marked neighbour."""
    ones = np.ones([3] * mask.ndim, dtype=np.uint8)
    neighbours = ndimage.convolve(mask.astype(np.uint8), ones, mode="constant")
    return int(np.count_nonzero(mask & (neighbours == 1)))


def _is_zigzag(psf: Floats, top: float) -> bool:
    """Whether values go up and down from pixel to pixel, as noise does."""
    turns, steps = 0, 0
    for axis in range(psf.ndim):
        step = np.moveaxis(np.diff(psf, axis=axis), axis, 0)
        moves = np.abs(step) > 1e-6 * top
        both = moves[1:] & moves[:-1]
        turns += int(np.count_nonzero(both & (np.sign(step[1:]) != np.sign(step[:-1]))))
        steps += int(np.count_nonzero(both))
    return turns > 0.33 * steps
