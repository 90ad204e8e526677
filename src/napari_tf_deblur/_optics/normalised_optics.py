"""A microscope in lengths without a unit, and its image of a point."""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.diffraction import lens_intensity, pinhole_transmission
from napari_tf_deblur._optics.lens import Lens


@dataclass(frozen=True)
class NormalisedOptics:
    """A microscope in lengths without a unit.

    Lengths are in wavelengths in the immersion: of the emission, or of the laser of a multiphoton
    microscope.

    Attributes
    ----------
    microscope : str
        Kind of microscope; see :class:`napari_tf_deblur._optics.optics.Optics`.
    lens : Lens
        The objective, focused on the point.
    excitation : float
        Wavelength of the laser of a confocal microscope.
    pinhole : float
        Radius of the pinhole, as seen from the sample.
    sheet : float
        Sigma of the light sheet.
    """

    microscope: str
    lens: Lens
    excitation: float = 1.0
    pinhole: float = 0.0
    sheet: float = np.inf

    @property
    def sine(self) -> float:
        """Numerical aperture divided by the refractive index of the immersion."""
        return self.lens.sine

    def light(self, radii: Float64Array, depths: Float64Array) -> Float64Array:
        """Compute the image of a point: one row for each radius, one column for each depth.

        See :func:`.lens_intensity`.
        """
        if self.microscope == "multiphoton":
            return lens_intensity(self.lens, radii, depths) ** 2
        if self.microscope == "confocal":
            laser = lens_intensity(
                self.lens.with_wavelength(self.excitation),
                radii / self.excitation,
                depths / self.excitation,
            )
            return laser * pinhole_transmission(self.lens, radii, depths, self.pinhole)
        return lens_intensity(self.lens, radii, depths) * self._sheet(depths)

    def light_of_planes(self, depths: Float64Array) -> Float64Array | None:
        """Return the integral of the light over each plane; None if there is no formula for it."""
        return None if self.microscope in ("confocal", "multiphoton") else self._sheet(depths)

    def _sheet(self, depths: Float64Array) -> Float64Array:
        """Brightness of the light sheet at each depth; 1 in focus."""
        return np.exp(-((depths / self.sheet) ** 2) / 2)
