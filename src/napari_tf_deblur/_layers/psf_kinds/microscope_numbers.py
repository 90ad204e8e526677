"""The numbers from which the PSF of a microscope follows, and which of them are missing.

The dock, the console and the command line take them from the file of an image, and make the same
of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

from napari_tf_deblur._layers.pixel_size import find_pixel_size, with_pixel_size
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.optics import IMMERSIONS, Microscope, Optics
from napari_tf_deblur._preparation import record_check as check

LASER_MICROSCOPES = ("confocal", "multiphoton")
"""Microscopes whose PSF depends on what excites the dye."""

WAVELENGTHS = ("emission", "excitation")
"""Numbers that belong to a channel, and not to the microscope."""

INDEX_TOLERANCE = 0.02
"""Largest difference of two refractive indices of one immersion. Derived: the usual immersions
differ by 0.04 and more."""

DIGITS = 6
"""Decimals of a number that count. Guard: against rounding errors of arithmetic."""

WORDS = {
    "numerical_aperture": "the numerical aperture",
    "emission": "the emission wavelength",
    "excitation": "the excitation wavelength",
    "pixel": "the size of a pixel",
    "step": "the step between planes",
}
"""What the numbers that can be missing are called."""


@dataclass(frozen=True)
class MicroscopeNumbers:
    """What is known of a microscope and its image; None is what is not known.

    Attributes
    ----------
    numerical_aperture, emission, refractive_index, microscope, excitation, pinhole, sheet
        See `napari_tf_deblur._optics.optics.Optics`; lengths in nanometres.
    pixel, step : float or None
        Distance between two pixels along x, and between two planes, in nanometres.
    """

    numerical_aperture: float | None = None
    emission: float | None = None
    refractive_index: float | None = None
    microscope: str | None = None
    excitation: float | None = None
    pinhole: float | None = None
    sheet: float | None = None
    pixel: float | None = None
    step: float | None = None

    @classmethod
    def of_file(cls, source: Source) -> Self:
        """Return what the file of an image, or its layer, says."""
        said, size = source.acquisition, find_pixel_size(source)
        aperture = said.numerical_aperture
        return cls(
            numerical_aperture=round(aperture, DIGITS) if aperture else None,
            emission=said.emission,
            refractive_index=find_immersion(said.refractive_index),
            microscope=said.microscope,
            excitation=said.excitation,
            pinhole=said.pinhole,
            pixel=size.lateral,
            step=size.axial,
        )

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what the record of a PSF says, which may come out of a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """
        check.require(record["ndim"] in (1, 2, 3))
        optics = Optics(**record["optics"])
        spacing = check.tuple_of(check.positive)(record.get("spacing", ()))
        return cls(
            **{field.name: getattr(optics, field.name) for field in fields(Optics)},
            pixel=spacing[-1] if spacing else None,
            step=spacing[0] if len(spacing) == 3 else None,
        )

    def missing(self, ndim: int) -> list[str]:
        """Return the names of what must be known, too, for a PSF along so many axes."""
        wavelength = "excitation" if self.microscope == "multiphoton" else "emission"
        needed = ["numerical_aperture", wavelength, "pixel", *(["step"] if ndim == 3 else [])]
        return [name for name in needed if not getattr(self, name)]

    def used(self) -> Self:
        """Return them without the pinhole and the sheet of another kind of microscope."""
        return replace(
            self,
            pinhole=self.pinhole if self.microscope == "confocal" else None,
            sheet=self.sheet if self.microscope == "light sheet" else None,
        )

    @property
    def optics(self) -> Optics:
        """The optics, without the numbers that do not matter to this microscope.

        Raises
        ------
        TypeError, ValueError
            If the numbers do not go together.
        """
        microscope = cast(Microscope, self.microscope or "widefield")
        used = replace(self, microscope=microscope).used()
        return Optics(
            numerical_aperture=cast(float, self.numerical_aperture),
            emission=float(self.emission or self.excitation or 0),
            refractive_index=self.refractive_index,
            microscope=microscope,
            excitation=self.excitation if microscope in LASER_MICROSCOPES else None,
            pinhole=1.0 if used.pinhole is None else used.pinhole,
            sheet=used.sheet,
        )

    def resize(self, source: Source, ndim: int) -> Source:
        """Return an image with this size of its pixels along the axes that are deblurred."""
        return with_pixel_size(source, ndim, self.pixel, self.step) if self.pixel else source


def find_immersion(index: float | None) -> float | None:
    """Return the immersion that has about this refractive index, if there is one."""
    if index is None:
        return None
    nearest = min(IMMERSIONS.values(), key=lambda n: abs(n - index))
    return nearest if abs(nearest - index) < INDEX_TOLERANCE else None
