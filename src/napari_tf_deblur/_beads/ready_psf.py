"""Recognise PSFs that are ready to use (theoretical PSFs, kernels), and centre them."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.typing import Float64Array

SMALL_PSF_SIZE = 33
"""Largest side, in pixels, of an array without noise that always counts as a PSF. Guard: against
images without noise; ``tests/beads/test_measured_psf.py``."""

CENTRE_TOLERANCE = 0.02
"""Largest distance, in pixels, from the middle of a pixel that counts as 0. Derived: such a shift
changes a PSF by less than the rounding of its file."""

MAX_FRAME_BRIGHTNESS = 0.05
"""A PSF that lies off its middle and is brighter than this part of its peak at the frame counts as
cut off. Guard: against beads that the frame cuts; ``tests/beads/test_measured_psf.py``."""

SPLINE_MARGIN = 5
"""Pixels around a window that its interpolation by splines needs. Derived: from pixel to pixel, the
influence of a value falls to 0.43 for splines of order 5, so it is below 2 % beyond."""

MAX_SPLINE_RINGING = 0.01
"""Largest negative part of the light after spline interpolation: more means that splines overshoot
at an edge. Guard: against edges, but not against Gaussians with a sigma of 0.8 pixels;
``tests/beads/test_measured_psf.py``."""


def is_ready_psf(psf: Float64Array) -> bool:
    """Whether an array is a PSF that is ready to use, and not a picture of beads.

    It is one if it has no pedestal and no noise, if the frame does not cut it, and if one of
    these holds: it is small; most of its light lies within half of two axes; or few of its pixels
    are not zero.
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
    """Return the lowest value if it is not zero and a quarter of the pixels have it; else 0."""
    if psf.size < 20:  # too few pixels to distinguish a pedestal from the end of a kernel
        return 0.0
    low, quarter, top = (float(q) for q in np.quantile(psf, (0, 0.25, 1)))
    spread, contrast = quarter - low, top - low
    if abs(low) > max(5 * spread, 1e-6 * contrast) and spread < 0.01 * contrast:
        return low
    return 0.0


def centre_psf(psf: Float64Array, centre: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Move the centre of a PSF to the middle pixel of an array of odd sizes that holds all of it.

    A shift by part of a pixel uses spline interpolation, or linear interpolation if splines fall
    below zero, as at sharp edges. The sum is kept, and a PSF without negative values gets none.

    Parameters
    ----------
    psf : ndarray of float64
        The PSF.
    centre : ndarray of float64
        Index of its centre along each axis; it is rounded if it is almost a whole number.

    Returns
    -------
    psf : ndarray of float64
        The centred PSF, of the same size or larger.
    moved : ndarray of float64
        Shift in pixels, relative to index ``n // 2``.
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
    """Interpolate `half` pixels on both sides of a centre."""
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
    """Whether a PSF lies off its middle and is bright at the frame."""
    off = np.abs(light_centre(psf) - [(n - 1) / 2 for n in psf.shape])
    if np.all(off <= np.maximum(1.5, np.multiply(0.12, psf.shape))):
        return False
    ends = (np.take(psf, (0, -1), axis) for axis, n in enumerate(psf.shape) if n > 1)
    return any(float(end.max()) > MAX_FRAME_BRIGHTNESS * top for end in ends)


def _is_small_box(shape: tuple[int, ...]) -> bool:
    """Whether an array has one axis only, or no more pixels than a box of `SMALL_PSF_SIZE`."""
    long = [n for n in shape if n > 1]
    return len(long) < 2 or float(np.prod(long)) <= SMALL_PSF_SIZE ** len(long)


def _is_concentrated(psf: Float64Array) -> bool:
    """Whether three quarters of the light lie within half of two axes (of a single axis)."""
    light = np.abs(psf)
    concentrated = 0
    for axis, (n, centre) in enumerate(zip(psf.shape, light_centre(psf))):
        line = light.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        near = np.abs(np.arange(n) - centre) <= n / 4
        concentrated += n > 1 and line[near].sum() > 0.75 * line.sum()
    return concentrated >= min(psf.ndim, 2)


def _is_mostly_zero(psf: Float64Array) -> bool:
    """Whether less than 5 % of the values are not zero."""
    return bool(np.count_nonzero(psf) < 0.05 * psf.size)


def is_noisy(psf: Float64Array, top: float) -> bool:
    """Whether pixels are not correlated with their neighbours, in the dark part if there is one.

    The ranks of values in smooth tails, however faint, are correlated with those of their
    neighbours; the ranks of noise are not. Exact zeros beside a kernel are not noise.
    """
    while psf.size > 2**18:  # the middle of a large array is enough
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
    correlations, crossings = [], []
    for axis in range(psf.ndim):
        pair = [slice(None, -1), slice(1, None)]
        cut = [tuple(p if a == axis else slice(None) for a in range(psf.ndim)) for p in pair]
        both = dark[cut[0]] & dark[cut[1]]
        first, second = (values[c][both] for c in cut)
        norm = np.sqrt(np.sum(first**2) * np.sum(second**2))
        if norm > 0:
            correlations.append(float(np.sum(first * second) / norm))
            below = [psf[c][both] < -1e-4 * top for c in cut]
            crossings.append(float(np.mean(below[0] != below[1])))
    return bool(correlations) and (max(correlations) < 0.4 or min(crossings) > 0.12)


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
