"""What the axes of a layer without names are, by the numbers of pixels that its file tells."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

AxisNames = tuple[str, ...]

OTHER_AXIS = "q"
"""An axis that the file has for something else than time, channels and space."""


def match_axis_names(
    shape: Sequence[int], told: Mapping[str, int], orders: Sequence[str]
) -> AxisNames:
    """Name the axes of a layer.

    Readers leave the axes of a file in one of a few orders, and without some of those that have
    one pixel, or without channels. Names are given where only one way fits.

    Parameters
    ----------
    shape : sequence of int
        Number of pixels along each axis of the layer, without colours.
    told : mapping of str to int
        Number of pixels along each axis of the file.
    orders : sequence of str
        Orders in which the axes may be, such as "TCZYX".

    Returns
    -------
    tuple of str
        One name for each axis, in lower case, and napari's number for another axis than these;
        empty if they are not certain.
    """
    ways = dict.fromkeys(way for order in orders for way in _iterate_matches(shape, told, order))
    long = {tuple(name for name, n in zip(way, shape) if n > 1) for way in ways}
    if len(long) != 1:
        return ()
    names = next(iter(ways))
    return tuple(
        str(k - len(names)) if name == OTHER_AXIS else name for k, name in enumerate(names)
    )


def _iterate_matches(
    shape: Sequence[int], told: Mapping[str, int], order: str
) -> Iterator[AxisNames]:
    """Try all ways in which the axes of a layer can be those of a file, in this order."""
    if len(set(order)) != len(order) or not {"Y", "X"} <= set(order) or len(order) < len(shape):
        return
    if not told:
        if len(order) == len(shape):
            yield tuple(order.lower())
        return
    for kept in combinations(order, len(shape)):
        left_out = set(order) - set(kept) - {"C"}
        if all(told.get(name) == n for name, n in zip(kept, shape)) and all(
            told.get(name, 1) == 1 for name in left_out
        ):
            yield tuple(name.lower() for name in kept)
