"""Units as OME-Zarr names them."""

from napari_tf_deblur._storage.image_description import SPACE_TYPE, TIME_TYPE, StoredAxis

_PREFIXES = (
    " yocto zepto atto femto pico nano micro milli centi deci hecto kilo mega giga tera peta exa "
    "zetta yotta"
).split(" ")

OME_LENGTHS = frozenset(f"{p}meter" for p in _PREFIXES) | set(
    "angstrom foot inch mile parsec yard".split()
)
OME_TIMES = frozenset(f"{p}second" for p in _PREFIXES) | set("day hour minute".split())
"""The units that OME-Zarr 0.5 names."""


def ome_unit(unit: str | None, kind: str | None) -> tuple[str | None, float]:
    """Return the name of a unit in OME-Zarr, and how many of it one of the given unit is.

    Parameters
    ----------
    unit : str or None
        As pint knows it: "um", "micrometer", "s".
    kind : str or None
        Type of the axis: "space", "time" or another one.

    Returns
    -------
    name : str or None
        None where the unit says nothing ("pixel"), or not what such an axis has.
    factor : float
        1 unless OME-Zarr does not have the unit, and the number is to be converted.

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
    """Return an axis with its unit as OME-Zarr names it."""
    unit, factor = ome_unit(axis.unit, axis.type)
    return StoredAxis(axis.name, axis.type, unit, axis.scale * factor, axis.translation * factor)


def _find_ome_unit(unit: str, instead: str, names: frozenset[str]) -> tuple[str, float]:
    from pint import get_application_registry

    registry = get_application_registry()
    name = str(registry.Unit(unit))
    if name in names:
        return name, 1.0
    factor = registry.Quantity(1, unit).to(instead).magnitude
    return instead, float(f"{factor:.12g}")
