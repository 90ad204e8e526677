"""Find bad pixels: hot, dead, or hit by a cosmic ray; no light through the PSF makes them.

Each pixel is predicted from all its neighbours by local smoothness. The prediction error is half
the second difference, applied along all axes in turn. For a point source, the sharpest scene, the
PSF determines what part of the brightness remains in the prediction error. Of a bad pixel, all of
it remains.
"""

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels, find_places
from napari_tf_deblur._core.psf_resizing import hardly_blurs
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.noise import estimate_noise_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.slabs import find_peak_and_unit
from napari_tf_deblur._noise.variance_line import VarianceLine

MIN_BAD_PIXEL_CONTRAST = 0.5
"""Least prediction error of a bad pixel, as a part of the local brightness above the darkest
pixels; or twice the part that the PSF leaves of a point source, if that is more. Guard: a larger
part misses bad pixels; ``tests/noise/test_bad_pixels.py``."""

MIN_BAD_PIXEL_SIGMAS = 8.0
"""Least prediction error of a bad pixel, in standard deviations of the noise. Chosen by
``benchmarks/bad_pixels.py``: with less, points of light are called bad."""

MIN_MEDIAN_RATIO = 7.5
"""Least prediction error of a bad pixel, in medians of the absolute prediction error. Derived: five
standard deviations of normal noise are 7.4 medians of its absolute value."""

MAX_MEDIAN_PIXELS = 2**17
"""Pixels of a plane from which quantiles are computed, about. Limit: of time."""

CACHED_PIXELS = 2**16
"""Pixels of a part of the image that is predicted at once, about. Limit: of time; what fits into
the cache of a core is fast."""

ADDED_PHOTONS = 9.0
"""Photons that are added to the prediction before its noise is computed. Guard: with few photons,
the true mean may be several times the prediction; ``tests/noise/test_bad_pixels.py``."""

EDGE_FACTOR = 0.75**0.5
"""Factor on the prediction error of edge pixels, which have one neighbour along the axis. Derived:
their error then has the noise of the others, 3/2 of the variance of a pixel."""

BAD_PIXEL_PASSES = 3
"""Number of passes of the search: of two bad pixels side by side, each hides the other. Guard:
``tests/noise/test_bad_pixels.py``."""


def find_bad_pixels(
    pixels: Pixels,
    planes: list[int],
    psf: PSF,
    noise: dict[int, VarianceLine] | None = None,
    samples: dict[int, NoiseSample] | None = None,
) -> BoolArray | None:
    """Find the pixels of an image that are bad in any channel.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame), finite in the planes that are searched.
    planes : list of int
        The planes to search.
    psf : ndarray of float32
        If the PSF hardly blurs, light can make single bright pixels, and none is reported.
    noise : dict of int to VarianceLine, optional
        The line of the noise of each channel, in image units. Lines that are missing and needed
        are measured and added to the dictionary.
    samples : dict of int to NoiseSample, optional
        What these lines were measured from is added to this dictionary.

    Returns
    -------
    ndarray of bool or None
        Shape (planes, 1, *frame), True for bad pixels; None if there is none.
    """
    values, valid = pixels
    if hardly_blurs(psf):
        return None
    noise = {} if noise is None else noise
    samples = {} if samples is None else samples
    part = max(MIN_BAD_PIXEL_CONTRAST, 2 * _point_prediction_error(psf))
    # A slice of all planes makes no copy.
    used = slice(None) if len(planes) == len(values) else planes
    unit = find_peak_and_unit(Pixels(values[used], None if valid is None else valid[used]))[1]

    def noise_line(channel: int) -> VarianceLine:
        if channel not in noise:
            some = np.s_[used, channel : channel + 1]
            some_valid = None if valid is None else np.broadcast_to(valid, values.shape)[some]
            samples[channel] = NoiseSample.from_pixels(Pixels(values[some], some_valid))
            noise[channel] = estimate_noise_line(samples[channel])
        return noise[channel].scale_intensity(1 / unit)

    bad = np.zeros((len(values), 1, *values.shape[2:]), np.bool_)
    for channel in range(values.shape[1]):
        for plane in planes:
            usable = True if valid is None else valid[plane, min(channel, valid.shape[1] - 1)]
            if np.any(usable):
                image = values[plane, channel] / np.float32(unit)
                bad[plane, 0] |= _find_in_plane(image, usable, part, partial(noise_line, channel))
    return bad if bad.any() else None


def _prediction_error(image: Float32Array) -> Float32Array:
    """Error of the prediction of each pixel from its neighbours, computed in slabs."""
    error = np.empty_like(image)
    lines = max(1, CACHED_PIXELS // max(1, int(np.prod(image.shape[1:]))))
    for start in range(0, len(image), lines):
        part = slice(start, min(start + lines, len(image)))
        error[part] = _difference_along(image, 0, part)
        for axis in range(1, image.ndim):
            error[part] = _difference_along(error[part], axis, slice(None))
    return error


def _difference_along(image: Float32Array, axis: int, part: slice) -> Float32Array:
    """Half the second difference along an axis, for a part of its lines."""
    lines, n = np.moveaxis(image, axis, 0), image.shape[axis]
    if n == 1:
        return image[part]
    start, stop, _ = part.indices(n)
    error = lines[start:stop].copy()
    first, last = max(start, 1), min(stop, n - 1)
    error[first - start : last - start] -= np.float32(0.5) * (
        lines[first - 1 : last - 1] + lines[first + 1 : last + 1]
    )
    if start == 0:
        error[0] = EDGE_FACTOR * (lines[0] - lines[1])
    if stop == n:
        error[-1] = EDGE_FACTOR * (lines[-1] - lines[-2])
    return np.moveaxis(error, 0, axis)


def _point_prediction_error(psf: PSF) -> float:
    """Prediction error of a point source, relative to the brightness around it."""
    padded = np.pad(psf, 1)
    around = ndimage.maximum_filter(padded, 3)
    bright = around > 0.01 * padded.max()
    return float(np.max(np.abs(_prediction_error(padded))[bright] / around[bright]))


def _find_in_plane(
    image: Float32Array,
    usable: BoolArray | bool,
    part: float,
    noise_line: Callable[[], VarianceLine],
) -> BoolArray:
    """Find pixels that stand out from most of their neighbours, more than any neighbour does.

    `part` is the least prediction error relative to the local brightness; `noise_line` returns the
    variance of the noise over the intensity.
    """
    low = np.quantile(_subsample(image if usable is True else image[usable]), 0.005)
    found = np.zeros(image.shape, np.bool_)
    error, corrected = _prediction_error(image), image
    for _ in range(BAD_PIXEL_PASSES):
        signed = error if corrected is image else _prediction_error(corrected)
        size = np.abs(signed)
        least = MIN_MEDIAN_RATIO * float(np.median(_subsample(size)))
        size[np.logical_not(usable)] = 0
        places = find_places(size > least)
        around = _neighbourhoods(corrected, places)
        alone = np.abs(corrected[places] - _median_neighbour(around)) > part * size[places]
        size[tuple(index[~alone] for index in places)] = 0
        most = _neighbourhoods(size, places).max(axis=0)
        fresh = alone & (size[places] == most) & (most > part * (around.max(axis=0) - low))
        places = tuple(index[fresh] for index in places)
        if not len(places[0]):
            break
        exceeding = _exceeds_noise(image[places], error[places], image.ndim, noise_line())
        places = tuple(index[exceeding] for index in places)
        if not len(places[0]):
            break
        found[places] = True
        corrected = corrected.copy()
        corrected[places] -= signed[places]
    return found


def _subsample(values: Float32Array) -> Float32Array:
    """About `MAX_MEDIAN_PIXELS` evenly spread values, enough for a median or quantile."""
    return np.asarray(values.ravel()[:: 1 + values.size // MAX_MEDIAN_PIXELS])


def _neighbourhoods(values: Float32Array, places: tuple[NDArray[np.intp], ...]) -> Float32Array:
    """Values at and around each place, shape (3 ** ndim, places)."""
    lines = [
        [np.clip(at + shift, 0, n - 1) for shift in (-1, 0, 1)]
        for at, n in zip(places, values.shape)
    ]
    return np.stack([values[neighbours] for neighbours in product(*lines)])


def _median_neighbour(around: Float32Array) -> Float32Array:
    """Median of the neighbours of each place; of the two middle ones, the closer to the place.

    A normal pixel between two hot pixels differs from its prediction, too, but not from most of
    its neighbours.
    """
    centre = len(around) // 2
    values = around[centre]
    others = np.sort(np.delete(around, centre, axis=0), axis=0)
    low, high = others[centre - 1], others[centre]
    return np.asarray(np.where(np.abs(low - values) < np.abs(high - values), low, high))


def _exceeds_noise(
    values: Float32Array, error: Float32Array, axes: int, line: VarianceLine
) -> BoolArray:
    """Whether the prediction error of pixels is larger than noise can make it.

    Parameters
    ----------
    values, error : ndarray of float32
        Intensities of some pixels, and their prediction errors.
    axes : int
        Number of axes of the image.
    line : VarianceLine
        Variance of the noise over the intensity, in the same units.
    """
    predicted = np.maximum(values - error, 0) + ADDED_PHOTONS * line.slope
    variance = np.maximum(line.intercept + line.slope * predicted, 0)
    return np.asarray(np.abs(error) > MIN_BAD_PIXEL_SIGMAS * 1.5 ** (axes / 2) * np.sqrt(variance))
