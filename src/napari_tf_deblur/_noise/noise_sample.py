"""Measure once all that estimates of noise and background need from the pixels of an image."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.blocks import Blocks, measure_blocks
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.noise_level import NOISE_SAMPLE_PIXELS, estimate_noise_level
from napari_tf_deblur._noise.slabs import (
    find_peak_and_unit,
    highest_value,
    lowest_value,
    select_valid,
)


@dataclass(frozen=True, eq=False)
class NoiseSample:
    """What the noise of an image is estimated from.

    Attributes
    ----------
    level : float
        Standard deviation of the noise at most pixels, in image units, from
        :func:`.estimate_noise_level`.
    unit : float
        Image units per unit of all other intensities, see :func:`.find_peak_and_unit`.
    peak : float
        Largest absolute intensity; 0 for an image of zeros.
    lowest, highest : float
        Lowest and highest intensity.
    step : float
        Step to which intensities are rounded; 0 if they are not.
    part_at_lowest : float
        Part of the pixels that have the lowest intensity, 0 to 1.
    blocks : Blocks or None
        Measurements of blocks; None if no block has more than one intensity.
    axes : int
        Number of axes of a frame.
    """

    level: float
    unit: float
    peak: float
    lowest: float
    highest: float
    step: float
    part_at_lowest: float
    blocks: Blocks | None
    axes: int

    @classmethod
    def from_pixels(cls, pixels: Pixels, level: float | None = None) -> Self:
        """Measure an image.

        Parameters
        ----------
        pixels : Pixels
            Shape (planes, channels, *frame). Of large images, a part is used.
        level : float, optional
            Result of `estimate_noise_level`, if it was measured before.
        """
        peak, unit = find_peak_and_unit(pixels)
        level = estimate_noise_level(pixels) if level is None else level
        values, lowest = select_valid(pixels), lowest_value(pixels)
        return cls(
            level=level,
            unit=unit,
            peak=peak,
            lowest=lowest / unit,
            highest=highest_value(pixels) / unit,
            step=find_rounding_step(pixels) / unit,
            part_at_lowest=np.count_nonzero(values == lowest) / max(values.size, 1),
            blocks=measure_blocks(pixels, level, NOISE_SAMPLE_PIXELS),
            axes=pixels.values.ndim - 2,
        )

    def subtract_offset(self, offset: float) -> Self:
        """Return the measurements of the image after an offset, in image units, was subtracted."""
        shift, blocks = offset / self.unit, self.blocks
        if blocks is not None:
            blocks = blocks._replace(
                mean=blocks.mean - shift, neighbour_maximum=blocks.neighbour_maximum - shift
            )
        return replace(
            self, lowest=self.lowest - shift, highest=self.highest - shift, blocks=blocks
        )
