"""Converts units of length, and checks whether a pixel size is possible for a light microscope."""

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
"""Lengths of units by their symbols, in nanometres: all of OME's ``UnitsLength``, and others.

OME's "pixel" and "reference frame" are missing, because their lengths are not known.
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
"""Lengths of units by their names, in nanometres: lower case, without spaces, in the singular."""

LATERAL_BOUNDS = (5.0, 50e3)
AXIAL_BOUNDS = (5.0, 100e3)
"""Smallest and largest distance of two pixels, and of two planes, of a light microscope, in
nanometres. Guard: against other units, other instruments and the resolution for printing;
``tests/layers/test_files.py``."""

PRINTER_PIXEL = _INCH / 5080
"""Smallest pixel size, in nanometres, that is rejected if it is given in inches or centimetres.
Programs write 72 to 600 pixels per inch into files whose pixel size they do not know. Derived: from
the finest printers and scanners, 5080 pixels per inch."""

_SAME_SIGN = str.maketrans({"\u03bc": "\u00b5", "\u212b": "\u00c5"})
"""Characters that look alike: the Greek letter mu and the prefix micro; the unit and letter Å."""

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
"""How ImageJ writes a character outside of ASCII: ``\\u00B5`` for micro."""


def nanometers(unit: str) -> float | None:
    """Return the length of a unit.

    Parameters
    ----------
    unit : str
        Symbol or name of the unit, as a file has it. Upper and lower case matter in symbols.

    Returns
    -------
    float or None
        The length in nanometres; None if it is not a unit of length.
    """
    unit = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), unit).translate(_SAME_SIGN).strip()
    if unit in UNIT_SYMBOLS:
        return UNIT_SYMBOLS[unit]
    name = re.sub(r"[ _-]", "", unit.lower()).replace("metre", "meter")
    return UNIT_NAMES.get(name, UNIT_NAMES.get(name.removesuffix("s")))


def is_possible_pixel_size(size: float, axial: bool = False, unit: str = "") -> bool:
    """Whether a light microscope can have this pixel size.

    Parameters
    ----------
    size : float
        Distance between neighbouring pixels, in nanometres.
    axial : bool
        Whether it is the distance of two planes.
    unit : str
        The unit in which the file states it. Inches and centimetres often state the resolution
        for printing.

    Returns
    -------
    bool
        Whether it is possible.
    """
    low, high = AXIAL_BOUNDS if axial else LATERAL_BOUNDS
    is_for_printing = (
        not axial
        and nanometers(unit) in (UNIT_NAMES["inch"], UNIT_SYMBOLS["cm"])
        and size >= PRINTER_PIXEL
    )
    return low <= size <= high and not is_for_printing
