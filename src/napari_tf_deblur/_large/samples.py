"""Samples of a large image: what is found from them serves all of its pieces."""

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
"""Pixels of a sample along each axis, at the most, by number of axes. Limit: of time; what is found
from an image is found from no more of it."""

CANDIDATE_COUNT = {1: 64, 2: 64, 3: 24}
"""Places that are looked at for something to see, by number of axes. Limit: of time."""

SAMPLE_COUNT = {1: 8, 2: 6, 3: 4}
"""Samples that are taken, by number of axes. Limit: of time."""


@dataclass(frozen=True)
class Samples:
    """Samples of an image.

    Attributes
    ----------
    regions : tuple of tuple of slice
        Where they are.
    pixels : ndarray
        The samples, one after another along a new first axis.
    looked_at : int
        Places that were looked at.
    unread : int
        Others, which could not be read.
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
            f"of {size} pixels, those with most to see and the darkest of {self.candidate_count}: "
            f"at {places}."
            + f" {self.unreadable_count} more could not be read."
            * (self.unreadable_count > 0)
        )


def take_samples(
    shape: Sequence[int],
    frame_axes: Sequence[int],
    channel_axis: int | None,
    read: Callable[[Region], NDArray[Any]],
) -> Samples:
    """Look at places all over an image, and take those with most to see, and the darkest.

    Places that cannot be read are left out.

    Parameters
    ----------
    shape : sequence of int
        Of the image.
    frame_axes : sequence of int
        Axes that are deblurred.
    channel_axis : int or None
        Axis of colours.
    read : callable
        Reads a region.

    Returns
    -------
    Samples
        In the order in which they lie in the image.

    Raises
    ------
    InvalidValueError
        If no place can be read.
    """
    places = list_candidate_regions(shape, frame_axes, channel_axis)
    most = SAMPLE_COUNT[len(frame_axes)]
    kept: dict[int, NDArray[Any]] = {}
    seen: dict[int, tuple[float, float]] = {}
    error: Exception | None = None
    for number, place in enumerate(places):
        try:
            pixels = read(place)
        except (UserError, MemoryError):
            raise
        except Exception as failure:  # whatever the image's reader raises
            error = failure
            continue
        seen[number] = _measure_sample(pixels, frame_axes)
        kept[number] = pixels
        if len(kept) > most:
            del kept[_least_needed(kept, seen)]
    if error is not None and not kept:
        raise InvalidValueError(f"The image cannot be read: {str(error).rstrip('.')}.") from error
    chosen = sorted(kept)
    return Samples(
        tuple(places[number] for number in chosen),
        np.stack([kept[number] for number in chosen]),
        len(seen),
        len(places) - len(seen),
    )


def list_candidate_regions(
    shape: Sequence[int], frame_axes: Sequence[int], channel_axis: int | None
) -> list[Region]:
    """Return regions of one size, spread over all frames of an image; each only once."""
    ndim = len(frame_axes)
    sizes = [n if a == channel_axis else 1 for a, n in enumerate(shape)]
    for axis in frame_axes:
        sizes[axis] = min(shape[axis], SAMPLE_SIZE[ndim])
    lengths = [n / s for n, s in zip(shape, sizes)]
    # As many along each axis as there is room, in the same ratio, until there are enough.
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
    """How much there is to see, and how bright it is; the least where nothing counts."""
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


def _least_needed(kept: Any, seen: dict[int, tuple[float, float]]) -> int:
    """The sample with least to see, but the darkest: it tells background and noise."""
    darkest = min(kept, key=lambda number: seen[number][1])
    others = [number for number in kept if number != darkest]
    least: int = min(others, key=lambda number: seen[number][0])
    return least
