"""Split an image into planes, and find the pixels that count."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from napari_tf_deblur._core.masking import blank_planes, fill_ignored, mark_gap, valid_pixels
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.bad_pixels import find_bad_pixels
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.arguments import CalibrationArguments
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.statistics import Statistics


@dataclass(frozen=True)
class UsablePixels:
    """The planes of an image, and which of their pixels count.

    The methods `subtract_offset` and `fill_gap` change `values` in place.

    Attributes
    ----------
    layout : PlaneLayout
        How the image was split into planes.
    values : ndarray of float32
        Intensities of shape (planes, channels, *frame). Ignored pixels are filled.
    ignored : ndarray of bool or None
        Pixels that do not count, of shape (planes, 1, *frame); None for no mask.
    valid : ndarray of bool or None
        Pixels that count, broadcastable to `values`; None for all.
    bad : ndarray of bool or None
        Bad pixels that were found, of shape (planes, 1, *frame); None for no bad pixels.
    blank : set of int
        Planes in which no pixel counts.
    gap : tuple of slice
        Lines along each deblurred axis that lie beyond the image, if this is a piece of one.
    hides_areas : bool
        Whether ignored pixels form areas.
    noise_lines : mapping of int to VarianceLine
        For each channel, the variance of the noise over the intensity, in the units of the image.
        Channels for which it was not needed are missing.
    noise_sample : NoiseSample or None
        What the noise of the pixels that count is estimated from, if it was measured.
    """

    layout: PlaneLayout
    values: Float32Array
    ignored: BoolArray | None
    valid: BoolArray | None
    bad: BoolArray | None
    blank: set[int]
    gap: tuple[slice, ...]
    hides_areas: bool
    noise_lines: Mapping[int, VarianceLine]
    noise_sample: NoiseSample | None

    @classmethod
    def from_planes(
        cls,
        layout: PlaneLayout,
        values: Float32Array,
        arguments: CalibrationArguments,
        psf: PSF,
        global_values: GlobalValues | None = None,
    ) -> Self:
        """Apply the masks, find bad pixels, and fill what is ignored.

        Parameters
        ----------
        layout : PlaneLayout
            How the image was split into planes.
        values : ndarray of float32
            The planes, of shape (planes, channels, *frame); they are changed in place.
        arguments : CalibrationArguments
            The image, its masks, and the part of an image that it is.
        psf : ndarray of float32
            Point spread function of sum 1.
        global_values : GlobalValues, optional
            Values of the whole image, if this is a piece of one.

        Raises
        ------
        ValueError
            If no pixel counts, if pixels that count are NaN or infinite, or if the intensities
            are too large or too small for float32.
        """
        gap = arguments.part.gap
        ignored = layout.ignored_pixels(arguments.image, arguments.mask)
        gap_mask = mark_gap(layout.frame, gap)
        if gap_mask is not None:
            gap_mask = np.broadcast_to(gap_mask, (len(values), 1, *layout.frame))
            ignored = gap_mask if ignored is None else ignored | gap_mask
        blank = blank_planes(values, ignored)
        valid = valid_pixels(values, ignored, blank)
        used = [plane for plane in range(len(values)) if plane not in blank]
        noise_lines = dict(global_values.noise_lines) if global_values else {}
        samples: dict[int, NoiseSample] = {}
        bad = find_bad_pixels(Pixels(values, valid), used, psf, noise_lines, samples)
        if bad is not None:
            ignored = bad if ignored is None else ignored | bad
            valid = np.broadcast_to(~ignored, bad.shape)
        hides_areas = valid is not None and fill_ignored(values, valid, used)
        return cls(
            layout=layout,
            values=values,
            ignored=ignored,
            valid=valid,
            bad=bad,
            blank=blank,
            gap=gap,
            hides_areas=global_values.hides_areas if global_values else hides_areas,
            noise_lines=noise_lines,
            noise_sample=samples.get(0) if bad is None and values.shape[1] == 1 else None,
        )

    @property
    def used(self) -> list[int]:
        """Planes that have pixels that count."""
        return [plane for plane in range(len(self.values)) if plane not in self.blank]

    def statistics(self, psf: PSF, periodic: bool, sample_is_known: bool = True) -> Statistics:
        """Return the measurements of the used planes."""
        valid = self.valid[self.used] if self.blank and self.valid is not None else self.valid
        sample = self.noise_sample if sample_is_known else None
        return Statistics(self._used_values(), valid, psf, periodic, sample)

    def subtract_offset(self, offset: float, image: Statistics) -> Statistics:
        """Subtract an offset from the used planes; return measurements without it."""
        sample = image.noise_sample.subtract_offset(offset)  # measured before values change
        for plane in self.used:
            self.values[plane] -= np.float32(offset)
        return replace(image, values=self._used_values(), known_sample=sample)

    def fill_gap(self) -> None:
        """Mirror the image into the lines beyond it, as :meth:`Grid.extend_mirrored` does."""
        if not any(part.stop > part.start for part in self.gap):
            return
        image, scene = self.values, self.values.shape[2:]
        for axis, part in enumerate(self.gap, 2):
            ends = (slice(part.stop, None), slice(0, part.start))
            image = np.concatenate([image[(slice(None),) * axis + (end,)] for end in ends], axis)
        grid = Grid(image.shape[2:], scene, tuple(part.stop for part in self.gap))
        self.values[...] = grid.extend_mirrored(image)

    def _used_values(self) -> Float32Array:
        """The values of the used planes; a copy only if some planes are blank."""
        return self.values[self.used] if self.blank else self.values
