"""Compute the largest pixels that sample all detail that a microscope resolves."""

import numpy as np

from napari_tf_deblur._optics.optics import FWHM, Optics


def nyquist_spacing(optics: Optics) -> tuple[float, float]:
    """Return the Nyquist distance of planes and the Nyquist size of pixels, in the emission's unit.

    They are half the shortest period that the microscope passes: Heintzmann and Sheppard, "The
    sampling limit in fluorescence microscopy", Micron 38, 145-149 (2007). A pinhole and a light
    sheet have no sharp limit of frequency. For a pinhole, the limit is the first zero of its
    transfer function; for a light sheet, the frequency of which a Gaussian passes 1 %.
    """
    sine = optics.numerical_aperture / optics.index
    across = 2 * sine / optics.unit
    along = 2 * np.sin(np.arcsin(sine) / 2) ** 2 / optics.unit
    factor, sheet = 1.0, 0.0
    if optics.microscope == "confocal":
        factor = 1 / optics.laser + min(1.0, 1 / (2 * optics.pinhole))
    elif optics.microscope == "multiphoton":
        factor = 2.0
    elif optics.microscope == "light sheet" and optics.sheet is not None:
        sheet = np.sqrt(2 * np.log(100)) * FWHM / (2 * np.pi * optics.sheet)
    return float(1 / (2 * (factor * along + sheet))), float(1 / (2 * factor * across))
