"""Which pixels of an image count, and what stands where they do not."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.typing import BoolArray, Float32Array

MIN_PEAK, MAX_PEAK = 1e-30, 1e37
"""Largest value of an image: at the least, and at most. Derived: float32 ends at 1e-38 and 3e38,
and a photon, a noise, or a sharper point must lie within."""


def blank_planes(values: Float32Array, ignored: BoolArray | None) -> set[int]:
    """Find the planes in which no pixel counts: all masked, NaN or infinite."""

    def counts(plane: int) -> bool:
        finite = np.isfinite(values[plane])
        return bool((finite if ignored is None else finite & ~ignored[plane]).any())

    blank = {plane for plane in range(len(values)) if not counts(plane)}
    if len(blank) == len(values):
        if ignored is None or not np.isfinite(values).any():
            raise InvalidValueError(
                f"The image holds nothing but {values.size} NaN or infinite pixel(s); choose one "
                "with numbers."
            )
        raise InvalidValueError("The mask covers the whole image; leave some pixels to deblur.")
    return blank


def valid_pixels(
    values: Float32Array, ignored: BoolArray | None, blank: set[int]
) -> BoolArray | None:
    """Find the pixels that count; refuse those that are no numbers, and an extreme image."""
    bad = 0
    for plane in range(len(values)):
        if plane not in blank:
            wrong = ~np.isfinite(values[plane])
            bad += int(np.count_nonzero(wrong if ignored is None else wrong & ~ignored[plane]))
    if bad and ignored is None:
        raise InvalidValueError(
            f"The image has {bad} NaN or infinite pixel(s); mask them (in the dock: 'Ignore "
            "pixels', 'NaN and infinite pixels') or replace them by numbers."
        )
    if bad:
        raise InvalidValueError(
            f"The image has {bad} NaN or infinite pixel(s) outside the mask; mask them too, or "
            "replace them by numbers."
        )
    valid = None
    if ignored is not None and ignored.any():
        valid = np.broadcast_to(~ignored, (len(values), 1, *values.shape[2:]))
    _refuse_extremes(values, valid, [p for p in range(len(values)) if p not in blank])
    return valid


def mark_gap(frame: Sequence[int], gap: Sequence[slice]) -> BoolArray | None:
    """Return the pixels of a piece that lie beyond its image; None if there are none.

    Parameters
    ----------
    frame : sequence of int
        Pixels of the piece along each deblurred axis.
    gap : sequence of slice
        Where it lies beyond the image, along each of them.
    """
    if not any(part.stop > part.start for part in gap):
        return None
    found = np.zeros(frame, bool)
    for axis, part in enumerate(gap):
        found[(slice(None),) * axis + (part,)] = True
    return found


def fill_ignored(values: Float32Array, valid: BoolArray, planes: Iterable[int]) -> bool:
    """Put something likely where pixels do not count; say whether areas do not.

    That is what is nearest in planes where areas do not count, and else each channel's mean.
    """
    with_areas = False
    for plane in planes:
        ignored = ~valid[plane, 0]
        if _has_area(ignored):
            with_areas = True
            fill_with_nearest(values[plane], ignored)
        else:
            _fill_with_mean(values[plane], ignored)
    return with_areas


def _refuse_extremes(values: Float32Array, valid: BoolArray | None, planes: Iterable[int]) -> None:
    """Refuse an image so dim or so bright that float32 does not hold what is reckoned from it."""
    peak = 0.0
    for plane in planes:
        counting = True if valid is None else valid[plane]
        highest = values[plane].max(initial=0.0, where=counting)
        peak = max(peak, float(highest), -float(values[plane].min(initial=0.0, where=counting)))
    if peak and not MIN_PEAK <= peak <= MAX_PEAK:
        raise InvalidValueError(
            f"The largest value of the image is {peak:.3g}, which leaves single precision no room; "
            f"multiply the image by a number, so that it lies between {MIN_PEAK:g} and "
            f"{MAX_PEAK:g}."
        )


def fill_with_nearest(plane: Float32Array, ignored: BoolArray) -> None:
    """Give ignored pixels of all channels the value of the nearest that is not ignored."""
    nearest = ndimage.distance_transform_edt(ignored, return_distances=False, return_indices=True)
    plane[:] = plane[(slice(None), *nearest)]


def _fill_with_mean(plane: Float32Array, ignored: BoolArray) -> None:
    for channel in plane:
        np.copyto(channel, np.mean(channel, where=~ignored, dtype=np.float64), where=ignored)


def _has_area(mask: BoolArray) -> bool:
    """Whether there is a square, or cube, of three masked pixels by three."""
    for axis, n in enumerate(mask.shape):
        if n >= 3:
            along = np.moveaxis(mask, axis, 0)
            mask = np.moveaxis(along[:-2] & along[1:-1] & along[2:], 0, axis)
    return bool(mask.any())
