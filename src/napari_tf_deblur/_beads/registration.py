"""Register beads of any shape to each other, and measure how well they agree."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_tf_deblur._beads.bead_windows import Cutout, WindowSize, cut_out
from napari_tf_deblur._beads.ready_psf import SPLINE_MARGIN
from napari_tf_deblur._core.typing import BoolArray, Float32Array, Float64Array

MIN_AGREEMENT = 0.95
"""Least correlation, without noise, of a bead with the average of the others. Derived: that of two
Gaussians in a volume whose widths differ by 30 %, as much as those of round beads may; in a plane
by 38 %."""

MAX_ROUNDS = 10
"""Largest number of rounds, in each of which all beads are registered to their average. Limit: of
time; the rounds end earlier if no bead moves."""

MAX_LAST_MOVE = 0.01
"""Largest move of a bead, in pixels, in the last round. Derived: such a shift changes a PSF by less
than its noise."""

MAX_MOVE_IN_CUTOUT = 1.0
"""Largest move of a bead, in pixels, for which its cut-out with its background is kept. Limit: of
time."""

MAX_COMPARED = 10
"""Largest number of beads, the brightest first, of which the one that is most like the others is
the first average. Limit: of time."""

AGREEMENT_FILTER_SIGMA = 1.0
"""Sigma, in pixels, of the filter before beads are compared. Derived: it takes most of the noise,
and little of beads that are sampled finely enough for deconvolution."""


@dataclass(frozen=True)
class RegisteredBeads:
    """Beads that were registered to each other.

    Attributes
    ----------
    centres : ndarray of float64
        Index of the middle of each bead, one row per bead.
    brightness : ndarray of float64
        Brightness of each bead, relative to their average.
    correlation : ndarray of float64
        Correlation of each bead with the average of the others.
    agreement : ndarray of float64
        The same, without the part that noise explains.
    used : ndarray of bool
        Which beads agree with the others.
    """

    centres: Float64Array
    brightness: Float64Array
    correlation: Float64Array
    agreement: Float64Array
    used: BoolArray


def register_beads(
    picture: Float32Array, centres: Float64Array, size: WindowSize
) -> RegisteredBeads:
    """Register two beads or more to each other, without a model of their shape.

    The first average is the bead that is most like the others. In each round, each bead is
    registered to the average of the others, by the shift at which it correlates best, to a
    fraction of a pixel. The next average is made of the beads that agree with it; of the better
    half, if fewer than two do.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes.
    centres : ndarray of float64
        About where the beads are, one row per bead; the brightest first.
    size : WindowSize
        The size of their windows.
    """
    centres = centres.copy()
    count = len(centres)
    cutouts = [cut_out(picture, centre, size) for centre in centres]
    stack = np.stack([align(one, c, size) for one, c in zip(cutouts, centres)])
    first = _most_typical(np.nan_to_num(stack[:MAX_COMPARED]))
    used = np.zeros(count, dtype=bool)
    averages = np.broadcast_to(np.nan_to_num(stack[first]), stack.shape)
    brightness, noise, moves = np.ones(count), np.zeros(count), np.zeros(count)
    for turn in range(MAX_ROUNDS):
        for k, centre in enumerate(centres):
            if np.abs(centre - cutouts[k].centre).max() > MAX_MOVE_IN_CUTOUT:
                cutouts[k] = cut_out(picture, centre, size)
            start = coarse_place(cutouts[k], averages[k], centre) if turn == 0 else centre
            place, brightness[k], noise[k] = refine_place(cutouts[k], averages[k], start)
            # Two beads that are registered to each other meet in the middle.
            move = (place - centre) * (1 - used[k] / max(np.count_nonzero(used), 2))
            moves[k] = np.abs(move).max()
            centres[k] = centre + move
            stack[k] = align(cutouts[k], centres[k], size)
        variances = np.full(count, noise[first])
        if turn > 0:
            averages, variances = _averages_of_others(stack, brightness, noise, used)
        correlation, agreement = _compare(stack, averages, noise, variances)
        alike = agreement >= MIN_AGREEMENT
        if np.count_nonzero(alike) < 2:
            alike = (agreement >= np.median(agreement)) & (brightness > 0)
        done = np.array_equal(alike, used) and bool(np.all(moves[alike] < MAX_LAST_MOVE))
        used = alike
        if done or np.count_nonzero(used) < 2:
            break
        averages, _ = _averages_of_others(stack, brightness, noise, used)
    used = used & (agreement >= MIN_AGREEMENT)
    return RegisteredBeads(centres, brightness, correlation, agreement, used)


def align(cutout: Cutout, centre: Float64Array, size: WindowSize) -> Float64Array:
    """Shift a bead to the middle of a window; NaN where the picture ends."""
    start = centre - size.half - cutout.low
    moved = _shift(cutout.light, start, size.sides)
    return np.where(_inside(start, size.sides, cutout.light.shape), moved, np.nan)


def coarse_place(cutout: Cutout, average: Float64Array, centre: Float64Array) -> Float64Array:
    """Return the whole-pixel place at which a bead correlates best with an average."""
    from scipy import signal  # slow to import

    correlation = signal.correlate(cutout.light, average, mode="full", method="fft")
    half = np.array(average.shape) // 2
    # The middle of the average lies at `low + index - half`.
    near = np.rint(centre - cutout.low + half).astype(int)
    low = np.maximum(near - SPLINE_MARGIN, 0)
    part = correlation[tuple(slice(a, b + SPLINE_MARGIN + 1) for a, b in zip(low, near))]
    best = np.unravel_index(int(np.argmax(part)), part.shape)
    return np.asarray(cutout.low + low + best - half, dtype=np.float64)


def refine_place(
    cutout: Cutout, average: Float64Array, place: Float64Array
) -> tuple[Float64Array, float, float]:
    """Find the place, to a fraction of a pixel, at which an average fits a bead best.

    Place, brightness and background are fitted by least squares; so the correlation is highest
    there.

    Returns
    -------
    place : ndarray of float64
        Index of the middle along each axis.
    brightness : float
        Brightness relative to the average.
    noise : float
        Variance of the noise of the bead.
    """
    half = np.array(average.shape) // 2
    ndim = average.ndim
    farthest = np.full(ndim, float(SPLINE_MARGIN))
    begin = place
    for _ in range(4):
        start = cutout.low - place + half
        model = _shift(average, start, cutout.light.shape)
        inside = _inside(start, cutout.light.shape, average.shape)
        slopes = [np.gradient(model, axis=axis)[inside] for axis in range(ndim)]
        columns = np.stack([model[inside], np.ones(np.count_nonzero(inside)), *slopes], axis=1)
        factors = np.linalg.lstsq(
            columns.T @ columns, columns.T @ cutout.light[inside], rcond=None
        )[0]
        brightness = float(factors[0])
        if brightness <= 0:
            break
        move = np.clip(-factors[2:] / brightness, -1, 1)
        if np.abs(move).max() < 0.1 * MAX_LAST_MOVE:
            break
        place = np.clip(place + move, begin - farthest, begin + farthest)
    rest = np.where(inside, cutout.light - brightness * model - factors[1], 0.0)
    return place, brightness, _noise_variance(rest, inside)


def _shift(values: Float64Array, start: Float64Array, shape: tuple[int, ...]) -> Float64Array:
    """Interpolate an array by splines of order 5, from a first index on, axis by axis."""
    for axis, (first, n) in enumerate(zip(start, shape)):
        size = values.shape[axis]
        weights = ndimage.affine_transform(
            np.eye(size), np.ones(2), (first, 0), (n, size), order=5, mode="mirror"
        )
        lines = values.reshape(int(np.prod(values.shape[:axis])), size, -1)
        moved = lines[..., 0] @ weights.T if axis == values.ndim - 1 else weights @ lines
        values = moved.reshape(*values.shape[:axis], n, *values.shape[axis + 1 :])
    return values


def _noise_variance(rest: Float64Array, inside: BoolArray) -> float:
    """Variance of the noise in what is left of a bead, from second differences."""
    fine, kept = rest, inside
    for axis, n in enumerate(rest.shape):
        if n > 3:
            fine = np.diff(fine, 2, axis=axis) / np.sqrt(6)
            lines = np.moveaxis(kept, axis, 0)
            kept = np.moveaxis(lines[2:] & lines[1:-1] & lines[:-2], 0, axis)
    return float(np.mean(np.square(fine[kept]))) if kept.any() else 0.0


def _inside(start: Float64Array, shape: tuple[int, ...], source: tuple[int, ...]) -> BoolArray:
    """Mark the pixels that lie in the source, where the first pixel is at index `start` of it.

    The source ends half a pixel beyond the middle of its last pixel.
    """
    inside = np.ones(shape, dtype=bool)
    for axis, (first, n, size) in enumerate(zip(start, shape, source)):
        places = first + np.arange(n)
        in_line = (places >= -0.5) & (places <= size - 0.5)
        inside &= in_line.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return inside


def _most_typical(stack: Float64Array) -> int:
    """Return the index of the bead that correlates best with the others, at any shift."""
    from scipy import fft

    shape = [fft.next_fast_len(2 * n, real=True) for n in stack.shape[1:]]
    axes = tuple(range(1, stack.ndim))
    spectra = fft.rfftn(stack, shape, axes=axes)
    norms = np.sqrt(np.sum(stack**2, axis=axes))
    alike = np.zeros((len(stack), len(stack)))
    for i in range(len(stack)):
        for j in range(i):
            both = fft.irfftn(spectra[i] * np.conj(spectra[j]), shape)
            alike[i, j] = alike[j, i] = float(both.max()) / (norms[i] * norms[j])
    return int(np.argmax([np.median(np.delete(row, k)) for k, row in enumerate(alike)]))


def _averages_of_others(
    stack: Float64Array, brightness: Float64Array, noise: Float64Array, used: BoolArray
) -> tuple[Float64Array, Float64Array]:
    """For each bead, the average of the other used ones, and the variance of its noise."""
    known = np.isfinite(stack) & used.reshape(-1, *[1] * (stack.ndim - 1))
    light = np.where(known, stack, 0.0)
    weight = known * np.maximum(brightness, 0.0).reshape(-1, *[1] * (stack.ndim - 1))
    rest = weight.sum(axis=0) - weight
    averages = (light.sum(axis=0) - light) / np.where(rest > 0, rest, 1.0)
    bright, noisy = np.where(used, brightness, 0.0), np.where(used, noise, 0.0)
    total, variance = bright.sum() - bright, noisy.sum() - noisy
    return averages, variance / np.where(total > 0, total, 1.0) ** 2


def _compare(
    stack: Float64Array,
    averages: Float64Array,
    noise: Float64Array,
    variances: Float64Array,
) -> tuple[Float64Array, Float64Array]:
    """Return the correlations of beads with the averages of the others, with and without noise."""
    correlation, agreement = np.zeros(len(stack)), np.zeros(len(stack))
    gain = (1 / (2 * np.sqrt(np.pi) * AGREEMENT_FILTER_SIGMA)) ** (stack.ndim - 1)
    for k in range(len(stack)):
        known = np.isfinite(stack[k])
        one, other = (
            ndimage.gaussian_filter(np.where(known, values, 0.0), AGREEMENT_FILTER_SIGMA)[known]
            for values in (stack[k], averages[k])
        )
        one, other = one - one.mean(), other - other.mean()
        across, own, theirs = float(one @ other), float(one @ one), float(other @ other)
        if across <= 0:
            continue
        correlation[k] = across / np.sqrt(own * theirs)
        own_light = own - gain * noise[k] * one.size
        their_light = theirs - gain * variances[k] * one.size
        agreement[k] = (
            min(across / np.sqrt(own_light * their_light), 1.0)
            if min(own_light, their_light) > 0
            else 0.0
        )
    return correlation, agreement
