"""PSFs that come ready to use (theoretical ones, kernels): how they are told from pictures."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.psf_check import light_centre
from napari_tf_deblur._core.typing import Float64Array

SMALL_PSF_SIZE = 33
"""Largest side, in pixels, of an array without noise that is always taken for one PSF. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

CENTRE_TOLERANCE = 0.02
"""Distance, in pixels, from the middle of a pixel that counts as none. Derived: such a shift
changes a PSF by less than the rounding of its file."""

MAX_FRAME_BRIGHTNESS = 0.05
"""Part of the peak at the frame from which on the PSF counts as cut off. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

SPLINE_MARGIN = 3
"""Pixels around a PSF in which splines are looked at. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""

MAX_SPLINE_RINGING = 0.01
"""Largest part of the light that splines may put below zero: more means that they overshoot at an
edge. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""


def is_ready_psf(psf: Float64Array) -> bool:
    """Say whether an array is a PSF ready to use and not a picture of beads.

    It is one if it has no pedestal and no noise, if the frame does not cut it, and if it is
    tiny, or most of its light lies within half of two axes, or few of its pixels are not zero.
    """
    top = float(psf.max())
    if top <= 0 or psf.sum() <= 0:
        return False
    if max(psf.shape) <= 5:
        return True
    return (
        find_pedestal(psf) == 0
        and not _is_cut(psf, top)
        and (_is_small_box(psf.shape) or _is_concentrated(psf) or _is_mostly_zero(psf))
        and not is_noisy(psf, top)
    )


def find_pedestal(psf: Float64Array) -> float:
    """Lowest value, if it is not zero and a quarter of the pixels are as low; else 0."""
    if psf.size < 20:  # too few pixels to tell a ground from a kernel's end
        return 0.0
    low, quarter, top = (float(q) for q in np.quantile(psf, (0, 0.25, 1)))
    spread, contrast = quarter - low, top - low
    if abs(low) > max(5 * spread, 1e-6 * contrast) and spread < 0.01 * contrast:
        return low
    return 0.0


def centre_psf(psf: Float64Array, centre: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Bring the centre of a PSF to the middle pixel of an array of odd sizes that holds all of it.

    Between pixels it is interpolated by splines, or, where these fall below zero as at sharp
    edges, linearly. The sum stays, and what is not negative stays so.

    Parameters
    ----------
    psf : ndarray of float64
        The PSF.
    centre : ndarray of float64
        Its centre, one index for each axis; what is nearly a whole number is taken for one.

    Returns
    -------
    psf : ndarray of float64
        The same, or larger.
    moved : ndarray of float64
        By how many pixels, from index ``n // 2``.
    """
    whole = np.rint(centre)
    centre = np.where(np.abs(centre - whole) < CENTRE_TOLERANCE, whole, centre)
    moved = np.array([n // 2 for n in psf.shape]) - centre
    half = [int(np.ceil(max(c, n - 1 - c))) for c, n in zip(centre, psf.shape)]
    if np.array_equal(centre, whole):
        before = [h - int(c) for h, c in zip(half, centre)]
        after = [2 * h + 1 - n - b for h, n, b in zip(half, psf.shape, before)]
        return np.pad(psf, list(zip(before, after))), moved
    smooth = _shift_psf(psf, centre, np.add(half, SPLINE_MARGIN), 5)
    if psf.min() >= 0:
        if -smooth[smooth < 0].sum() > MAX_SPLINE_RINGING * smooth.sum():
            smooth = _shift_psf(psf, centre, np.add(half, SPLINE_MARGIN), 1)
        smooth = np.clip(smooth, 0, None)
    smooth = smooth[(slice(SPLINE_MARGIN, -SPLINE_MARGIN),) * psf.ndim]
    return smooth * (psf.sum() / smooth.sum()), moved


def _shift_psf(
    psf: Float64Array, centre: Float64Array, half: NDArray[np.int64], order: Literal[1, 5]
) -> Float64Array:
    """Interpolate so many pixels on both sides of a centre."""
    moved = ndimage.affine_transform(
        psf.astype(np.float64),
        np.ones(psf.ndim),
        centre - half,
        output_shape=tuple(2 * half + 1),
        order=order,
        mode="grid-constant",
    )
    return np.asarray(moved)


def _is_cut(psf: Float64Array, top: float) -> bool:
    """Whether a PSF that does not lie about its middle is bright at the frame."""
    off = np.abs(light_centre(psf) - [(n - 1) / 2 for n in psf.shape])
    if np.all(off <= np.maximum(1.5, np.multiply(0.12, psf.shape))):
        return False
    ends = (np.take(psf, (0, -1), axis) for axis, n in enumerate(psf.shape) if n > 1)
    return any(float(end.max()) > MAX_FRAME_BRIGHTNESS * top for end in ends)


def _is_small_box(shape: tuple[int, ...]) -> bool:
    long = [n for n in shape if n > 1]
    return len(long) < 2 or float(np.prod(long)) <= SMALL_PSF_SIZE ** len(long)


def _is_concentrated(psf: Float64Array) -> bool:
    light = np.abs(psf)
    concentrated = 0
    for axis, (n, centre) in enumerate(zip(psf.shape, light_centre(psf))):
        line = light.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        near = np.abs(np.arange(n) - centre) <= n / 4
        concentrated += n > 1 and line[near].sum() > 0.75 * line.sum()
    return concentrated >= min(psf.ndim, 2)


def _is_mostly_zero(psf: Float64Array) -> bool:
    return bool(np.count_nonzero(psf) < 0.05 * psf.size)


def is_noisy(psf: Float64Array, top: float) -> bool:
    """Say whether pixels are unlike their neighbours: in the dark part, else everywhere.

    Smooth tails, however faint, have the order of their neighbours; noise has none. Exact
    zeros beside a kernel are no noise.
    """
    while psf.size > 2**18:  # the middle of a large array will do
        axis = int(np.argmax(psf.shape))
        n = psf.shape[axis]
        psf = np.take(psf, range(n // 4, n - n // 4), axis)
    bright = np.abs(psf) > 0.01 * top
    if _count_isolated(bright) > 3:  # single photons
        return True
    dark = ~ndimage.binary_dilation(bright, iterations=2)
    if np.count_nonzero(dark) < 0.1 * psf.size:
        return _is_zigzag(psf, top)
    if np.ptp(psf[dark]) <= 1e-7 * top:
        return False
    if np.count_nonzero(psf[dark]) < 0.5 * np.count_nonzero(dark):
        return _count_isolated(np.abs(psf) > 1e-6 * top) > 3
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


def _count_isolated(mask: NDArray[np.bool_]) -> int:
    """Count the marked pixels that have no marked neighbour."""
    ones = np.ones([3] * mask.ndim, dtype=np.uint8)
    neighbours = ndimage.convolve(mask.astype(np.uint8), ones, mode="constant")
    return int(np.count_nonzero(mask & (neighbours == 1)))


def _is_zigzag(psf: Float64Array, top: float) -> bool:
    """Whether values go up and down from pixel to pixel, as noise does."""
    turns, steps = 0, 0
    for axis in range(psf.ndim):
        step = np.moveaxis(np.diff(psf, axis=axis), axis, 0)
        moves = np.abs(step) > 1e-6 * top
        both = moves[1:] & moves[:-1]
        turns += int(np.count_nonzero(both & (np.sign(step[1:]) != np.sign(step[:-1]))))
        steps += int(np.count_nonzero(both))
    return turns > 0.33 * steps
