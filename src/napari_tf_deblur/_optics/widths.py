"""How wide the PSF of a microscope is: the Gaussian that fits it best."""

from functools import lru_cache

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics

PROFILE_POINTS = 80
"""Places at which a profile is compared with a Gaussian. Limit: of time; ``benchmarks/optics.py``
compares with another integration."""


@lru_cache(maxsize=256)
def fit_sigmas(setup: NormalisedOptics) -> tuple[float, float]:
    """Sigmas of the Gaussians fitted across and along the optical axis, through the focus.

    The profiles reach as far as the second dark ring of an image in focus, and as far along
    the axis; what lies farther out does not change the fit.
    """
    focus = np.zeros(1)
    size = min(1.0, setup.excitation)
    radii = np.linspace(0, 1.22 / setup.sine * size, PROFILE_POINTS)
    cone = 2 * np.sin(np.arcsin(setup.sine) / 2) ** 2
    depths = np.linspace(0, min(2 / cone * size, 6 * setup.sheet), PROFILE_POINTS)
    across = fit_profile_sigma(radii, setup.light(radii, focus)[:, 0])
    return across, fit_profile_sigma(depths, setup.light(focus, depths)[0])


def fit_profile_sigma(places: Float64Array, profile: Float64Array) -> float:
    """Fit a Gaussian of any height to half a symmetric profile, by least squares."""
    counts = np.where(places == 0, 1.0, 2.0)  # all places but the middle are there twice
    profile = profile / profile[0]
    height, sigma = 1.0, float(places[np.argmax(profile < 0.5)]) / 1.18
    for _ in range(100):
        gaussian = np.exp(-((places / sigma) ** 2) / 2)
        slopes = np.stack([gaussian, height * gaussian * places**2 / sigma**3])
        weighted = slopes * counts
        step = np.linalg.solve(weighted @ slopes.T, weighted @ (profile - height * gaussian))
        height, sigma = height + step[0], sigma + step[1]
        if abs(step[1]) < 1e-12 * sigma:
            break
    return float(sigma)
