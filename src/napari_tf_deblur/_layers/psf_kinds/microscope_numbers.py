"""The numbers from which the PSF of a microscope is computed: read, completed and checked.

The dock, the console and the command line read them from the file of an image with this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, cast

from napari_tf_deblur._layers.pixel_size import find_pixel_size, with_pixel_size
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.optics import (
    IMMERSIONS,
    MICROSCOPE_NUMBERS,
    SPECIMEN_NUMBERS,
    Microscope,
    Optics,
)
from napari_tf_deblur._optics.specimen import FirstPlane, Specimen
from napari_tf_deblur._preparation import record_check as check

LASER_MICROSCOPES = ("confocal", "multiphoton")
"""Microscopes whose PSF depends on the excitation wavelength."""

WAVELENGTHS = ("emission", "excitation")
"""Numbers that belong to a channel, not to the microscope."""

INDEX_TOLERANCE = 0.02
"""Largest difference of two refractive indices of one immersion. Derived: the usual immersions
differ by 0.04 and more."""

DIGITS = 6
"""Decimals of a number that count. Guard: against rounding errors of arithmetic."""

NUMBER_NAMES = {
    "numerical_aperture": "the numerical aperture",
    "emission": "the emission wavelength",
    "excitation": "the excitation wavelength",
    "pixel": "the size of a pixel",
    "step": "the step between planes",
}
"""Names, in messages, of the numbers that may be missing."""


@dataclass(frozen=True)
class MicroscopeNumbers:
    """The numbers of a microscope and its image; None if unknown.

    Attributes
    ----------
    numerical_aperture, emission, refractive_index, microscope, excitation, pinhole, sheet
        See `napari_tf_deblur._optics.optics.Optics`; lengths are in nanometres.
    mounting_index, depth, first_plane
        Refractive index of the mounting medium, depth of the focus in nanometres, and the plane
        that is the first of a stack; see `napari_tf_deblur._optics.specimen.Specimen`. No file
        states them.
    pixel, step : float or None
        Distance between pixels along x, and between planes, in nanometres.
    """

    numerical_aperture: float | None = None
    emission: float | None = None
    refractive_index: float | None = None
    microscope: str | None = None
    excitation: float | None = None
    pinhole: float | None = None
    sheet: float | None = None
    mounting_index: float | None = None
    depth: float | None = None
    first_plane: str | None = None
    pixel: float | None = None
    step: float | None = None

    @classmethod
    def from_file(cls, source: Source) -> Self:
        """Return the numbers in the file of an image, or in its layer."""
        acquisition, size = source.acquisition, find_pixel_size(source)
        aperture = acquisition.numerical_aperture
        return cls(
            numerical_aperture=round(aperture, DIGITS) if aperture else None,
            emission=acquisition.emission,
            refractive_index=find_immersion(acquisition.refractive_index),
            microscope=acquisition.microscope,
            excitation=acquisition.excitation,
            pinhole=acquisition.pinhole,
            pixel=size.lateral,
            step=size.axial,
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the numbers in the record of a PSF, which may come from a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If an entry of the record is missing or not valid.
        """
        check.require(record["ndim"] in (1, 2, 3))
        spacing = check.tuple_of(check.positive)(record.get("spacing", ()))
        numbers = cls(
            **flatten_optics(record["optics"]),
            pixel=spacing[-1] if spacing else None,
            step=spacing[0] if len(spacing) == 3 else None,
        )
        _ = numbers.optics  # raises an error for impossible values
        return numbers

    def list_missing(self, ndim: int) -> list[str]:
        """Return the names of the numbers that are missing for a PSF with `ndim` axes."""
        wavelength = "excitation" if self.microscope == "multiphoton" else "emission"
        needed = ["numerical_aperture", wavelength, "pixel", *(["step"] if ndim == 3 else [])]
        return [name for name in needed if not getattr(self, name)]

    def without_unused_numbers(self) -> Self:
        """Return the numbers without those that have no effect.

        These are the pinhole and the sheet of another kind of microscope, and all numbers of the
        specimen if its mounting medium is not known.
        """
        specimen = {} if self.mounting_index else dict.fromkeys(SPECIMEN_NUMBERS)
        return replace(
            self,
            **specimen,
            pinhole=self.pinhole if self.microscope == "confocal" else None,
            sheet=self.sheet if self.microscope == "light sheet" else None,
        )

    @property
    def optics(self) -> Optics:
        """The optics, without numbers that have no effect in this microscope.

        Raises
        ------
        TypeError, ValueError
            If the numbers contradict each other.
        """
        microscope = cast(Microscope, self.microscope or "widefield")
        numbers = replace(self, microscope=microscope).without_unused_numbers()
        return Optics(
            numerical_aperture=cast(float, self.numerical_aperture),
            emission=float(self.emission or self.excitation or 0),
            refractive_index=self.refractive_index,
            microscope=microscope,
            excitation=self.excitation if microscope in LASER_MICROSCOPES else None,
            pinhole=1.0 if numbers.pinhole is None else numbers.pinhole,
            sheet=numbers.sheet,
            specimen=numbers.specimen,
        )

    @property
    def specimen(self) -> Specimen | None:
        """The specimen; None if its mounting medium is not known.

        Raises
        ------
        TypeError, ValueError
            If one of the numbers is not possible.
        """
        if not self.mounting_index:
            return None
        first_plane = cast(FirstPlane, self.first_plane or "nearest")
        return Specimen(self.mounting_index, self.depth or 0.0, first_plane=first_plane)

    def resize(self, source: Source, ndim: int) -> Source:
        """Return the image with this pixel size along the deblurred axes."""
        return with_pixel_size(source, ndim, self.pixel, self.step) if self.pixel else source


def flatten_optics(optics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers in the optics of a record, by the names of `MICROSCOPE_NUMBERS`.

    Parameters
    ----------
    optics : mapping
        The optics of a run, whose specimen is a mapping of its own; or those of settings, which are
        flat already. They may come from a file.

    Raises
    ------
    ValueError, TypeError
        If there is a number of another name, or one that can only be given in Python.
    """
    values = {name: value for name, value in optics.items() if name != "specimen"}
    specimen = optics.get("specimen") or {}
    check.require(isinstance(specimen, Mapping))
    names = {field: name for name, field in SPECIMEN_NUMBERS.items()}
    check.require(set(specimen) <= set(names))
    values |= {names[field]: value for field, value in specimen.items()}
    check.require(set(values) <= set(MICROSCOPE_NUMBERS))
    return {name: check.plain(value) for name, value in values.items() if value is not None}


def find_immersion(index: float | None) -> float | None:
    """Return the refractive index of the immersion medium that is nearest; None if none is near."""
    if index is None:
        return None
    nearest = min(IMMERSIONS.values(), key=lambda n: abs(n - index))
    return nearest if abs(nearest - index) < INDEX_TOLERANCE else None
