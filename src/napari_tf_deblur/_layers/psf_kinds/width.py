"""Describes the width of a PSF in words."""

from collections.abc import Sequence

from napari_tf_deblur._optics.optics import FWHM
from napari_tf_deblur._storage.axes import Axis, convert_length, is_length, short_unit

NANOMETER_LIMIT = 1000.0
"""Length, in nanometres, from which on a length is shown in micrometres. Set by eye."""

WIDTH_TOLERANCE = 0.005
"""Largest relative difference of two widths that are shown as one number. Derived: from the three
digits that are shown."""


def describe_fwhm(sigma: Sequence[float], axes: Sequence[Axis]) -> str:
    """Describe the full widths at half maximum of a Gaussian, in pixels and in units of length.

    Parameters
    ----------
    sigma : sequence of float
        Standard deviations in pixels, one per axis.
    axes : sequence of Axis
        The axes. Without units of length, the widths are in pixels only.

    Returns
    -------
    str
        A text such as "FWHM 184 nm = 2.8 px".

    Examples
    --------
    >>> axes = [Axis("y", 9, 0.065, "micrometer"), Axis("x", 9, 0.065, "micrometer")]
    >>> describe_fwhm((1.2, 1.2), axes)
    'FWHM 184 nm = 2.8 px'
    >>> describe_fwhm((2, 1), [Axis("y", 9, 1, "pixel"), Axis("x", 9, 1, "pixel")])
    'FWHM y 4.7, x 2.4 px'
    """
    pixels = [FWHM * s for s in sigma]
    in_pixels = f"{_format_each([f'{p:.1f}' for p in pixels], pixels, axes)} px"
    if not all(is_length(axis.unit) for axis in axes):
        return f"FWHM {in_pixels}"
    lengths = [convert_length(p * a.spacing, a.unit, "nm") for p, a in zip(pixels, axes)]
    unit, scale = ("nm", 1.0) if max(lengths) < NANOMETER_LIMIT else ("micrometer", 1e-3)
    numbers = [f"{length * scale:.3g}" for length in lengths]
    return f"FWHM {_format_each(numbers, lengths, axes)} {short_unit(unit)} = {in_pixels}"


def describe_length(pixels: float, axes: Sequence[Axis]) -> str:
    """Describe a length in pixels; in a unit of length, too, if pixels are square and known.

    Parameters
    ----------
    pixels : float
        The length in pixels.
    axes : sequence of Axis
        The axes of the plane.

    Returns
    -------
    str
        A text such as "2.5 px = 500 nm".

    Examples
    --------
    >>> axes = [Axis("y", 9, 0.2, "micrometer"), Axis("x", 9, 0.2, "micrometer")]
    >>> describe_length(2.5, axes)
    '2.5 px = 500 nm'
    """
    words = f"{pixels:.3g} px"
    steps = [convert_length(a.spacing, a.unit, "nm") for a in axes if is_length(a.unit)]
    if len(steps) < len(axes) or max(steps) - min(steps) > WIDTH_TOLERANCE * max(steps):
        return words
    nm = pixels * steps[0]
    unit, scale = ("nm", 1.0) if nm < NANOMETER_LIMIT else ("micrometer", 1e-3)
    return f"{words} = {nm * scale:.3g} {short_unit(unit)}"


def _format_each(words: Sequence[str], numbers: Sequence[float], axes: Sequence[Axis]) -> str:
    """Return one number if all axes share it; else one per axis, or one for y and x together."""
    if max(numbers) - min(numbers) <= WIDTH_TOLERANCE * max(numbers):
        return words[-1]
    names = [axis.name for axis in axes]
    if len(numbers) == 3 and abs(numbers[1] - numbers[2]) <= WIDTH_TOLERANCE * numbers[2]:
        return f"{names[1]}{names[2]} {words[2]}, {names[0]} {words[0]}"
    return ", ".join(f"{name} {word}" for name, word in zip(names, words))
