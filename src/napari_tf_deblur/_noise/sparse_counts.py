"""Tell whether an image counts single photons, most of its pixels none."""

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.blocks import measure_blocks
from napari_tf_deblur._noise.slabs import find_peak_and_unit, lowest_value, select_valid
from napari_tf_deblur._noise.variance_line import VarianceLine

MIN_EMPTY_PART, SPARSE_PART = 0.5, 0.98
"""Part of the pixels without a photon, and part of the image with less than `FAINTEST` photons,
from which on a step of intensity is a photon. Chosen by ``benchmarks/sparse_counts.py
--development``."""

DARK_BLOCK_PART, MAX_DARK_PHOTONS = 0.1, 0.1
"""Part of the blocks that must have less than so many photons per pixel: where some light lies
about everything, the counts are not sparse. Chosen by ``benchmarks/sparse_counts.py
--development``."""

MAX_STEPS_PER_PHOTON = 2.0
"""Steps per photon from which on intensities are no counts. Chosen by ``benchmarks/sparse_counts.py
--development``."""

PHOTON_COUNT_TOLERANCE = 0.01
"""Largest error of whole numbers of photons. Derived: rounding to float32 leaves less up to 80 000
photons."""


def counts_are_sparse(pixels: Pixels, level: float, line: VarianceLine) -> bool:
    """Whether an image counts photons one by one, and most of its pixels have none.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    usual : float
        Standard deviation of the noise in most places, as `measure_level_and_line` finds it.
    line : Line
        Of the variance, from there, too.

    Returns
    -------
    bool
        True if most pixels have the lowest value, the others whole steps more, the noise is that
        of photons of one step each, and parts of the image are dark.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.zeros((1, 1, 64, 64))
    >>> light[..., 8:16] = 0.8
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> counts_are_sparse(Pixels(counts), *level_and_line(Pixels(counts)))
    True
    >>> uneven = Pixels(counts + 0.1 * np.sin(counts))
    >>> counts_are_sparse(uneven, *level_and_line(uneven))
    False
    >>> lit = np.random.default_rng(0).poisson(light + 0.4).astype(np.float32)
    >>> counts_are_sparse(Pixels(lit), *level_and_line(Pixels(lit)))
    False
    """
    values, lowest = select_valid(pixels), lowest_value(pixels)
    if np.count_nonzero(values == lowest) < MIN_EMPTY_PART * values.size or not line.slope > 0:
        return False
    steps = np.unique(values[values > lowest]) - lowest
    if (
        not steps.size
        or not 1 / MAX_STEPS_PER_PHOTON < line.slope / steps[0] < MAX_STEPS_PER_PHOTON
    ):
        return False
    photons = steps / steps[0]
    if np.abs(photons - np.round(photons)).max() > PHOTON_COUNT_TOLERANCE:
        return False
    blocks = measure_blocks(pixels, level)
    unit = find_peak_and_unit(pixels)[1]
    darkest = np.inf if blocks is None else unit * float(np.quantile(blocks.mean, DARK_BLOCK_PART))
    return bool(darkest - lowest < MAX_DARK_PHOTONS * steps[0])
