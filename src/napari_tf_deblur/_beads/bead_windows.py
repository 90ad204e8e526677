"""Find beads of any shape in a picture, each in a window of a given size."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from napari_tf_deblur._beads.finding import MAX_SPOTS, estimate_picture_noise
from napari_tf_deblur._beads.ready_psf import SPLINE_MARGIN
from napari_tf_deblur._beads.spot_faults import (
    CROWDED,
    CUT_BY_FRAME,
    SATURATED_SPOT,
    is_hot_pixel,
)
from napari_tf_deblur._beads.spot_fit import box_around
from napari_tf_deblur._beads.uneven_background import fit_background
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.typing import Float32Array, Float64Array

MIN_WINDOW_SIDE = 5
"""Least side of a window in pixels. Derived: a peak, a pixel of its slope and one of background on
each side."""

MIN_RELATIVE_PEAK = 0.1
"""Least peak of a bead, and of the light that counts at the frame and of neighbours, relative to
that of the brightest bead or of the bead itself. Guard: against a tail that counts as bead;
``tests/beads/test_registration.py``."""

RIM_START = 0.9
"""Distance from the middle of a window beyond which its pixels show the background, relative to
half of its side. Guard: against light of the bead that counts as background;
``tests/beads/test_registration.py``."""

MIN_FOCUS_CONTRAST = 2.0
"""A bead that is brightest in the first or last plane counts as cut if the power there exceeds that
of its median plane by this factor. Guard: against a double helix that is equally bright in all
planes; ``tests/beads/test_registration.py``."""


@dataclass(frozen=True)
class WindowSize:
    """The size of the windows of a picture.

    Attributes
    ----------
    half : tuple of int
        Pixels on each side of the middle one, per axis.
    across : tuple of bool
        Which axes run across the field, y and x; along the others, the light of a bead may reach
        the frame.
    """

    half: tuple[int, ...]
    across: tuple[bool, ...]

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides in pixels."""
        return tuple(2 * h + 1 for h in self.half)


@dataclass(frozen=True)
class BeadWindow:
    """The place of a bead of any shape.

    Attributes
    ----------
    centre : ndarray of float64
        Index of the middle along each axis.
    peak : float
        Height of its smoothed light.
    fault : str
        Why it cannot be used; empty if it can.
    """

    centre: Float64Array
    peak: float
    fault: str = ""


@dataclass(frozen=True)
class Cutout:
    """A part of a picture without its background.

    Attributes
    ----------
    light : ndarray of float64
        Intensities above the background.
    low : ndarray of float64
        Index of its first pixel in the picture.
    centre : ndarray of float64
        The place around which it was cut out.
    background : float
        The background that was subtracted, in the middle.
    """

    light: Float64Array
    low: Float64Array
    centre: Float64Array
    background: float


def check_window(window: int | Sequence[int], shape: tuple[int, ...]) -> WindowSize:
    """Check the sides of a window, and return its size without the axes of length 1.

    Parameters
    ----------
    window : int or sequence of int
        Side across the field, or one side per axis; see `measured_psf`.
    shape : tuple of int
        Shape of the picture.
    """
    try:
        given = [operator.index(n) for n in np.atleast_1d(np.asarray(window, dtype=object))]
    except TypeError:
        raise InvalidTypeError(
            f"The window of a bead is {window!r}; give its side as a whole number of pixels, or "
            "one number per axis."
        ) from None
    across = [axis >= len(shape) - 2 for axis in range(len(shape))]
    if np.ndim(window) == 0:
        sides = [given[0] if is_across else n for is_across, n in zip(across, shape)]
    elif len(given) >= len(shape):
        sides = given[len(given) - len(shape) :]
    else:
        raise InvalidValueError(
            f"The window of a bead is {window!r}, and the picture has {len(shape)} axes; give one "
            "number of pixels, or one for each axis."
        )
    long = [axis for axis, n in enumerate(shape) if n > 1]
    if not long:
        raise InvalidValueError(f"The picture of beads has the shape {shape}: a single pixel.")
    for axis in long:
        least = MIN_WINDOW_SIDE if across[axis] else min(MIN_WINDOW_SIDE, shape[axis])
        if sides[axis] < least or (across[axis] and sides[axis] > shape[axis]):
            raise InvalidValueError(
                f"The window of a bead has {sides[axis]} pixels along an axis on which the picture "
                f"has {shape[axis]}; it must have {MIN_WINDOW_SIDE} or more, and no more than the "
                "picture."
            )
    half = tuple(
        min(max(sides[axis], 1) // 2, shape[axis])
        if across[axis] or np.ndim(window)
        else shape[axis]
        for axis in long
    )
    return WindowSize(half, tuple(across[axis] for axis in long))


def find_windows(picture: Float32Array, size: WindowSize) -> list[BeadWindow]:
    """Find the beads of a picture, of any shape, the brightest first.

    The brightest places of the smoothed picture are sought, without light that varies slowly over
    more than a window. From each, the window moves to the centroid of the light in it, until it
    rests. Places whose windows come to rest together, such as the two spots of a double helix, are
    one bead.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes, with a peak of about 1.
    size : WindowSize
        The size of a window that holds one bead.
    """
    smooth = ndimage.gaussian_filter(picture, 1.0)
    light = smooth - ndimage.grey_opening(
        smooth, tuple(n if across else 1 for n, across in zip(size.sides, size.across))
    )
    light -= np.median(light)
    noise = estimate_picture_noise(picture)
    level = max(6 * noise * 0.53**picture.ndim, 3e-3 * float(light.max()))
    peaks = np.argwhere((light == ndimage.maximum_filter(light, 5)) & (light > level))
    peaks = peaks[np.argsort(-light[tuple(peaks.T)], kind="stable")]
    found: list[BeadWindow] = []
    for place in peaks:
        near, _ = box_around(place.astype(float), np.ones(place.size), picture.shape)
        peak = float(light[tuple(place)])
        if found and (len(found) == MAX_SPOTS or peak < MIN_RELATIVE_PEAK * found[0].peak):
            break
        if is_hot_pixel(picture[near], float(np.median(picture))):
            continue
        centre = _move_to_centroid(light, place.astype(float), size, level / 2)
        if not any(np.all(np.abs(one.centre - centre) <= np.divide(size.half, 2)) for one in found):
            found.append(BeadWindow(centre, peak))
    top = float(picture.max())
    faults = [_find_fault(picture, light, one, size, level, top) for one in found]
    crowded = [_is_crowded(one, found, size) for one in found]
    return [
        replace(one, fault=fault or (CROWDED if near else ""))
        for one, fault, near in zip(found, faults, crowded)
    ]


def cut_out(picture: Float32Array, centre: Float64Array, size: WindowSize) -> Cutout:
    """Cut out a window with a margin for its interpolation, and subtract its background.

    The background is a plane, fitted to the rim of the window across the field; what stands out
    there, such as light of a neighbour, does not count.
    """
    box, grid = box_around(centre, np.add(size.half, SPLINE_MARGIN), picture.shape)
    data = picture[box].astype(np.float64)
    steps = [(a - c) / max(h, 1) for a, c, h in zip(grid, centre, size.half)]
    across = [s for s, is_across in zip(steps, size.across) if is_across]
    is_rim = np.broadcast_to(
        np.any(np.stack(np.broadcast_arrays(*map(np.abs, across))) > RIM_START, axis=0), data.shape
    )
    planes = [np.broadcast_to(s, data.shape) for s in (np.ones(1), *across)]
    if np.count_nonzero(is_rim) < 4 * len(planes):
        planes, is_rim = planes[:1], np.ones(data.shape, dtype=bool)
    factors = fit_background(np.stack([p[is_rim] for p in planes], axis=1), data[is_rim])
    for factor, plane in zip(factors, planes):
        data -= factor * plane
    return Cutout(data, np.array([a.flat[0] for a in grid]), centre.copy(), float(factors[0]))


def _move_to_centroid(
    light: Float32Array, place: Float64Array, size: WindowSize, level: float
) -> Float64Array:
    """Move a window to the centroid of the light in it, above a level, until it rests."""
    for _ in range(20):
        box, grid = box_around(place, np.array(size.half), light.shape)
        bright = np.where(light[box] > level, light[box], 0)
        total = float(bright.sum())
        if total <= 0:
            return place
        last = place
        place = np.array([float((bright * a).sum()) / total for a in grid])
        if np.abs(place - last).max() < 0.1:
            break
    return place


def _find_fault(
    picture: Float32Array,
    light: Float32Array,
    bead: BeadWindow,
    size: WindowSize,
    level: float,
    top: float,
) -> str:
    """Return the fault of a bead: its light reaches the frame, or it is saturated."""
    box, _ = box_around(bead.centre, np.array(size.half), picture.shape)
    bright = light[box]
    for axis, (part, n, across) in enumerate(zip(box, picture.shape, size.across)):
        others = tuple(a for a in range(bright.ndim) if a != axis)
        line = bright.max(axis=others)
        if not across:
            power = np.square(np.maximum(bright - level, 0)).sum(axis=others)
            at = int(np.argmax(power))
            if (
                part.start + at in (0, n - 1)
                and power[at] > MIN_FOCUS_CONTRAST * np.median(power)
                and n > 2
            ):
                return CUT_BY_FRAME
            continue
        ends = [line[k] for k, ends in ((0, part.start == 0), (-1, part.stop == n)) if ends]
        if any(end > MIN_RELATIVE_PEAK * bead.peak + level for end in ends):
            return CUT_BY_FRAME
    flat, count = ndimage.label(picture[box] == top)
    if count and np.bincount(flat.ravel())[1:].max() > 2**picture.ndim:
        return SATURATED_SPOT
    return ""


def _is_crowded(bead: BeadWindow, found: list[BeadWindow], size: WindowSize) -> bool:
    """Whether the window of a bead overlaps that of another which is not much fainter."""
    return any(
        np.all(np.abs(other.centre - bead.centre) < size.sides)
        and other.peak > MIN_RELATIVE_PEAK * bead.peak
        for other in found
        if other is not bead
    )
