"""Make point spread functions of cameras: out of focus, or moved during the exposure."""

from collections.abc import Sequence

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.psf import check_psf_size
from napari_tf_deblur._core.typing import PSF, Float64Array, FloatArray

ANGLE_TOLERANCE = 1e-9
"""Sine below which a line counts as parallel to an axis. Derived: by rounding, the sine of 180
degrees is 1e-16."""


def disc_psf(radius: float, size: int | Sequence[int] | None = None) -> PSF:
    """Make the point spread function of an image that is out of focus: a uniform disc.

    Parameters
    ----------
    radius : float
        Radius of the disc in pixels; any number above 0.
    size : int or sequence of int, optional
        Odd number(s) of pixels. By default the smallest that holds the disc. A smaller size cuts
        off the rest of the disc.

    Returns
    -------
    ndarray of float32
        The PSF, of two axes and sum 1, with its origin at the middle pixel. Each pixel is
        proportional to the exact area of the disc inside the pixel.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If the radius is not positive, or a size is not odd.

    Notes
    -----
    The variance along each axis is ``radius**2 / 4``, plus up to 0.15 because pixels have a size.
    The transfer function is ``2 J1(2 pi r f) / (2 pi r f)``, with zeros at r f = 0.610, 1.117 and
    so on. The error of this formula is at most 0.08 for radii from 1.5 pixels on, and 0.03 from
    3.5 on.

    Examples
    --------
    >>> disc_psf(2.5).shape
    (5, 5)
    >>> disc_psf(1).round(3)
    array([[0.025, 0.145, 0.025],
           [0.145, 0.318, 0.145],
           [0.025, 0.145, 0.025]], dtype=float32)
    """
    shape = disc_shape(radius, size)
    row, column = (np.arange(n + 1, dtype=np.float64) - n / 2 for n in shape)
    # Signed areas between the middle and the edges; differences of them are areas in pixels.
    quarters = (
        np.sign(row)[:, None] * np.sign(column) * _quarter_disc_area(radius, row[:, None], column)
    )
    covered = np.maximum(np.diff(np.diff(quarters, axis=0), axis=1), 0)
    return np.asarray(covered / covered.sum(), dtype=np.float32)


def disc_shape(radius: float, size: int | Sequence[int] | None = None) -> tuple[int, ...]:
    """Return the shape of a PSF of :func:`disc_psf` without computing it.

    Parameters
    ----------
    radius, size
        See :func:`disc_psf`.

    Returns
    -------
    tuple of int
        Number of pixels per axis.

    Raises
    ------
    TypeError, ValueError
        As :func:`disc_psf`.

    Examples
    --------
    >>> disc_shape(3.6)
    (9, 9)
    """
    _check_length("radius", radius)
    if size is not None:
        return check_psf_size(size, 2)
    return (2 * max(int(np.ceil(radius - 0.5 - 1e-9)), 0) + 1,) * 2


def motion_psf(length: float, angle: float = 0.0, size: int | Sequence[int] | None = None) -> PSF:
    """Make the point spread function of a steady, straight motion: a uniform line.

    Parameters
    ----------
    length : float
        Length of the line in pixels; any number above 0.
    angle : float, optional
        Direction of the motion in degrees: 0 along a row, counter-clockwise on a screen whose
        rows run downwards.
    size : int or sequence of int, optional
        Odd number(s) of pixels. By default the smallest that holds the line. A smaller size cuts
        off the rest of the line.

    Returns
    -------
    ndarray of float32
        The PSF, of two axes and sum 1, with its origin at the middle pixel. The light of each
        point of the line is distributed bilinearly to the four pixels around it. The integral
        along the line is exact, so that no direction is preferred.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If the length is not positive, the angle is not finite, or a size is not odd.

    Notes
    -----
    The variance along the line is ``length**2 / 12``, plus about 1/6 because pixels have a size;
    across the line it is at most 0.2. The transfer function is ``sinc(length * f)``, where f is
    the frequency along the motion, with zeros at all multiples of ``1 / length``. The error of
    this formula is at most 0.08 up to 0.15 cycles per pixel, and 0.21 up to 0.25, because pixels
    cannot represent a thin line.

    Examples
    --------
    >>> motion_psf(4).round(3)
    array([[0.125, 0.25 , 0.25 , 0.25 , 0.125]], dtype=float32)
    >>> motion_psf(8, angle=90).shape
    (9, 1)
    """
    shape, direction = motion_shape(length, angle, size), _direction(angle)
    # Between two crossings of rows or columns, the bilinear weights are parabolas: Simpson's rule
    # is exact.
    ends = [-length / 2, length / 2]
    for step in direction:
        crossed = np.arange(int(length / 2 * abs(step)) + 1) / (abs(step) or 1.0)
        ends += [*crossed[crossed < length / 2], *-crossed[crossed < length / 2]]
    edges = np.unique(ends)
    middles, lengths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    line = np.zeros(shape)
    for places, share in ((edges[:-1], 1 / 6), (middles, 4 / 6), (edges[1:], 1 / 6)):
        _add_points(line, [step * places for step in direction], share * lengths)
    return np.asarray(line / line.sum(), dtype=np.float32)


def motion_shape(
    length: float, angle: float = 0.0, size: int | Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return the shape of a PSF of :func:`motion_psf` without computing it.

    Parameters
    ----------
    length, angle, size
        See :func:`motion_psf`.

    Returns
    -------
    tuple of int
        Number of pixels per axis.

    Raises
    ------
    TypeError, ValueError
        As :func:`motion_psf`.

    Examples
    --------
    >>> motion_shape(20, 30)
    (11, 19)
    """
    _check_length("length", length)
    if not np.isfinite(_number("angle", angle)):
        raise InvalidValueError(f"The PSF's angle is {angle}; it must be a number of degrees.")
    if size is not None:
        return check_psf_size(size, 2)
    return tuple(2 * int(np.ceil(length / 2 * abs(s) - 1e-9)) + 1 for s in _direction(angle))


def _direction(angle: float) -> tuple[float, float]:
    """Unit vector (row, column) of a direction on the screen; `angle` in degrees."""
    radians = np.radians(angle)
    steps = -float(np.sin(radians)), float(np.cos(radians))
    return (0.0 if abs(steps[0]) < ANGLE_TOLERANCE else steps[0]), (
        0.0 if abs(steps[1]) < ANGLE_TOLERANCE else steps[1]
    )


def _add_points(image: Float64Array, places: list[Float64Array], light: Float64Array) -> None:
    """Add the light of points to the four pixels around each, bilinearly, in place.

    Places are measured from the middle pixel; light beyond the image is dropped.
    """
    corners = [np.floor(place).astype(int) for place in places]
    for steps in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share, inside = light, np.ones(light.shape, np.bool_)
        indices = []
        for n, place, corner, step in zip(image.shape, places, corners, steps, strict=True):
            share = share * (1 - np.abs(place - corner - step))
            indices.append(corner + step + n // 2)
            inside &= (indices[-1] >= 0) & (indices[-1] < n)
        np.add.at(image, tuple(index[inside] for index in indices), share[inside])


def _quarter_disc_area(radius: float, row: FloatArray, column: FloatArray) -> Float64Array:
    """Area of a disc between its middle and one edge along each axis, without sign."""
    up, right = np.minimum(np.abs(row), radius), np.minimum(np.abs(column), radius)

    def rim(x: FloatArray) -> Float64Array:
        """Distance of the rim from the axis at x. Rounding may make x**2 larger than radius**2."""
        return np.asarray(np.sqrt(np.maximum(radius**2 - x**2, 0)))

    # Up to `flat`, the area is bounded by the edge; from there on, by the rim of the disc.
    flat = np.minimum(right, rim(up))

    def under_rim(x: FloatArray) -> Float64Array:
        """Area under the rim of the disc, from 0 to x."""
        return np.asarray((x * rim(x) + radius**2 * np.arcsin(np.minimum(x / radius, 1))) / 2)

    return np.asarray(up * flat + under_rim(right) - under_rim(flat))


def _check_length(name: str, value: float) -> None:
    """Raise an error if a length is not a finite number above 0."""
    if not (np.isfinite(_number(name, value)) and value > 0):
        raise InvalidValueError(
            f"The PSF's {name} is {value}; it must be a number of pixels above 0."
        )


def _number(name: str, value: object) -> float:
    """Convert a value to a number; raise TypeError if it is not one."""
    try:
        return float(np.asarray(value, dtype=np.float64).reshape(()))
    except (TypeError, ValueError):
        raise InvalidTypeError(f"The PSF's {name} is {value!r}; it must be a number.") from None
