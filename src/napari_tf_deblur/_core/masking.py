"""Find the valid pixels of an image, and fill in the others."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.typing import BoolArray, Float32Array

MIN_PEAK, MAX_PEAK = 1e-30, 1e37
"""Range of the peak of an image. Derived: float32 ends at 1e-38 and 3e38, and the values computed
from the image (one photon, the noise, a sharper point) must lie within."""


def blank_planes(values: Float32Array, ignored: BoolArray | None) -> set[int]:
    """Find the planes without a valid pixel: all their pixels are masked, NaN or infinite."""

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
    """Find the valid pixels; raise an error for NaN or infinite pixels and extreme intensities."""
    bad = 0
    for plane in range(len(values)):
        if plane not in blank:
            infinite = ~np.isfinite(values[plane])
            if ignored is not None:
                infinite &= ~ignored[plane]
            bad += int(np.count_nonzero(infinite))
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


def mask_not_finite(image: NDArray[Any]) -> NDArray[Any]:
    """Mask NaN and infinite pixels of an image, if its type has such values."""
    return np.ma.masked_invalid(image) if image.dtype.kind == "f" else image


def mark_gap(frame: Sequence[int], gap: Sequence[slice]) -> BoolArray | None:
    """Mark the pixels of a piece that lie beyond the edge of the image.

    Parameters
    ----------
    frame : sequence of int
        Number of pixels of the piece along each deblurred axis.
    gap : sequence of slice
        Pixels beyond the image, along each of these axes.

    Returns
    -------
    ndarray of bool or None
        True for pixels beyond the image; None if there are none.
    """
    if not any(part.stop > part.start for part in gap):
        return None
    mask = np.zeros(frame, bool)
    for axis, part in enumerate(gap):
        mask[(slice(None),) * axis + (part,)] = True
    return mask


def fill_ignored(values: Float32Array, valid: BoolArray, planes: Iterable[int]) -> bool:
    """Fill ignored pixels in place; return whether any plane has an ignored area.

    An area is a square, or cube, of at least three pixels along each axis. In planes with an
    ignored area, each ignored pixel gets the value of the nearest valid pixel; in other planes,
    it gets the mean of its channel.
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
    """Raise an error if values computed from the image would not fit into float32."""
    peak = 0.0
    for plane in planes:
        where = True if valid is None else valid[plane]
        highest = values[plane].max(initial=0.0, where=where)
        peak = max(peak, float(highest), -float(values[plane].min(initial=0.0, where=where)))
    if peak and not MIN_PEAK <= peak <= MAX_PEAK:
        raise InvalidValueError(
            f"The largest value of the image is {peak:.3g}, too close to the limits of single "
            f"precision; multiply the image by a number, so that its largest value lies between "
            f"{MIN_PEAK:g} and {MAX_PEAK:g}."
        )


def fill_with_nearest(plane: Float32Array, ignored: BoolArray) -> None:
    """Set ignored pixels of all channels to the value of the nearest valid pixel, in place."""
    nearest = ndimage.distance_transform_edt(ignored, return_distances=False, return_indices=True)
    plane[:] = plane[(slice(None), *nearest)]


def _fill_with_mean(plane: Float32Array, ignored: BoolArray) -> None:
    """Set ignored pixels to the mean of the valid pixels of their channel, in place."""
    for channel in plane:
        np.copyto(channel, np.mean(channel, where=~ignored, dtype=np.float64), where=ignored)


def _has_area(mask: BoolArray) -> bool:
    """Whether a mask contains a square, or cube, of three pixels along each axis."""
    for axis, n in enumerate(mask.shape):
        if n >= 3:
            along = np.moveaxis(mask, axis, 0)
            mask = np.moveaxis(along[:-2] & along[1:-1] & along[2:], 0, axis)
    return bool(mask.any())
