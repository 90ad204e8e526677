"""Detect images of sparse photon counts, in which most pixels have no photon."""

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.slabs import lowest_value, select_valid
from napari_tf_deblur._noise.variance_line import VarianceLine

MIN_EMPTY_PART, SPARSE_PART = 0.5, 0.98
"""One step of intensity counts as one photon if at least the first part of the pixels has no
photon, and at least the second part of the blocks has at most `MIN_COUNTED_PHOTONS`. Chosen by
``benchmarks/sparse_counts.py --development``."""

DARK_BLOCK_PART, MAX_DARK_PHOTONS = 0.1, 0.1
"""Part of the blocks that must be dark, and the largest number of photons per pixel in a dark
block: with light everywhere, counts are not sparse. Chosen by ``benchmarks/sparse_counts.py
--development``."""

MAX_STEPS_PER_PHOTON = 2.0
"""Largest number of steps per photon in counts. Chosen by ``benchmarks/sparse_counts.py
--development``."""

PHOTON_COUNT_TOLERANCE = 0.01
"""Largest deviation from whole numbers of photons. Derived: rounding to float32 makes less, up to
80 000 photons."""


def counts_are_sparse(pixels: Pixels, sample: NoiseSample, line: VarianceLine) -> bool:
    """Whether an image counts single photons, and most of its pixels have none.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    sample : NoiseSample
        Its measurements.
    line : VarianceLine
        Variance of the noise over the intensity, from :func:`.fit_noise_line`.

    Returns
    -------
    bool
        True if most pixels have the lowest value, the others are whole steps above it, the noise
        is that of photons of one step each, and parts of the image are dark.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur._noise.noise_line import fit_noise_line
    >>> def are_sparse(image):
    ...     sample = NoiseSample.from_pixels(Pixels(image))
    ...     return counts_are_sparse(Pixels(image), sample, fit_noise_line(sample))
    >>> light = np.zeros((1, 1, 64, 64))
    >>> light[..., 8:16] = 0.8
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> are_sparse(counts)
    True
    >>> are_sparse(counts + 0.1 * np.sin(counts))
    False
    >>> are_sparse(np.random.default_rng(0).poisson(light + 0.4).astype(np.float32))
    False
    """
    if sample.part_at_lowest < MIN_EMPTY_PART or not line.slope > 0:
        return False
    values, lowest = select_valid(pixels), lowest_value(pixels)
    steps = np.unique(values[values > lowest]) - lowest
    if (
        not steps.size
        or not 1 / MAX_STEPS_PER_PHOTON < line.slope / steps[0] < MAX_STEPS_PER_PHOTON
    ):
        return False
    photons = steps / steps[0]
    if np.abs(photons - np.round(photons)).max() > PHOTON_COUNT_TOLERANCE:
        return False
    if sample.blocks is None:
        return False
    darkest = sample.unit * float(np.quantile(sample.blocks.mean, DARK_BLOCK_PART))
    return bool(darkest - lowest < MAX_DARK_PHOTONS * steps[0])
