"""Take samples of a large image; the calibration of all its pieces is found from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.patches import neighbour_covariance, subtract_mean
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._storage.regions import Region

SAMPLE_SIZE = {1: 4096, 2: 384, 3: 96}
"""Largest side of a sample, in pixels, by number of axes. Limit: of time; the calibration of a
whole image uses no more pixels than this either."""

CANDIDATE_COUNT = {1: 64, 2: 64, 3: 24}
"""Number of places that are searched for structure, by number of axes. Limit: of time."""

SAMPLE_COUNT = {1: 8, 2: 6, 3: 4}
"""Number of samples that are taken, by number of axes. Limit: of time."""


@dataclass(frozen=True)
class Samples:
    """Samples of an image.

    Attributes
    ----------
    regions : tuple of tuple of slice
        Regions of the samples in the image.
    pixels : ndarray
        The samples, stacked along a new first axis.
    candidate_count : int
        Number of places that were read.
    unreadable_count : int
        Number of places that could not be read.
    """

    regions: tuple[Region, ...]
    pixels: NDArray[Any]
    candidate_count: int
    unreadable_count: int = 0

    def __str__(self) -> str:
        places = ", ".join(
            "(" + ", ".join(str(part.start) for part in region) + ")" for region in self.regions
        )
        size = " x ".join(str(n) for n in self.pixels.shape[1:] if n > 1)
        number = len(self.regions)
        return (
            f"Noise, intensities and weight were found from {number} sample{'s' * (number > 1)} "
            f"of {size} pixels at {places}: those with most structure, and the darkest, of "
            f"{self.candidate_count} place{'s' * (self.candidate_count > 1)}."
            + f" {self.unreadable_count} more could not be read."
            * (self.unreadable_count > 0)
        )


def take_samples(
    shape: Sequence[int],
    frame_axes: Sequence[int],
    channel_axis: int | None,
    read: Callable[[Region], NDArray[Any]],
) -> Samples:
    """Read places all over an image, and take those with most structure, and the darkest.

    Places that cannot be read are left out.

    Parameters
    ----------
    shape : sequence of int
        Shape of the image.
    frame_axes : sequence of int
        Axes that are deblurred.
    channel_axis : int or None
        Axis of colours.
    read : callable
        Function that reads a region, given as a tuple of slices.

    Returns
    -------
    Samples
        The samples, in the order in which they lie in the image.

    Raises
    ------
    InvalidValueError
        If no place can be read.
    """
    places = list_candidate_regions(shape, frame_axes, channel_axis)
    max_count = SAMPLE_COUNT[len(frame_axes)]
    samples: dict[int, NDArray[Any]] = {}
    measures: dict[int, tuple[float, float]] = {}
    error: Exception | None = None
    for number, place in enumerate(places):
        try:
            pixels = read(place)
        except (UserError, MemoryError):
            raise
        except Exception as failure:  # any error of the reader of the image
            error = failure
            continue
        measures[number] = _measure_sample(pixels, frame_axes)
        samples[number] = pixels
        if len(samples) > max_count:
            del samples[_find_least_useful(samples, measures)]
    if error is not None and not samples:
        raise InvalidValueError(f"The image cannot be read: {str(error).rstrip('.')}.") from error
    numbers = sorted(samples)
    return Samples(
        tuple(places[number] for number in numbers),
        np.stack([samples[number] for number in numbers]),
        len(measures),
        len(places) - len(measures),
    )


def list_candidate_regions(
    shape: Sequence[int], frame_axes: Sequence[int], channel_axis: int | None
) -> list[Region]:
    """Return different regions of one size, spread over all frames of an image."""
    ndim = len(frame_axes)
    sizes = [n if a == channel_axis else 1 for a, n in enumerate(shape)]
    for axis in frame_axes:
        sizes[axis] = min(shape[axis], SAMPLE_SIZE[ndim])
    lengths = [n / s for n, s in zip(shape, sizes)]
    # Counts grow along the axis with most room, until there would be too many regions.
    counts = [1] * len(shape)
    while True:
        room = [k / n if k < int(n) else np.inf for k, n in zip(counts, lengths)]
        axis = int(np.argmin(room))
        if not np.isfinite(room[axis]):
            break
        more = [k + (a == axis) for a, k in enumerate(counts)]
        if prod(more) > CANDIDATE_COUNT[ndim]:
            break
        counts = more
    starts = [
        sorted({round((k + 0.5) / count * (n - s)) if count > 1 else (n - s) // 2
                for k in range(count)})
        for n, s, count in zip(shape, sizes, counts)
    ]  # fmt: skip
    return [tuple(slice(a, a + s) for a, s in zip(corner, sizes)) for corner in product(*starts)]


def _measure_sample(pixels: NDArray[Any], frame_axes: Sequence[int]) -> tuple[float, float]:
    """Return amount of structure and mean brightness; -inf and inf if the sample is constant."""
    lead = tuple(axis for axis in range(pixels.ndim) if axis not in frame_axes)
    values = pixels.astype(np.float32).transpose(*lead, *frame_axes)
    values = values.reshape(-1, *values.shape[len(lead) :])
    finite = np.isfinite(values)
    if not finite.any() or np.ptp(values[finite]) == 0:
        return -np.inf, np.inf
    valid = None if finite.all() else finite
    values = values if valid is None else np.where(finite, values, np.float32(0))
    return neighbour_covariance(subtract_mean(Pixels(values, valid), 1.0)), float(
        values.mean(where=finite)
    )


def _find_least_useful(
    samples: dict[int, NDArray[Any]], measures: dict[int, tuple[float, float]]
) -> int:
    """Return the sample with least structure, but not the darkest, which shows the noise."""
    darkest = min(samples, key=lambda number: measures[number][1])
    others = [number for number in samples if number != darkest]
    least: int = min(others, key=lambda number: measures[number][0])
    return least
