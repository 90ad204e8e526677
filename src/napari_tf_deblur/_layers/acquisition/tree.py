"""Reads metadata as a tree: objects, dictionaries and XML in the same way.

Nodes and values have their names of the OME schema, such as ``EmissionWavelength``. Objects have
attributes such as ``emission_wavelength``, and lists such as ``channels`` for several nodes of a
kind. No function here raises an error: a value that is missing or cannot be read is None.
"""

import re
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from numbers import Real
from typing import Any
from xml.etree import ElementTree as ET

from napari_tf_deblur._layers.acquisition.length_units import nanometers

MAX_CHARACTERS = 20_000_000
"""Length of the longest text that is read as XML, in characters. Limit: of time; it is enough for
100 000 planes."""

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Positions in a name of the OME schema at which a word begins."""


def to_tree(metadata: Any) -> Any:
    """Convert metadata to a form that the functions of this module read; text is parsed as XML."""
    if isinstance(metadata, str | bytes):
        return _parse_xml(metadata)
    root = None if isinstance(metadata, Mapping) else entry(metadata, "getroot")
    return root() if callable(root) else metadata


def children(node: Any, name: str) -> list[Any]:
    """Return the direct children of a node that have this name."""
    if is_element(node):
        return [part for part in node if local_name(part) == name]
    result = _first(node, f"{snake_case(name)}s", snake_case(name), name, f"{name}s")
    items = result if isinstance(result, list | tuple) else [result]
    return [item for item in items if item is not None]


def child(node: Any, *names: str) -> Any:
    """Return the node at a path of names; the first one if there are several."""
    for name in names:
        node = next(iter(children(node, name)), None)
    return node


def value(node: Any, name: str) -> Any:
    """Return a value of a node, unchanged; in XML an attribute, or else the text of a child."""
    if is_element(node):
        result = node.get(name)
        return entry(child(node, name), "text") if result is None else result
    return _first(node, snake_case(name), name, f"@{name}")


def text(node: Any, name: str) -> str:
    """Return a value that is text or an enumeration, as text; empty if it is neither."""
    result = value(node, name)
    if isinstance(result, Enum) and not isinstance(result.value, str):
        return result.name
    if isinstance(result, int | float) and not isinstance(result, bool):
        return str(result)  # a name such as 488, read as a number
    result = result if isinstance(result, str) else entry(result, "value")
    return result.strip() if isinstance(result, str) else ""


def number(node: Any, name: str, low: float = 0.0, high: float = float("inf")) -> float | None:
    """Return a value that is a positive number from `low` to `high`; None if it is not."""
    result = value(node, name)
    if isinstance(result, bool) or not isinstance(result, Real | str):
        return None
    try:
        read = float(result)
    except Exception:
        return None
    return read if isfinite(read) and read > 0 and low <= read <= high else None


def length(node: Any, name: str, unit: str) -> float | None:
    """Return a value that is a length, in `unit`. A length without a unit is in `unit` already."""
    size = number(node, name)
    own_unit = text(node, f"{name}Unit")
    if size is None or (not own_unit and value(node, f"{name}Unit") is not None):
        return None
    own_length, unit_length = nanometers(own_unit or unit), nanometers(unit)
    return size * (own_length / unit_length) if own_length and unit_length else None


def entry(node: Any, key: str) -> Any:
    """Return the entry of a dictionary, or the attribute of an object; None without one."""
    try:
        return node.get(key) if isinstance(node, Mapping) else getattr(node, key, None)
    except Exception:
        return None


def is_element(node: Any) -> bool:
    """Whether a node is an XML element, of any library."""
    return isinstance(entry(node, "tag"), str) and callable(entry(node, "iterfind"))


def local_name(element: Any) -> str:
    """Return the name of an XML element without its namespace."""
    tag = entry(element, "tag")
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # comments have no name


def snake_case(name: str) -> str:
    """Return a name of the OME schema as attributes are written: ``lens_na`` for ``LensNA``."""
    return _WORD_BEGINS.sub("_", name).lower()


def _first(node: Any, *keys: str) -> Any:
    """Return the first entry that exists."""
    return next((result for key in keys if (result := entry(node, key)) is not None), None)


def _parse_xml(xml: str | bytes) -> Any:
    """Parse XML; None if it is too long, or has a document type or entities.

    Entities could become very long, or read other files. All XML of files is parsed here.
    """
    if len(xml) > MAX_CHARACTERS:
        return None
    content = xml.decode("utf-8", "replace") if isinstance(xml, bytes) else xml
    content = content.strip("\ufeff\x00 \t\r\n")
    if not content.startswith("<") or "<!DOCTYPE" in content or "<!ENTITY" in content:
        return None
    try:
        return ET.fromstring(content)
    except (ET.ParseError, ValueError):
        return None
