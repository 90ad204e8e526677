"""A microscope in numbers without a unit, and the light that it sees of a point."""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.diffraction import lens_intensity, pinhole_transmission


@dataclass(frozen=True)
class NormalisedOptics:
    """A microscope; lengths are in wavelengths of what it sees, in the immersion."""

    microscope: str
    sine: float
    """Numerical aperture divided by the refractive index."""
    excitation: float = 1.0
    """Wavelength of a confocal microscope's laser."""
    pinhole: float = 0.0
    """Radius of its pinhole, as seen from the sample."""
    sheet: float = np.inf
    """Sigma of the light sheet."""

    def light(self, radii: Float64Array, depths: Float64Array) -> Float64Array:
        """What is seen of a point: one row for each radius, one column for each depth."""
        if self.microscope == "multiphoton":
            return lens_intensity(self.sine, radii, depths) ** 2
        if self.microscope == "confocal":
            laser = lens_intensity(self.sine, radii / self.excitation, depths / self.excitation)
            return laser * pinhole_transmission(self.sine, radii, depths, self.pinhole)
        return lens_intensity(self.sine, radii, depths) * self._sheet(depths)

    def light_of_planes(self, depths: Float64Array) -> Float64Array | None:
        """All light of each plane, where that is known beforehand."""
        return None if self.microscope in ("confocal", "multiphoton") else self._sheet(depths)

    def _sheet(self, depths: Float64Array) -> Float64Array:
        return np.exp(-((depths / self.sheet) ** 2) / 2)
