"""A microscope in lengths without a unit, and its image of a point."""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.diffraction import lens_intensity, pinhole_transmission


@dataclass(frozen=True)
class NormalisedOptics:
    """A microscope in lengths without a unit.

    Lengths are in wavelengths in the immersion: of the emission, or of the laser of a multiphoton
    microscope.

    Attributes
    ----------
    microscope : str
        Kind of microscope; see :class:`napari_tf_deblur._optics.optics.Optics`.
    sine : float
        Numerical aperture divided by the refractive index.
    excitation : float
        Wavelength of the laser of a confocal microscope.
    pinhole : float
        Radius of the pinhole, as seen from the sample.
    sheet : float
        Sigma of the light sheet.
    """

    microscope: str
    sine: float
    excitation: float = 1.0
    pinhole: float = 0.0
    sheet: float = np.inf

    def light(self, radii: Float64Array, depths: Float64Array) -> Float64Array:
        """Compute the image of a point: one row for each radius, one column for each depth."""
        if self.microscope == "multiphoton":
            return lens_intensity(self.sine, radii, depths) ** 2
        if self.microscope == "confocal":
            laser = lens_intensity(self.sine, radii / self.excitation, depths / self.excitation)
            return laser * pinhole_transmission(self.sine, radii, depths, self.pinhole)
        return lens_intensity(self.sine, radii, depths) * self._sheet(depths)

    def light_of_planes(self, depths: Float64Array) -> Float64Array | None:
        """Return the integral of the light over each plane; None if there is no formula for it."""
        return None if self.microscope in ("confocal", "multiphoton") else self._sheet(depths)

    def _sheet(self, depths: Float64Array) -> Float64Array:
        """Brightness of the light sheet at each depth; 1 in focus."""
        return np.exp(-((depths / self.sheet) ** 2) / 2)
