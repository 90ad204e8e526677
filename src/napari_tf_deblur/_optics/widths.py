"""Fit Gaussians to the PSF of a microscope."""

from functools import lru_cache

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics

PROFILE_POINTS = 80
"""Number of points of a profile that a Gaussian is fitted to. Limit: of time;
``benchmarks/optics.py`` compares with another integration."""


HALF_OF_REACH = 0.2215
"""Half the length over which an image in focus is above half its largest value, relative to the
reach of a profile. Derived: the profile is a squared sinc."""


@lru_cache(maxsize=256)
def fit_sigmas(setup: NormalisedOptics) -> tuple[float, float]:
    """Return the sigmas of Gaussians fitted across and along the optical axis.

    They are fitted to profiles through the focus, in wavelengths in the immersion. The profiles
    reach as far as the second dark ring of an image in focus, and correspondingly along the axis;
    light farther out does not change the fit.
    """
    focus = np.zeros(1)
    size = min(1.0, setup.excitation)
    radii = np.linspace(0, 1.22 / setup.sine * size, PROFILE_POINTS)
    across = fit_profile_sigma(radii, setup.light(radii, focus)[:, 0])
    reach = min(2 / setup.lens.cone * size, 6 * setup.sheet)
    if not setup.lens.is_symmetric:
        reach *= _elongation(setup, reach)
    depths = np.linspace(0, reach, PROFILE_POINTS)
    profile = setup.light(focus, depths)[0]
    if not setup.lens.is_symmetric:
        # The tails on both sides differ. Their mean has the same width.
        profile = (profile + setup.light(focus, -depths)[0]) / 2
    return across, fit_profile_sigma(depths, profile)


def _elongation(setup: NormalisedOptics, reach: float) -> float:
    """Return how much longer the image is along the axis than without aberrations.

    It is the ratio of the lengths over which the light is above half its largest value.
    """
    half = HALF_OF_REACH * reach
    while True:
        depths = np.linspace(-2 * half, 2 * half, 4 * PROFILE_POINTS + 1)
        light = setup.light(np.zeros(1), depths)[0]
        above = np.flatnonzero(light > light.max() / 2)
        if above[0] > 0 and above[-1] < len(light) - 1:
            length = depths[above[-1]] - depths[above[0]]
            return float(max(length / (2 * HALF_OF_REACH * reach), 1.0))
        half *= 2


def fit_profile_sigma(places: Float64Array, profile: Float64Array) -> float:
    """Fit a Gaussian of any height to half a symmetric profile, by least squares."""
    counts = np.where(places == 0, 1.0, 2.0)  # all points but the middle one count twice
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
