"""Describe how a specimen is mounted: its refractive index, the depth, the coverslip."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._optics.numbers import check_index, check_number, check_positive

MOUNTING_MEDIA: Mapping[str, float] = MappingProxyType(
    {
        "water": 1.33,
        "cells, tissue": 1.38,
        "glycerol 80 %": 1.443,
        "ProLong Gold": 1.46,
        "ProLong Glass": 1.52,
        "oil": 1.515,
    }
)
"""Refractive indices of what specimens are mounted in. Source: ProLong's maker (cured); glycerol
with 20 % water at 20 °C from the CRC Handbook of Chemistry and Physics."""

FirstPlane = Literal["nearest", "deepest"]

COVERSLIP_INDEX = 1.5255
"""Refractive index of a coverslip. Source: ISO 8255-1, at the green line of mercury."""


@dataclass(frozen=True)
class Specimen:
    """What lies between the objective and the point that is in focus.

    Without arguments, the specimen is what the objective is made for: the light of a point passes a
    medium like the immersion, and a coverslip that the objective corrects for. All lengths are in
    the unit of the emission.

    Attributes
    ----------
    refractive_index : float, optional
        Refractive index of the mounting medium, see :data:`MOUNTING_MEDIA`. By default that of the
        immersion.
    depth : float
        How far the focus was moved from the coverslip into the specimen, as the drive of the
        microscope counts it; of a stack, to its middle plane. The image of a point is sharpest
        elsewhere: `Optics.focus_depth` says where.
    coverslip, design_coverslip : float, optional
        Thickness of the coverslip, and that for which the objective is made, usually 170 µm. Both
        or neither are given.
    coverslip_index, design_coverslip_index : float
        Refractive index of the coverslip, and that for which the objective is made.
    design_index : float, optional
        Refractive index of the immersion for which the objective is made. By default that of the
        immersion.
    working_distance : float, optional
        Thickness of the immersion for which the objective is made, needed only if `design_index`
        differs from that of the immersion.
    first_plane : {"nearest", "deepest"}
        Which plane of a stack is the first: the one nearest to the coverslip, or the deepest one.

    Raises
    ------
    TypeError
        If one of them is not a number.
    ValueError
        If a number is not possible, or another one is missing.

    Examples
    --------
    >>> Specimen(refractive_index=1.33, depth=5000).depth
    5000
    """

    refractive_index: float | None = None
    depth: float = 0.0
    coverslip: float | None = None
    design_coverslip: float | None = None
    coverslip_index: float = COVERSLIP_INDEX
    design_coverslip_index: float = COVERSLIP_INDEX
    design_index: float | None = None
    working_distance: float | None = None
    first_plane: FirstPlane = "nearest"

    def __post_init__(self) -> None:
        for name, words in (
            ("refractive_index", "mounting medium"),
            ("design_index", "immersion of the design"),
            ("coverslip_index", "coverslip"),
            ("design_coverslip_index", "coverslip of the design"),
        ):
            if getattr(self, name) is not None:
                check_index(words, getattr(self, name))
        for name, words in (
            ("coverslip", "coverslip's thickness"),
            ("design_coverslip", "thickness of the coverslip of the design"),
            ("working_distance", "working distance"),
        ):
            if getattr(self, name) is not None:
                check_positive(words, getattr(self, name), "in the unit of the emission")
        check_number("depth of the focus", self.depth, "in the unit of the emission")
        if not 0 <= self.depth < np.inf:
            raise InvalidValueError(
                f"The depth of the focus is {self.depth:g}; it must be 0 or more: how far the "
                "focus was moved from the coverslip into the specimen."
            )
        if self.first_plane not in get_args(FirstPlane):
            raise InvalidValueError(
                f"The first plane is {self.first_plane!r}; it is the 'nearest' to the coverslip, "
                "or the 'deepest'."
            )
        if (self.coverslip is None) != (self.design_coverslip is None):
            raise InvalidValueError(
                "The thickness of the coverslip matters beside that for which the objective is "
                "made: give both, such as coverslip=150e3 and design_coverslip=170e3 in nanometres."
            )
        if self.design_index is not None and self.working_distance is None:
            raise InvalidValueError(
                "How much an immersion that the objective is not made for changes the PSF depends "
                "on its thickness: give the working_distance with the design_index."
            )

    @classmethod
    def from_value(cls, value: object) -> "Specimen":
        """Return a specimen from one, from its fields by name, or from None."""
        if value is None:
            return cls()
        if isinstance(value, Specimen):
            return value
        if isinstance(value, Mapping) and set(value) <= set(cls.__dataclass_fields__):
            return cls(**value)
        raise InvalidTypeError(
            f"The specimen is {value!r}; give Specimen(refractive_index=1.33, depth=5000)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, by name."""
        values = {field: getattr(self, field.name) for field in fields(self)}
        return {field.name: value for field, value in values.items() if value != field.default}

    def layers(self, index: float, unit: float) -> tuple[tuple[float, float], ...]:
        """Return thickness and relative index of the layers that lengthen the path of light.

        Parameters
        ----------
        index : float
            Refractive index of the immersion.
        unit : float
            Unit of length.

        Returns
        -------
        tuple of (float, float)
            Layers that the objective is made for have a negative thickness.
        """
        found = [
            (self.coverslip or 0.0, self.coverslip_index),
            (-(self.design_coverslip or 0.0), self.design_coverslip_index),
        ]
        if self.design_index is not None:
            distance = self.working_distance or 0.0
            found += [(distance, index), (-distance, self.design_index)]
        total: dict[float, float] = {}
        for thickness, n in found:
            total[n] = total.get(n, 0.0) + thickness
        return tuple((thickness / unit, n / index) for n, thickness in total.items() if thickness)
