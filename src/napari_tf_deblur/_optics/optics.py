"""Describe a microscope by the numbers on its objective, filter and laser, and check them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._optics.lens import Lens, focus_lens
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics
from napari_tf_deblur._optics.numbers import check_index, check_positive
from napari_tf_deblur._optics.specimen import Specimen

Microscope = Literal["widefield", "confocal", "light sheet", "multiphoton"]

IMMERSIONS: Mapping[str, float] = MappingProxyType(
    {"air": 1.0, "water": 1.33, "silicone": 1.406, "glycerol": 1.47, "oil": 1.515}
)
"""Refractive indices of the immersion between objective and specimen. Source: names from OME's data
model; values from makers of objectives."""

DEFAULT_IMMERSIONS = ((0.95, "air"), (1.27, "water"), (np.inf, "oil"))
"""Largest numerical aperture for which an immersion is the default, and its name."""

EXCITATION_RATIO = 0.94
"""Wavelength of a confocal microscope's laser if it is not known, relative to the emission.
Derived: from the usual 488 nm for 520 nm."""

LARGEST_PINHOLE = 10.0
"""Pinhole diameter, in Airy units, above which a pinhole counts as open. Limit: of time."""

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Width of a Gaussian at half its height, in sigmas. Definition: of the Gaussian."""


@dataclass(frozen=True)
class Optics:
    """A microscope, described by the numbers that determine its PSF.

    Attributes
    ----------
    numerical_aperture : float
        Numerical aperture, as printed on the objective.
    emission : float
        Wavelength of the detected light in air, in any unit of length. All other lengths and all
        results are in the same unit. Not used for multiphoton microscopes.
    refractive_index : float, optional
        Refractive index of the immersion, see :data:`IMMERSIONS`. By default that of the usual
        immersion: air up to a numerical aperture of 0.95, water up to 1.27, oil above.
    microscope : {"widefield", "confocal", "light sheet", "multiphoton"}
        Kind of microscope. Widefield has a camera and no pinhole; confocal includes spinning
        disks; multiphoton means two photons, and a detector without a pinhole.
    excitation : float, optional
        Wavelength of the laser of confocal and multiphoton microscopes. For confocal ones by
        default 0.94 times the emission, the ratio of 488 nm and 520 nm.
    pinhole : float
        Diameter of a confocal microscope's pinhole in Airy units: in diameters of the Airy
        disk, ``1.22 * emission / numerical_aperture``. From 10 on it counts as open.
    sheet : float, optional
        Thickness of the light sheet: its full width at half maximum. By default it is so thick
        that it does not narrow the PSF.
    specimen : Specimen, mapping or None
        Mounting medium, depth and coverslip; by default those that the objective is made for. A
        mapping has the names and values of its fields.

    Raises
    ------
    TypeError
        If one of the numbers is not a number.
    ValueError
        If a number is not possible, or not in the same unit as the emission.
    """

    numerical_aperture: float
    emission: float
    refractive_index: float | None = None
    microscope: Microscope = "widefield"
    excitation: float | None = None
    pinhole: float = 1.0
    sheet: float | None = None
    specimen: Specimen | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.specimen is not None:
            object.__setattr__(self, "specimen", Specimen.from_value(self.specimen))
        if self.microscope not in get_args(Microscope):
            names = ", ".join(repr(name) for name in get_args(Microscope))
            raise InvalidValueError(
                f"The microscope is {self.microscope!r}; choose one of {names}."
            )
        check_positive("numerical aperture", self.numerical_aperture, "as printed on the objective")
        check_positive("emission wavelength", self.emission, "such as 520 in nanometres")
        if self.excitation is not None:
            check_positive("excitation wavelength", self.excitation, "such as 488 in nanometres")
        check_positive("pinhole's diameter", self.pinhole, "in Airy units; 1 is usual")
        if self.sheet is not None:
            check_positive("light sheet's thickness", self.sheet, "in the unit of the emission")
        self._check_immersion()
        self._check_units()

    @property
    def index(self) -> float:
        """Refractive index of the immersion: the given one, or the default."""
        if self.refractive_index is not None:
            return float(self.refractive_index)
        return IMMERSIONS[
            next(name for most, name in DEFAULT_IMMERSIONS if self.numerical_aperture <= most)
        ]

    @property
    def wavelength(self) -> float:
        """Wavelength in air that determines diffraction: emission, or laser if multiphoton."""
        if self.microscope == "multiphoton" and self.excitation is not None:
            return float(self.excitation)
        return float(self.emission)

    @property
    def unit(self) -> float:
        """Unit of length of `normalised`: the `wavelength` in the immersion."""
        return self.wavelength / self.index

    @property
    def laser(self) -> float:
        """Wavelength of a confocal microscope's laser, relative to the emission."""
        if self.excitation is None:
            return EXCITATION_RATIO
        return self.excitation / self.emission

    @property
    def normalised(self) -> NormalisedOptics:
        """The microscope in lengths without a unit, the same for all units of length."""
        lens, sine = self._lens, self.numerical_aperture / self.index
        if self.microscope == "confocal":
            radius = 0.61 / sine * min(self.pinhole, LARGEST_PINHOLE)
            return NormalisedOptics(
                self.microscope, lens, _round_digits(self.laser), pinhole=radius
            )
        if self.microscope == "light sheet" and self.sheet is not None:
            return NormalisedOptics(
                self.microscope, lens, sheet=_round_digits(self.sheet / FWHM / self.unit)
            )
        return NormalisedOptics(self.microscope, lens)

    @property
    def is_matched(self) -> bool:
        """Whether light passes only what the objective is made for: no other index, no layers."""
        specimen = Specimen.from_value(self.specimen)
        is_same_index = specimen.refractive_index in (None, self.index)
        return is_same_index and not specimen.layers(self.index, self.unit)

    @property
    def focus_depth(self) -> float:
        """Distance from the coverslip of the point that is in focus, in the unit of the emission.

        Where the specimen has another refractive index than the immersion, it is not
        `Specimen.depth`, by which the focus was moved.
        """
        return self._lens.place * self.unit

    @property
    def _lens(self) -> Lens:
        """The objective, focused on the point."""
        sine = self.numerical_aperture / self.index
        specimen = Specimen.from_value(self.specimen)
        sample = (specimen.refractive_index or self.index) / self.index
        layers = tuple(
            (_round_digits(thickness), _round_digits(index))
            for thickness, index in specimen.layers(self.index, self.unit)
        )
        # An aperture above the index of the coverslip needs one like the immersion.
        is_usual = self.numerical_aperture < specimen.coverslip_index
        glass = _round_digits(specimen.coverslip_index / self.index) if is_usual else 1.0
        lens = Lens(sine, _round_digits(sample), layers=layers, glass=glass)
        return focus_lens(lens, _round_digits(specimen.depth / self.unit))

    def _check_immersion(self) -> None:
        """Raise an error if the refractive index is not possible with the numerical aperture."""
        if self.refractive_index is not None:
            check_index("immersion", self.refractive_index)
        aperture, index = self.numerical_aperture, self.index
        if aperture >= index:
            name = next(name for most, name in DEFAULT_IMMERSIONS if aperture <= most)
            is_enough = IMMERSIONS[name] > aperture
            better = f"such as {name} ({IMMERSIONS[name]:g})" if is_enough else "higher than oil's"
            raise InvalidValueError(
                f"NA {aperture:g} needs an immersion whose refractive index is above it, {better}; "
                f"it is {index:g}. Check both numbers on the objective."
            )

    def _check_units(self) -> None:
        """Raise an error if lengths cannot be in one unit, or the laser is missing."""
        if self.microscope == "multiphoton" and self.excitation is None:
            raise InvalidValueError(
                "The PSF of a multiphoton microscope depends on the wavelength of its laser: "
                "give the excitation, such as 900 in nanometres. The emission does not matter."
            )
        if self.microscope == "confocal" and not 0.1 < self.laser < 10:
            raise InvalidValueError(
                f"The excitation is {self.excitation:g} and the emission {self.emission:g}; give "
                "both in the same unit."
            )
        if self.microscope == "light sheet" and (self.sheet or np.inf) < self.emission / 10:
            raise InvalidValueError(
                f"The light sheet's thickness is {self.sheet:g} and the emission "
                f"{self.emission:g}; no sheet of light is that thin. Give both in the same unit."
            )


OPTICS_NUMBERS = tuple(field.name for field in fields(Optics) if field.name != "specimen")
"""Names of the numbers of the microscope itself."""

SPECIMEN_NUMBERS: Mapping[str, str] = MappingProxyType(
    {"mounting_index": "refractive_index", "depth": "depth", "first_plane": "first_plane"}
)
"""Names of the numbers of the specimen beside those of the microscope, and those of its fields. The
other fields can only be given in Python."""

MICROSCOPE_NUMBERS = (*OPTICS_NUMBERS, *SPECIMEN_NUMBERS)
"""Names of all numbers that the dock, settings and the command line have, without pixel sizes."""


def _round_digits(value: float) -> float:
    """Round to 12 digits, so that the unit of length does not change the result."""
    return float(f"{value:.12g}")
