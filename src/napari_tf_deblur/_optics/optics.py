"""What is known of a microscope: the numbers on its objective, filter and laser, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics

Microscope = Literal["widefield", "confocal", "light sheet", "multiphoton"]

IMMERSIONS: Mapping[str, float] = MappingProxyType(
    {"air": 1.0, "water": 1.33, "silicone": 1.406, "glycerol": 1.47, "oil": 1.515}
)
"""Refractive indices of what is between objective and specimen. Source: OME's data model names
them; values as makers of objectives give them, with them."""

DEFAULT_IMMERSIONS = ((0.95, "air"), (1.27, "water"), (np.inf, "oil"))
"""Largest numerical aperture of objectives for an immersion, and the immersion."""

HIGHEST_INDEX = 3.0
"""Highest refractive index that is taken. Guard: against a wrong number."""

EXCITATION_RATIO = 0.94
"""Wavelength of a confocal microscope's laser, where it is not known, as a part of the emission.
Derived: from the usual 488 nm for 520 nm."""

LARGEST_PINHOLE = 10.0
"""Pinhole, in Airy units, from which on it lets all light through. Limit: of time."""

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Width of a Gaussian at half its height, in sigmas. Definition: of the Gaussian."""


@dataclass(frozen=True)
class Optics:
    """A microscope, by the numbers that its PSF follows from.

    Attributes
    ----------
    numerical_aperture : float
        As printed on the objective.
    emission : float
        Wavelength of the light that is seen, in air, in any unit of length: that of all
        lengths here and of all results. Not used for multiphoton microscopes.
    refractive_index : float, optional
        Of the immersion, see :data:`IMMERSIONS`. By default that of the usual one: air up to
        a numerical aperture of 0.95, water up to 1.27, oil above.
    microscope : {"widefield", "confocal", "light sheet", "multiphoton"}
        Widefield has a camera and no pinhole; confocal includes spinning disks; multiphoton
        means two photons, and a detector without a pinhole.
    excitation : float, optional
        Wavelength of the laser of confocal and multiphoton microscopes. For confocal ones by
        default 0.94 of the emission, as 488 nm is of 520 nm.
    pinhole : float
        Diameter of a confocal microscope's pinhole in Airy units: in diameters of the Airy
        disk, ``1.22 * emission / numerical_aperture``. From 10 on it is as good as open.
    sheet : float, optional
        Thickness of the light sheet where it has half its brightness. By default so thick that
        it does not narrow the PSF.

    Raises
    ------
    TypeError
        If a number is not a number.
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

    def __post_init__(self) -> None:
        if self.microscope not in get_args(Microscope):
            names = ", ".join(repr(name) for name in get_args(Microscope))
            raise InvalidValueError(
                f"The microscope is {self.microscope!r}; choose one of {names}."
            )
        _positive("numerical aperture", self.numerical_aperture, "as printed on the objective")
        _positive("emission wavelength", self.emission, "such as 520 in nanometres")
        if self.excitation is not None:
            _positive("excitation wavelength", self.excitation, "such as 488 in nanometres")
        _positive("pinhole's diameter", self.pinhole, "in Airy units; 1 is usual")
        if self.sheet is not None:
            _positive("light sheet's thickness", self.sheet, "in the unit of the emission")
        self._check_immersion()
        self._check_units()

    @property
    def index(self) -> float:
        """Refractive index of the immersion: the one given, or the usual one."""
        if self.refractive_index is not None:
            return float(self.refractive_index)
        return IMMERSIONS[
            next(name for most, name in DEFAULT_IMMERSIONS if self.numerical_aperture <= most)
        ]

    @property
    def wavelength(self) -> float:
        """Wavelength in air of the light whose diffraction counts."""
        if self.microscope == "multiphoton" and self.excitation is not None:
            return float(self.excitation)
        return float(self.emission)

    @property
    def unit(self) -> float:
        """That wavelength in the immersion, in which `normalised` counts lengths."""
        return self.wavelength / self.index

    @property
    def laser(self) -> float:
        """Wavelength of a confocal microscope's laser as part of the emission."""
        if self.excitation is None:
            return EXCITATION_RATIO
        return self.excitation / self.emission

    @property
    def normalised(self) -> NormalisedOptics:
        """The same without a unit: equal for all wavelengths but for rounding."""
        sine = self.numerical_aperture / self.index
        if self.microscope == "confocal":
            radius = 0.61 / sine * min(self.pinhole, LARGEST_PINHOLE)
            return NormalisedOptics(
                self.microscope, sine, _round_digits(self.laser), pinhole=radius
            )
        if self.microscope == "light sheet" and self.sheet is not None:
            return NormalisedOptics(
                self.microscope, sine, sheet=_round_digits(self.sheet / FWHM / self.unit)
            )
        return NormalisedOptics(self.microscope, sine)

    def _check_immersion(self) -> None:
        if self.refractive_index is not None:
            _positive("refractive index of the immersion", self.refractive_index, "1 in air")
        aperture, index = self.numerical_aperture, self.index
        if not 1 <= index <= HIGHEST_INDEX:
            raise InvalidValueError(
                f"The refractive index of the immersion is {index:g}; it must be a number from 1 "
                f"to {HIGHEST_INDEX:g}, such as 1.515 for oil."
            )
        if aperture >= index:
            usual = next(name for most, name in DEFAULT_IMMERSIONS if aperture <= most)
            known = IMMERSIONS[usual] > aperture
            better = f"such as {usual} ({IMMERSIONS[usual]:g})" if known else "higher than oil's"
            raise InvalidValueError(
                f"NA {aperture:g} needs an immersion whose refractive index is above it, {better}; "
                f"it is {index:g}. Check both numbers on the objective."
            )

    def _check_units(self) -> None:
        if self.microscope == "multiphoton" and self.excitation is None:
            raise InvalidValueError(
                "The PSF of a multiphoton microscope follows from the wavelength of its laser: "
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


def _positive(name: str, value: object, hint: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"The {name} is {value!r}; it must be a number above 0, {hint}.")
    if not 0 < float(value) < np.inf:
        raise InvalidValueError(f"The {name} is {value}; it must be a number above 0, {hint}.")


def _round_digits(value: float) -> float:
    """Leave out what differs from one unit of length to another."""
    return float(f"{value:.12g}")
