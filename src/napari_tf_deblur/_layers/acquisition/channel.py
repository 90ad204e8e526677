"""Finds the channel and the image of a file that a layer shows, by the name of the layer."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from napari.layers import Layer

from napari_tf_deblur._layers.origin import find_path

_NUMBERED = re.compile(r"(?<!\w)Channel:\d+:(\d+)(?![\w:])")
"""How readers name a channel without a name: the indices of image and channel, from 0."""

_COPY = re.compile(r" \[\d+\]$")
"""Suffix that napari adds if another layer has the same name."""

_LONGEST = 200
"""Length of the longest name that is searched for, in characters. Limit: of time."""


def find_layer_channels(
    layer: Layer, names: Sequence[str], ids: Sequence[str], images: Sequence[str]
) -> tuple[int, ...]:
    """Find the channel that a layer shows.

    Parameters
    ----------
    layer : napari.layers.Layer
        The layer. It shows one channel.
    names, ids : sequence of str
        Names and identifiers of the channels in the file.
    images : sequence of str
        Names of the images in the file. A channel name inside such a name does not count.

    Returns
    -------
    tuple of int
        Index of the channel, or of all channels with its name; empty if it is not certain.
    """
    if len(names) == 1:
        return (0,)
    if not names:
        return ()
    label = _remove_names(_COPY.sub("", layer.name), (*_file_names(layer), *images))
    unique_names = list(dict.fromkeys(names))
    index = find_only_name(unique_names, label)
    if index is not None:
        return tuple(k for k, name in enumerate(names) if name == unique_names[index])
    if not any(_find_occurrences(name, label) for name in names):
        index = find_only_name(ids, label, ":")
        numbers = _NUMBERED.findall(label)
        if index is None and len(numbers) == 1 and int(numbers[0]) < len(names):
            index = int(numbers[0])
    return () if index is None else (index,)


def find_only_name(names: Sequence[str], label: str, joined: str = "") -> int | None:
    """Find the only name that a label contains as a whole word.

    A name inside a longer one of the names does not count.

    Parameters
    ----------
    names : sequence of str
        The names.
    label : str
        The text in which they are searched.
    joined : str
        Characters besides letters and digits that belong to a word.

    Returns
    -------
    int or None
        Index of the name; None if the label contains no name, or several.
    """
    spans = [
        (k, *span)
        for k, name in enumerate(names)
        for span in _find_occurrences(name, label, joined)
    ]
    outer = {
        k
        for k, start, end in spans
        if not any(a <= start and end <= b and b - a > end - start for _, a, b in spans)
    }
    return outer.pop() if len(outer) == 1 else None


def _find_occurrences(name: str, label: str, joined: str = "") -> list[tuple[int, int]]:
    """Return the spans in which a label contains a name as a whole word."""
    if not re.search(r"\w", name) or len(name) > _LONGEST:
        return []
    words = rf"(?<![\w{joined}]){re.escape(name)}(?![\w{joined}])"
    if name.isdigit() and len(name) < 3:  # a short number may mean anything, unless it stands alone
        words = rf"(^|:: ){name}(?= *(::|$))"
    return [match.span() for match in re.finditer(words, label, re.IGNORECASE)]


def _remove_names(label: str, names: Sequence[str]) -> str:
    """Replace names in a label by separators, the longest name first."""
    for name in sorted(names, key=len, reverse=True):
        for start, end in reversed(_find_occurrences(name, label)):
            label = f"{label[:start]} | {label[end:]}"
    return label


def _file_names(layer: Layer) -> list[str]:
    """Return the name of the file of a layer, with and without its endings."""
    path = find_path(layer)
    if not path:
        return []
    names = [PurePath(path).name]
    while (stem := PurePath(names[-1]).stem) != names[-1]:
        names.append(stem)
    return names
