"""What a run computes from all of its pixels: pieces of one image must share it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence

Reduce = Callable[[Float32Array], Float32Array]


@dataclass(frozen=True)
class GlobalValues:
    """Iterations, and what a solver takes from all pixels of an image.

    A piece that found them by itself would differ from its neighbours, and a seam would be seen.

    Attributes
    ----------
    iterations : int
        Number of iterations; the change of the image is not looked at any more.
    converged : bool
        Whether the image stopped changing by then.
    hides_areas : bool
        Whether areas, and not only pixels, do not count.
    values : mapping of str to ndarray of float32
        By the solver's name for each; the first axis, that of the planes, has length 1.
    psf_evidence : PSFEvidence or None
        What the image says of the PSF; None if it was not asked.
    weight_evidence : WeightEvidence or None
        What trials say of the weight; None if they say nothing.
    noise_is_shared : bool
        Whether neighbouring pixels seem to share their noise, so that nothing can be told.
    noise_lines : mapping of int to Line
        Of each channel, the noise's variance over the intensity, in the image's units; those that
        are missing were not needed.
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
    """Reduce values, one for each plane, to their mean."""
    return np.asarray(values.mean(axis=0, keepdims=True), np.float32)


def largest_of_planes(values: Float32Array) -> Float32Array:
    """Reduce values, one for each plane, to the largest."""
    return np.asarray(values.max(axis=0, keepdims=True), np.float32)
