"""Single pixels that no light through the PSF makes: hot, dead, hit by a cosmic ray.

A pixel is predicted from its neighbours, all of them, as what is locally smooth: the part that
is left is that of the product over all axes of half the second difference. A PSF leaves of the
sharpest scene, a point, a part that is known; a broken pixel is left as a whole.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.forward import hardly_blurs
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.noise import estimate_noise_line
from napari_tf_deblur._noise.photon_transfer import VarianceLine
from napari_tf_deblur._noise.slabs import find_peak_and_unit

MIN_BAD_PIXEL_CONTRAST = 0.5
"""Least difference of a broken pixel from what its neighbours predict, as a part of the brightness
around it above the darkest; or twice what the PSF leaves of a point, if that is more. Set by hand;
its effect is in ``benchmarks/CONSTANTS.md``."""

MIN_BAD_PIXEL_RANGE = 0.05
"""Least difference of a broken pixel, as a part of the range of intensities. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_BAD_PIXEL_SIGMAS = 8.0
"""Least difference of a broken pixel, in standard deviations of the noise. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_MEDIAN_RATIO = 7.5
"""Least difference of a broken pixel, in medians of what neighbours do not predict. Derived: five
standard deviations of normal noise are 7.4 medians of its absolute value."""

MAX_MEDIAN_PIXELS = 2**17
"""Pixels of a plane from which the usual difference is found. Limit: of time."""

ADDED_PHOTONS = 9.0
"""Photons that are added to the prediction before its noise is computed. Guard: of few photons,
chance may make many times as many; ``tests/noise/test_bad_pixels.py``."""

EDGE_FACTOR = 0.75
"""Factor for pixels at the edge: they have one neighbour, and so take its fault for their own. Set
by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

BAD_PIXEL_PASSES = 3
"""Times that pixels are searched: where two are side by side, each hides the other. Guard:
``tests/noise/test_bad_pixels.py``."""


def find_bad_pixels(
    pixels: Pixels,
    planes: list[int],
    psf: PSF,
    noise: dict[int, VarianceLine] | None = None,
) -> BoolArray | None:
    """Find the pixels of an image that are broken in any channel.

    Parameters
    ----------
    values : ndarray of float32
        Shape (planes, channels, *frame), finite in the planes that are looked at.
    valid : ndarray of bool or None
        Which pixels count, broadcastable to `values`; None for all.
    planes : list of int
        The planes to look at.
    psf : ndarray of float32
        One that hardly blurs may itself make single pixels, so that nothing is found.
    noise : dict of int to Line, optional
        The line of the noise of each channel, where it is known; where it is not and is needed, it
        is measured and put in.

    Returns
    -------
    ndarray of bool or None
        Shape (planes, 1, *frame); None if no pixel is broken.
    """
    values, valid = pixels
    if hardly_blurs(psf):
        return None
    noise = {} if noise is None else noise
    part = max(MIN_BAD_PIXEL_CONTRAST, 2 * _point_prediction_error(psf))
    every = len(planes) == len(values)
    used = slice(None) if every else planes  # no copy, if it can be helped
    unit = np.float32(
        find_peak_and_unit(Pixels(values[used], None if valid is None else valid[used]))[1]
    )
    found = np.zeros((len(values), 1, *values.shape[2:]), np.bool_)
    for channel in range(values.shape[1]):
        for plane in planes:
            usable = True if valid is None else valid[plane, min(channel, valid.shape[1] - 1)]
            if not np.any(usable):
                continue
            image = values[plane, channel] / unit
            left = _prediction_error(image)
            suspects = np.nonzero(_find_candidates(image, left, usable, part))
            if not len(suspects[0]):
                continue
            if channel not in noise:
                some = np.s_[used, channel : channel + 1]
                of_some = None if valid is None else np.broadcast_to(valid, values.shape)[some]
                noise[channel] = estimate_noise_line(
                    Pixels(values[some] / unit, of_some)
                ).scale_intensity(float(unit))
            line = noise[channel].scale_intensity(1 / float(unit))
            beyond = _exceeds_noise(image[suspects], left[suspects], image.ndim, line)
            found[plane, 0][suspects] |= beyond
    return found if found.any() else None


def _prediction_error(image: Float32Array) -> Float32Array:
    """What the neighbours do not predict."""
    for axis in range(image.ndim):
        if image.shape[axis] > 1:
            line = np.moveaxis(image, axis, 0)
            left = line.copy()
            left[1:-1] -= np.float32(0.5) * (line[:-2] + line[2:])
            left[0] = EDGE_FACTOR * (line[0] - line[1])
            left[-1] = EDGE_FACTOR * (line[-1] - line[-2])
            image = np.moveaxis(left, 0, axis)
    return image


def _point_prediction_error(psf: PSF) -> float:
    """The part that is left of a point, of the brightness around it."""
    padded = np.pad(psf, 1)
    around = ndimage.maximum_filter(padded, 3)
    bright = around > 0.01 * padded.max()
    return float(np.max(np.abs(_prediction_error(padded))[bright] / around[bright]))


def _find_candidates(
    image: Float32Array, left: Float32Array, usable: BoolArray | bool, part: float
) -> BoolArray:
    """Pixels that stand out by their brightness: from most of those around, more than any.

    `left` is what the neighbours do not predict.
    """
    low, high = np.quantile(_subsample(image if usable is True else image[usable]), (0.005, 0.995))
    found = np.zeros(image.shape, np.bool_)
    for count in range(BAD_PIXEL_PASSES):
        signed = _prediction_error(image) if count else left
        left = np.abs(signed)
        least = max(
            MIN_BAD_PIXEL_RANGE * float(high - low),
            MIN_MEDIAN_RATIO * float(np.median(_subsample(left))),
        )
        left[np.logical_not(usable)] = 0
        places = np.nonzero(left > least)
        around = _neighbourhoods(image, places)
        alone = np.abs(image[places] - _median_neighbour(around)) > part * left[places]
        left[tuple(index[~alone] for index in places)] = 0
        most = _neighbourhoods(left, places).max(axis=0)
        fresh = alone & (left[places] == most) & (most > part * (around.max(axis=0) - low))
        if not fresh.any():
            break
        places = tuple(index[fresh] for index in places)
        found[places] = True
        image = image.copy()
        image[places] -= signed[places]
    return found


def _subsample(values: Float32Array) -> Float32Array:
    """As many values as tell the usual ones."""
    return np.asarray(values.ravel()[:: 1 + values.size // MAX_MEDIAN_PIXELS])


def _neighbourhoods(values: Float32Array, places: tuple[NDArray[np.intp], ...]) -> Float32Array:
    """The values at and around each place, shape (3 ** ndim, places)."""
    padded = np.pad(values, 1, mode="edge")
    steps = np.indices((3,) * values.ndim).reshape(values.ndim, -1).T
    return np.stack([padded[tuple(p + step for p, step in zip(places, way))] for way in steps])


def _median_neighbour(around: Float32Array) -> Float32Array:
    """The middle one of the values around, of two the one more like that at the place itself.

    Between two hot pixels a usual one differs from what both together predict, too, but not from
    most of those around.
    """
    centre = len(around) // 2
    here = around[centre]
    others = np.sort(np.delete(around, centre, axis=0), axis=0)
    low, high = others[centre - 1], others[centre]
    return np.asarray(np.where(np.abs(low - here) < np.abs(high - here), low, high))


def _exceeds_noise(
    values: Float32Array, left: Float32Array, axes: int, line: VarianceLine
) -> BoolArray:
    """Which pixels no noise makes; the noise's variance is a line over the brightness.

    Parameters
    ----------
    values, left : ndarray of float32
        Of some pixels, and what their neighbours do not predict.
    axes : int
        Of the image.
    line : Line
        In the same units.
    """
    predicted = np.maximum(values - left, 0) + ADDED_PHOTONS * line.slope
    variance = np.maximum(line.intercept + line.slope * predicted, 0)
    return np.asarray(np.abs(left) > MIN_BAD_PIXEL_SIGMAS * 1.5 ** (axes / 2) * np.sqrt(variance))
