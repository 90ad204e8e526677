"""Fit kernels of image filters, boxes and Gaussians that are cut off, to a power spectrum.

No lens and no motion makes such a blur; image programs do. Its spectrum has zeros, as that of a
disc and of a line. So a disc or a line is believed only if it is likelier than all of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from napari_tf_deblur._blur.batch_scene_model import BatchSceneModel
from napari_tf_deblur._blur.shape_fit import fit_best_candidate, is_small_in_frame
from napari_tf_deblur._blur.shape_power import log_mean_power
from napari_tf_deblur._core.typing import Float32Array, Float64Array

BOX_SIZES = (*range(3, 12), *range(13, 22, 2), 25, 29, 33)
"""Sizes of boxes that are tried, in pixels. Limit: of time."""

SIGMA_PARTS = tuple(np.geomspace(0.35, 1.1, 6))
"""Sigmas of cut Gaussians that are tried, as parts of half the kernel's size. Derived: below 0.35,
the value at the cut is less than 2 % of the peak; above 1.1, the kernel is nearly a box."""

MIN_CUT_SIZE = 5
"""Least size of a cut Gaussian, in pixels. Derived: one of 3 pixels is no cut Gaussian but any
symmetric kernel, such as a narrow disc."""

MAX_ELONGATION = 4.0
"""Largest ratio of the sigmas of a kernel's axes. Derived: a kernel that is longer is nearly a
line, which is what motion makes."""


@dataclass(frozen=True)
class AxisKernel:
    """A kernel along one axis: a box, or a Gaussian that is cut off.

    Attributes
    ----------
    size : int
        Number of pixels.
    sigma_part : float
        Sigma as a part of half the size; infinite for a box.
    """

    size: int
    sigma_part: float

    @property
    def positions(self) -> Float64Array:
        """Positions of the pixels relative to the centre."""
        return np.arange(self.size, dtype=np.float64) - (self.size - 1) / 2

    @property
    def weights(self) -> Float64Array:
        """Weights of the pixels; their sum is 1."""
        weights = np.exp(-np.square(self.positions / (self.sigma_part * self.size / 2)) / 2)
        return np.asarray(weights / weights.sum())

    @property
    def sigma(self) -> float:
        """Standard deviation in pixels."""
        return float(np.sqrt(self.weights @ np.square(self.positions)))


Kernel = tuple[AxisKernel, AxisKernel]
"""The kernels along rows and columns, whose product is the kernel of a filter."""


@dataclass(frozen=True)
class FilterFit:
    """The most probable kernel of a filter.

    Attributes
    ----------
    negative_log_posterior : float
        Minus the logarithm of the posterior probability, as that of `ShapeFit`.
    sigma : ndarray
        Shape (2,): standard deviations of the kernel along rows and columns, in pixels.
    """

    negative_log_posterior: float
    sigma: Float64Array


def fit_filter(scenes: BatchSceneModel, isotropic: bool | None) -> FilterFit | None:
    """Find the kernel of a filter that fits a spectrum best.

    Parameters
    ----------
    scenes : BatchSceneModel
        The model of scene and noise, in 2D.
    isotropic : bool or None
        Whether the kernel is the same along both axes; None if it may or may not be.

    Returns
    -------
    FilterFit or None
        The best fit; None if the image is too small for any kernel.
    """
    model = scenes.model
    kernels = [
        kernel
        for kernel in _trial_kernels()
        if (not isotropic or kernel[0] == kernel[1])
        and is_small_in_frame(model, *(np.float64(k.size) for k in kernel))
    ]
    if not kernels:
        return None
    powers: tuple[dict[AxisKernel, Float32Array], ...] = tuple(
        {k: _transfer_power(k, nodes) for k in {kernel[axis] for kernel in kernels}}
        for axis, nodes in enumerate(model.spectrum.nodes)
    )
    blurs = np.stack([log_mean_power(powers[0][rows], powers[1][cols]) for rows, cols in kernels])
    number, score, _ = fit_best_candidate(scenes, blurs)
    return FilterFit(score, np.array([k.sigma for k in kernels[number]]))


@cache
def _trial_kernels() -> tuple[Kernel, ...]:
    """Return the kernels that are tried."""
    return tuple(
        (rows, columns)
        for rows, columns in _all_pairs()
        if max(rows.sigma, columns.sigma) <= MAX_ELONGATION * min(rows.sigma, columns.sigma)
    )


def _all_pairs() -> Iterator[Kernel]:
    """Return boxes; and cut Gaussians that have one size, or are cut at one number of sigmas."""
    for rows, columns in product(BOX_SIZES, repeat=2):
        yield AxisKernel(rows, np.inf), AxisKernel(columns, np.inf)
    sizes = [n for n in BOX_SIZES if n % 2 and n >= MIN_CUT_SIZE]
    cut = [AxisKernel(size, float(part)) for size, part in product(sizes, SIGMA_PARTS)]
    for first, second in product(cut, repeat=2):
        if first.size == second.size or first.sigma_part == second.sigma_part:
            yield first, second


def _transfer_power(kernel: AxisKernel, frequencies: Float32Array) -> Float32Array:
    """Return the part of the power that a kernel passes at frequencies in cycles per pixel."""
    transfer = np.zeros_like(frequencies)
    for position, weight in zip(kernel.positions, kernel.weights):
        transfer += np.float32(weight) * np.cos(np.float32(2 * np.pi * position) * frequencies)
    return np.square(transfer)
