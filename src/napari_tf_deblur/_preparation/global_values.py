"""Hold values that depend on all pixels of an image; its pieces must share them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence

Reduce = Callable[[Float32Array], Float32Array]


@dataclass(frozen=True)
class GlobalValues:
    """Number of iterations, and other values that depend on all pixels of an image.

    If each piece computed its own, neighbouring pieces would differ and a seam would be visible.

    Attributes
    ----------
    iterations : int
        Number of iterations that every piece runs; pieces do not test for convergence.
    converged : bool
        Whether the image had stopped changing after these iterations.
    hides_areas : bool
        Whether ignored pixels form areas.
    values : mapping of str to ndarray of float32
        Values of the solver, by name. The first axis, that of the planes, has length 1.
    psf_evidence : PSFEvidence or None
        Finding about the PSF; None if it was not tested.
    weight_evidence : WeightEvidence or None
        Finding of trials about the weight; None if there is none.
    noise_is_shared : bool
        Whether the noise of neighbouring pixels seems correlated. Then the PSF and the weight
        cannot be tested.
    noise_lines : mapping of int to VarianceLine
        For each channel, the variance of the noise over the intensity, in the units of the image.
        Channels for which it was not needed are missing.
    """

    iterations: int
    converged: bool
    hides_areas: bool
    values: Mapping[str, Float32Array] = field(default_factory=dict)
    psf_evidence: PSFEvidence | None = None
    weight_evidence: WeightEvidence | None = None
    noise_is_shared: bool = False
    noise_lines: Mapping[int, VarianceLine] = field(default_factory=dict)


def mean_of_planes(values: Float32Array) -> Float32Array:
    """Return the mean over the planes, the first axis, which keeps length 1."""
    return np.asarray(values.mean(axis=0, keepdims=True), np.float32)


def largest_of_planes(values: Float32Array) -> Float32Array:
    """Return the maximum over the planes, the first axis, which keeps length 1."""
    return np.asarray(values.max(axis=0, keepdims=True), np.float32)
