"""Which channel of a file, and which of its images, a layer shows: told by the layer's name."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from napari.layers import Layer

from napari_tf_deblur._layers.origin import find_path

_NUMBERED = re.compile(r"(?<!\w)Channel:\d+:(\d+)(?![\w:])")
"""What readers call a channel without a name: the numbers of image and channel, from 0."""

_COPY = re.compile(r" \[\d+\]$")
"""What napari adds to a name that another layer has."""

_LONGEST = 200
"""Longest name, in characters, that is searched for. Limit: of time."""


def find_layer_channels(
    layer: Layer, names: Sequence[str], ids: Sequence[str], images: Sequence[str]
) -> tuple[int, ...]:
    """Find the channel that a layer shows.

    Parameters
    ----------
    layer : napari.layers.Layer
        The layer, which does not hold several channels.
    names, ids : sequence of str
        Names of the file's channels, and how the file refers to them.
    images : sequence of str
        Names of the file's images: a channel's name within them says nothing.

    Returns
    -------
    tuple of int
        Number of the channel, or of all channels that have its name; empty if it is not certain.
    """
    if len(names) == 1:
        return (0,)
    if not names:
        return ()
    label = _remove_names(_COPY.sub("", layer.name), (*_file_names(layer), *images))
    different = list(dict.fromkeys(names))
    found = find_only_name(different, label)
    if found is not None:
        return tuple(k for k, name in enumerate(names) if name == different[found])
    if not any(_find_occurrences(name, label) for name in names):
        found = find_only_name(ids, label, ":")
        numbered = _NUMBERED.findall(label)
        if found is None and len(numbered) == 1 and int(numbered[0]) < len(names):
            found = int(numbered[0])
    return () if found is None else (found,)


def find_only_name(names: Sequence[str], label: str, joined: str = "") -> int | None:
    """Find the only name that a label holds as a whole word; names within longer ones don't count.

    Parameters
    ----------
    names : sequence of str
        The names.
    label : str
        Where they are looked for.
    joined : str
        What ends no word, besides letters and digits.
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
    """Where a label holds a name as a whole word."""
    if not re.search(r"\w", name) or len(name) > _LONGEST:
        return []
    words = rf"(?<![\w{joined}]){re.escape(name)}(?![\w{joined}])"
    if name.isdigit() and len(name) < 3:  # it may count anything, unless it stands by itself
        words = rf"(^|:: ){name}(?= *(::|$))"
    return [match.span() for match in re.finditer(words, label, re.IGNORECASE)]


def _remove_names(label: str, names: Sequence[str]) -> str:
    """Take names out of a label, the longest first."""
    for name in sorted(names, key=len, reverse=True):
        for start, end in reversed(_find_occurrences(name, label)):
            label = f"{label[:start]} | {label[end:]}"
    return label


def _file_names(layer: Layer) -> list[str]:
    """Name of the file that a layer was read from, with and without its endings."""
    path = find_path(layer)
    if not path:
        return []
    names = [PurePath(path).name]
    while (stem := PurePath(names[-1]).stem) != names[-1]:
        names.append(stem)
    return names
