"""Metadata of any kind, read as a tree: objects, dictionaries and XML alike.

Nodes and values go by their names in the OME schema, such as ``EmissionWavelength``. Objects have
them as ``emission_wavelength``, and several of a kind as a list, ``channels``. Nothing here raises:
what is not there, or cannot be read, is None.
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
"""Longest text that is read as XML, in characters. Limit: of time; 100 000 planes have as much."""

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def to_tree(metadata: Any) -> Any:
    """Return metadata as something that the functions below can read: text as parsed XML."""
    if isinstance(metadata, str | bytes):
        return _parse_xml(metadata)
    root = None if isinstance(metadata, Mapping) else entry(metadata, "getroot")
    return root() if callable(root) else metadata


def children(node: Any, name: str) -> list[Any]:
    """Return all nodes of this name that are right under a node."""
    if is_element(node):
        return [part for part in node if local_name(part) == name]
    found = _first(node, f"{snake_case(name)}s", snake_case(name), name, f"{name}s")
    items = found if isinstance(found, list | tuple) else [found]
    return [item for item in items if item is not None]


def child(node: Any, *names: str) -> Any:
    """Return the first node that is found by going down these names."""
    for name in names:
        node = next(iter(children(node, name)), None)
    return node


def value(node: Any, name: str) -> Any:
    """Return a value as it is; in XML that is an attribute, or else the text of a node."""
    if is_element(node):
        found = node.get(name)
        return entry(child(node, name), "text") if found is None else found
    return _first(node, snake_case(name), name, f"@{name}")


def text(node: Any, name: str) -> str:
    """Return a value that is text or an enumeration; nothing if it is neither."""
    found = value(node, name)
    if isinstance(found, Enum) and not isinstance(found.value, str):
        return found.name
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)  # a name such as 488, read as a number
    found = found if isinstance(found, str) else entry(found, "value")
    return found.strip() if isinstance(found, str) else ""


def number(node: Any, name: str, low: float = 0.0, high: float = float("inf")) -> float | None:
    """Return a value that is a positive number from `low` to `high`."""
    found = value(node, name)
    if isinstance(found, bool) or not isinstance(found, Real | str):
        return None
    try:
        read = float(found)
    except Exception:
        return None
    return read if isfinite(read) and read > 0 and low <= read <= high else None


def length(node: Any, name: str, unit: str) -> float | None:
    """Return a value that is a length, in this unit; it is its own where it has none."""
    size = number(node, name)
    own = text(node, f"{name}Unit")
    if size is None or (not own and value(node, f"{name}Unit") is not None):
        return None
    own_length, wanted = nanometers(own or unit), nanometers(unit)
    return size * (own_length / wanted) if own_length and wanted else None


def entry(node: Any, key: str) -> Any:
    """Return what a dictionary has under a key, or an object as an attribute."""
    try:
        return node.get(key) if isinstance(node, Mapping) else getattr(node, key, None)
    except Exception:
        return None


def is_element(node: Any) -> bool:
    """Whether a node is one of XML, of any library."""
    return isinstance(entry(node, "tag"), str) and callable(entry(node, "iterfind"))


def local_name(element: Any) -> str:
    """Return the name of an element of XML without its namespace."""
    tag = entry(element, "tag")
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # comments have no name


def snake_case(name: str) -> str:
    """Return a name of the schema as objects spell it: LensNA as lens_na."""
    return _WORD_BEGINS.sub("_", name).lower()


def _first(node: Any, *keys: str) -> Any:
    return next((found for key in keys if (found := entry(node, key)) is not None), None)


def _parse_xml(xml: str | bytes) -> Any:
    """Parse XML that is not too long, and has no document type and no entities.

    Entities could become very long, and read other files. All XML of files passes here.
    """
    if len(xml) > MAX_CHARACTERS:
        return None
    words = xml.decode("utf-8", "replace") if isinstance(xml, bytes) else xml
    words = words.strip("\ufeff\x00 \t\r\n")
    if not words.startswith("<") or "<!DOCTYPE" in words or "<!ENTITY" in words:
        return None
    try:
        return ET.fromstring(words)
    except (ET.ParseError, ValueError):
        return None
