"""Units of length as files write them, and which sizes a pixel of a light microscope can have."""

import re

_INCH = 25.4e6
"""Nanometres of an inch. Definition: of the inch."""

_PREFIXES = {
    "Y": ("yotta", 24),
    "Z": ("zetta", 21),
    "E": ("exa", 18),
    "P": ("peta", 15),
    "T": ("tera", 12),
    "G": ("giga", 9),
    "M": ("mega", 6),
    "k": ("kilo", 3),
    "h": ("hecto", 2),
    "da": ("deca", 1),
    "": ("", 0),
    "d": ("deci", -1),
    "c": ("centi", -2),
    "m": ("milli", -3),
    "µ": ("micro", -6),
    "n": ("nano", -9),
    "p": ("pico", -12),
    "f": ("femto", -15),
    "a": ("atto", -18),
    "z": ("zepto", -21),
    "y": ("yocto", -24),
}

UNIT_SYMBOLS = {
    **{f"{prefix}m": 10.0 ** (9 + power) for prefix, (_, power) in _PREFIXES.items()},
    "um": 1e3,
    "Å": 0.1,
    "thou": _INCH / 1000,
    "mil": _INCH / 1000,
    "li": _INCH / 12,
    "in": _INCH,
    '"': _INCH,
    "ft": 12 * _INCH,
    "yd": 36 * _INCH,
    "mi": 63360 * _INCH,
    "pt": _INCH / 72,
    "ua": 1.495978707e20,
    "ly": 9.4607304725808e24,
    "pc": 3.0856775814913673e25,
}
"""Symbols of units of length, in nanometers: all of OME's enumeration ``UnitsLength``, and others.

OME's "pixel" and "reference frame" are missing, since nobody knows how long they are.
"""

UNIT_NAMES = {
    **{f"{name}meter": 10.0 ** (9 + power) for name, power in _PREFIXES.values()},
    "micron": 1e3,
    "angstrom": 0.1,
    "thou": _INCH / 1000,
    "line": _INCH / 12,
    "inch": _INCH,
    "inche": _INCH,  # of "inches"
    "foot": 12 * _INCH,
    "feet": 12 * _INCH,
    "yard": 36 * _INCH,
    "mile": 63360 * _INCH,
    "point": _INCH / 72,
    "astronomicalunit": UNIT_SYMBOLS["ua"],
    "lightyear": UNIT_SYMBOLS["ly"],
    "parsec": UNIT_SYMBOLS["pc"],
}
"""Names of units of length, in nanometers: in lower case, without spaces, in the singular."""

LATERAL_BOUNDS = (5.0, 50e3)
AXIAL_BOUNDS = (5.0, 100e3)
"""Least and largest distance, in nanometres, of two pixels and of two planes of a light microscope.
Guard: against other units, other instruments and the resolution for printing;
``tests/layers/test_files.py``."""

PRINTER_PIXEL = _INCH / 5080
"""Largest pixel, in nanometres, that is believed if it is given in inches or centimetres. Programs
write 72 to 600 per inch into files whose pixel size they do not know. Derived: from the finest
printers and scanners, 5080 per inch."""

_SAME_SIGN = str.maketrans({"\u03bc": "\u00b5", "\u212b": "\u00c5"})
"""Characters that look alike: the Greek letter and the prefix micro, the unit and the letter Å."""

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
"""How ImageJ writes a character that is none of ASCII: ``\\u00B5`` for micro."""


def nanometers(unit: str) -> float | None:
    """Return how long a unit is.

    Parameters
    ----------
    unit : str
        Its symbol or its name, as a file has it; symbols are told apart by their case.

    Returns
    -------
    float or None
        Nanometers; None for what is no unit of length.
    """
    unit = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), unit).translate(_SAME_SIGN).strip()
    if unit in UNIT_SYMBOLS:
        return UNIT_SYMBOLS[unit]
    name = re.sub(r"[ _-]", "", unit.lower()).replace("metre", "meter")
    return UNIT_NAMES.get(name, UNIT_NAMES.get(name.removesuffix("s")))


def is_possible_pixel_size(size: float, axial: bool = False, unit: str = "") -> bool:
    """Whether a pixel of a light microscope can be of this size.

    Parameters
    ----------
    size : float
        Nanometers.
    axial : bool
        Whether it is the distance of two planes.
    unit : str
        The unit in which it was given.
    """
    low, high = AXIAL_BOUNDS if axial else LATERAL_BOUNDS
    printed = (
        not axial
        and nanometers(unit) in (UNIT_NAMES["inch"], UNIT_SYMBOLS["cm"])
        and size >= PRINTER_PIXEL
    )
    return low <= size <= high and not printed
