"""Translate units into the names of OME-Zarr."""

from dataclasses import replace

from napari_tf_deblur._storage.image_description import (
    SPACE_TYPE,
    TIME_TYPE,
    ImageDescription,
    StoredAxis,
    assign_axis_types,
)

_PREFIXES = (
    " yocto zepto atto femto pico nano micro milli centi deci hecto kilo mega giga tera peta exa "
    "zetta yotta"
).split(" ")

OME_LENGTHS = frozenset(f"{p}meter" for p in _PREFIXES) | set(
    "angstrom foot inch mile parsec yard".split()
)
OME_TIMES = frozenset(f"{p}second" for p in _PREFIXES) | set("day hour minute".split())
"""Units of length and time that OME-Zarr 0.5 allows."""


def ome_unit(unit: str | None, kind: str | None) -> tuple[str | None, float]:
    """Return the name of a unit in OME-Zarr, and the factor to convert numbers to it.

    Parameters
    ----------
    unit : str or None
        Unit in the notation of pint, such as "um", "micrometer" or "s".
    kind : str or None
        Type of the axis: "space", "time" or another one.

    Returns
    -------
    name : str or None
        Name in OME-Zarr. None if there is no unit ("pixel"), or it does not suit such an axis.
    factor : float
        Number of units of OME-Zarr in one of the given units. It is 1 if OME-Zarr has the unit.

    Examples
    --------
    >>> ome_unit("um", "space"), ome_unit("week", "time"), ome_unit("pixel", "space")
    (('micrometer', 1.0), ('second', 604800.0), (None, 1.0))
    """
    from napari_tf_deblur._storage.axes import is_length, is_time

    if not unit or unit == "pixel":
        return None, 1.0
    if kind == SPACE_TYPE and is_length(unit):
        return _find_ome_unit(unit, "micrometer", OME_LENGTHS)
    if kind == TIME_TYPE and is_time(unit):
        return _find_ome_unit(unit, "second", OME_TIMES)
    return (None if kind in (SPACE_TYPE, TIME_TYPE) else unit), 1.0


def to_ome_axis(axis: StoredAxis) -> StoredAxis:
    """Return an axis with its unit, scale and translation in a unit of OME-Zarr."""
    unit, factor = ome_unit(axis.unit, axis.type)
    return StoredAxis(axis.name, axis.type, unit, axis.scale * factor, axis.translation * factor)


def to_stored_description(description: ImageDescription) -> ImageDescription:
    """Return a description with types and units of axes that OME-Zarr allows.

    Raises
    ------
    InvalidValueError
        If OME-Zarr does not allow such axes.
    """
    axes = tuple(to_ome_axis(axis) for axis in assign_axis_types(description.axes))
    return replace(description, axes=axes)


def _find_ome_unit(unit: str, fallback: str, names: frozenset[str]) -> tuple[str, float]:
    """Return a unit that is among the names, or convert it to the fallback."""
    from pint import get_application_registry

    registry = get_application_registry()
    name = str(registry.Unit(unit))
    if name in names:
        return name, 1.0
    factor = registry.Quantity(1, unit).to(fallback).magnitude
    return fallback, float(f"{factor:.12g}")
