"""One fixed rule for each of our methods: what it is told about an image, without the truth.

The rules use what a user of the dock has too: the image, and whether it shows amounts of
light on a dark ground.
"""

from collections.abc import Callable

import numpy as np
from cases import Case

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
)
from napari_tf_deblur.estimate import noise_level, wiener_balance
from napari_tf_deblur.methods import Method


def planes(case: Case) -> np.ndarray:
    image = case.blurred if case.channel_axis is None else np.moveaxis(case.blurred, -1, 0)
    return image.reshape(1, -1, *image.shape[-case.axes :]).astype(np.float32)


def relative_noise(case: Case) -> float:
    """Estimate the noise, as a part of the image's range, from the image."""
    low, high = np.percentile(case.blurred, [0.1, 99.9])
    return noise_level(planes(case)) / float(high - low)


def smoothness(case: Case) -> float:
    """Tell how much smoother than a photograph of as much noise an image is; at least 1.

    By the balance of a Wiener filter, found by cross-validation; for photographs it is
    about 40 times the squared noise.
    """
    balance = wiener_balance(planes(case), case.psf, case.boundary == "periodic")
    return max(1.0, balance / (40 * relative_noise(case) ** 2))


def total_variation(case: Case) -> Method:
    weight = min(1.0, 0.6 * relative_noise(case) ** 1.5)
    return TotalVariation(weight=weight, nonnegative=case.counts)


def hessian(case: Case) -> Method:
    weight = 0.4 * relative_noise(case) ** 1.5 * smoothness(case) ** 0.4
    return Hessian(weight=min(1.0, weight), nonnegative=case.counts)


def poisson_likelihood(case: Case) -> Method:
    return PoissonLikelihood()


def richardson_lucy(case: Case) -> Method:
    return RichardsonLucy()


def wiener(case: Case) -> Method:
    return Wiener()


RULES: tuple[Callable[[Case], Method], ...] = (
    total_variation,
    hessian,
    poisson_likelihood,
    richardson_lucy,
    wiener,
)
