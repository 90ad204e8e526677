"""Names the axes of a layer without names, by comparing its shape with that of its file."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

AxisNames = tuple[str, ...]
"""Names of the axes of a layer, in lower case; empty if they are not certain."""

OTHER_AXIS = "q"
"""Name of an axis of a file that is neither time, channels nor space."""


def match_axis_names(
    shape: Sequence[int], file_shape: Mapping[str, int], orders: Sequence[str]
) -> AxisNames:
    """Name the axes of a layer.

    Readers return the axes of a file in one of a few orders. They may leave out axes with one
    pixel, and the axis of the channels. The axes get names only if one assignment fits.

    Parameters
    ----------
    shape : sequence of int
        Number of pixels along each axis of the layer, without colours.
    file_shape : mapping of str to int
        Number of pixels along each axis of the file.
    orders : sequence of str
        Possible orders of the axes, such as "TCZYX".

    Returns
    -------
    tuple of str
        One name for each axis, in lower case; an axis of another kind gets napari's default label,
        such as "-3". Empty if the names are not certain.
    """
    matches = dict.fromkeys(
        match for order in orders for match in _iterate_matches(shape, file_shape, order)
    )
    long_axes = {tuple(name for name, n in zip(match, shape) if n > 1) for match in matches}
    if len(long_axes) != 1:
        return ()
    names = next(iter(matches))
    return tuple(
        str(k - len(names)) if name == OTHER_AXIS else name for k, name in enumerate(names)
    )


def _iterate_matches(
    shape: Sequence[int], file_shape: Mapping[str, int], order: str
) -> Iterator[AxisNames]:
    """Yield all assignments of file axes, in this order, to the axes of a layer."""
    if len(set(order)) != len(order) or not {"Y", "X"} <= set(order) or len(order) < len(shape):
        return
    if not file_shape:
        if len(order) == len(shape):
            yield tuple(order.lower())
        return
    for used in combinations(order, len(shape)):
        left_out = set(order) - set(used) - {"C"}
        if all(file_shape.get(name) == n for name, n in zip(used, shape)) and all(
            file_shape.get(name, 1) == 1 for name in left_out
        ):
            yield tuple(name.lower() for name in used)
