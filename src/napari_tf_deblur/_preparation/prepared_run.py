"""From the arguments to what a solver takes: checks, calibration, batches that fit the memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, get_args

import numpy as np

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.masking import blank_planes, fill_ignored, mark_gap, valid_pixels
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout, real_array, relative_spacing
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.psf_check import psf_warnings, refuse_partial_psf
from napari_tf_deblur._core.psf_resizing import resize_psf
from napari_tf_deblur._core.scene_grid import Boundary, Grid
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.bad_pixels import find_bad_pixels
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation import memory, method_choice
from napari_tf_deblur._preparation.arguments import (
    CalibrationArguments,
)
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.image_check import image_warnings
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur._preparation.problem import Problem
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import FromImage, Method

MAX_NEGATIVE_PART = 0.05
"""Part of the range below the background that does no harm. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""


@dataclass(frozen=True)
class PreparedRun:
    """A checked deconvolution, ready to be solved batch by batch.

    Attributes
    ----------
    planes : Planes
        How the image was taken apart.
    values : ndarray of float32
        Shape (planes, channels, *frame), in the image's units; in the planes to be solved
        ignored pixels are filled and the method's offset is subtracted.
    valid : ndarray of bool or None
        Which pixels count, broadcastable to `values`; None for all.
    batches : tuple of tuple of int
        The planes that are solved together, all batches of one size: the last plane comes
        several times where need be. Planes without any pixel that counts are in none.
    psf : ndarray of float32
        Of sum 1, as wide as the calibration says.
    boundary : {"unknown", "zero", "periodic"}
        What lies beyond the frame.
    calibration : Calibration
        The method with its values filled in, and the scale of intensities.
    spacing : tuple of float
        Voxel size relative to the finest.
    grid : Grid
        Of one plane.
    roomy : bool
        Whether a run may take more memory than it must, to be faster.
    blur : BlurEstimate or None
        What the PSF was made of, where none was given.
    rival : Calibration or None
        Of another method, which is taken if trials show that it predicts the image better.
    weight_to_find : {"auto", "cross-validated"} or None
        How the weight shall be found; the method has one that about suits the image.
    hides_areas : bool
        Whether areas, and not only pixels, do not count.
    noise_lines : mapping of int to Line
        Of each channel, the noise's variance over the intensity, in which broken pixels were
        looked for.
    gap : tuple of slice
        Of a piece of an image: what lies beyond it, along each deblurred axis.
    are_samples : bool
        Whether the planes are samples of one image.
    warnings : tuple of Notice
        What the user should know.
    """

    planes: PlaneLayout
    values: Float32Array
    valid: BoolArray | None
    batches: tuple[tuple[int, ...], ...]
    psf: PSF
    boundary: Boundary
    calibration: Calibration
    spacing: tuple[float, ...]
    grid: Grid
    has_spare_memory: bool
    blur: BlurEstimate | None
    rival: Calibration | None
    weight_to_find: FromImage | None
    hides_areas: bool
    noise_lines: Mapping[int, VarianceLine]
    gap: tuple[slice, ...]
    are_samples: bool
    warnings: tuple[Notice, ...]

    @classmethod
    def from_arguments(
        cls, arguments: CalibrationArguments, blur: BlurEstimate | None = None
    ) -> Self:
        """Check everything; find what the calibration, or the blur, does not say already."""
        boundary, wanted = arguments.boundary, arguments.method
        psf, blur = _resolve_psf(arguments, blur)
        psf_says = () if blur else psf_warnings(psf)
        if isinstance(wanted, Calibration) and wanted.psf_width != 1:
            psf = resize_psf(psf, wanted.psf_width)
        planes, values = PlaneLayout.split_image(
            arguments.image, psf, arguments.channel_axis, arguments.alpha
        )
        spacing = relative_spacing(arguments.spacing, psf.ndim)
        gap = arguments.part.gap
        ignored = planes.ignored_pixels(arguments.image, arguments.mask)
        beyond = mark_gap(planes.frame, gap)
        if beyond is not None:
            beyond = np.broadcast_to(beyond, (len(values), 1, *planes.frame))
            ignored = beyond if ignored is None else ignored | beyond
        blank = blank_planes(values, ignored)
        valid = valid_pixels(values, ignored, blank)
        used = [plane for plane in range(len(values)) if plane not in blank]
        shared = wanted.global_values if isinstance(wanted, Calibration) else None
        noise_lines = dict(shared.noise_lines) if shared else {}
        broken = find_bad_pixels(Pixels(values, valid), used, psf, noise_lines)
        if broken is not None:
            ignored = broken if ignored is None else ignored | broken
            valid = np.broadcast_to(~ignored, broken.shape)
        hides_areas = valid is not None and fill_ignored(values, valid, used)
        hides_areas = shared.hides_areas if shared else hides_areas
        usable = valid[used] if blank and valid is not None else valid
        image = Statistics(values[used] if blank else values, usable, psf, boundary == "periodic")
        method, reason, rival = method_choice.choose_method(wanted, image)
        weight: Any = getattr(method, "weight", None)
        weight_to_find: FromImage | None = weight if weight in get_args(FromImage) else None
        grid = _make_grid(planes, psf, boundary, method)
        batch, roomy = memory.plan_batch(grid, values.shape, method)
        told, method = method, method.with_offset(image)
        error = None if told is method else image.background.error
        if method.offset:
            for plane in used:
                values[plane] -= np.float32(method.offset)
            image = replace(image, values=values[used] if blank else values)
        if beyond is not None:
            _mirror_gap(gap, values)
        known = wanted if isinstance(wanted, Calibration) else None
        calibration = known or Calibration.from_statistics(method, image, reason, error, blur)
        # An offset changes neither scale nor noise nor slopes: what is measured serves both.
        other = (
            Calibration.from_statistics(rival.method, image, rival.reason, error, blur)
            if rival
            else None
        )
        counting = None if ignored is None else planes.join_mask(~ignored)
        pixels = planes.drop_transparency(np.asarray(arguments.image))
        warnings = list(image_warnings(pixels, background=method.offset, valid=counting))
        warnings += [*psf_says, *_run_warnings(planes, psf, blank)]
        if broken is not None:
            words = (
                f"{np.count_nonzero(broken)} single pixel(s) stand out from their neighbours as no "
                "light does that went through this PSF (hot or dead pixels, cosmic rays), and were "
                "ignored."
            )
            warnings.append(Notice("bad pixels", words))
        warnings += [Notice("PSF found", str(blur))] if blur else []
        if calibration.psf_width != 1:
            words = (
                f"Deblurred with a PSF {calibration.psf_width:.2g} times as wide as "
                f"{'the one found' if blur else 'the one given'}, with which trials predicted the "
                "image better. To use a PSF as it is, give the weight as a number (in the dock: "
                "'Advanced', 'Weight')."
            )
            warnings.append(Notice("PSF narrowed", words))
        if method.counts_photons and _is_negative(image, calibration.scale):
            words = (
                f"The image has values below {'its background' if method.offset else 'zero'}, "
                "which this method takes for noise: light has none. Set the background to what "
                "the camera shows without light."
            )
            warnings.append(Notice("negative values", words))
        return cls(
            planes=planes,
            values=values,
            valid=valid,
            batches=memory.make_batches(used, batch),
            psf=psf,
            boundary=boundary,
            calibration=calibration,
            spacing=spacing,
            grid=grid,
            has_spare_memory=roomy,
            blur=blur,
            rival=other,
            weight_to_find=weight_to_find,
            hides_areas=hides_areas,
            noise_lines=noise_lines,
            gap=gap,
            are_samples=arguments.part.are_samples,
            warnings=tuple(warnings),
        )

    def original_planes(self) -> Float32Array:
        """The planes in the image's units, the offset not subtracted; ignored pixels are filled."""
        values = self.values.copy()
        offset = np.float32(self.calibration.method.offset)
        for plane in {plane for batch in self.batches for plane in batch}:
            values[plane] += offset
        return values

    def original_image(self) -> Float32Array:
        """The image as it was, in its own shape."""
        return self.planes.join_planes(self.original_planes())

    def build_problem(self, batch: tuple[int, ...]) -> Problem:
        """Pose the problem of some planes."""
        method, scale = self.calibration.method, self.calibration.scale
        observed = self.values[list(batch)] / np.float32(scale)
        weight = method.noise_weights(observed, self.psf, scale)
        if weight is None:
            weight = np.ones((1,) * observed.ndim, dtype=np.float32)
        if self.valid is not None:
            weight = weight * self.valid[list(batch)]
        return Problem(
            observed=observed,
            data_weight=weight,
            psf=self.psf,
            grid=self.grid,
            dark_outside=self.boundary == "zero",
            spacing=self.spacing,
            scale=scale,
            hides_areas=self.hides_areas,
            gap=self.gap,
            are_samples=self.are_samples,
            global_values=self.calibration.global_values,
        )


def _make_grid(planes: PlaneLayout, psf: PSF, boundary: Boundary, method: Method) -> Grid:
    unknown = boundary == "unknown"
    reach, times = (PSF_LIGHT_KEPT, method.reach) if unknown else (1.0, 1)
    return Grid.around(planes.frame, psf, boundary, reach, times)


def _mirror_gap(gap: tuple[slice, ...], values: Float32Array) -> None:
    """Continue planes over what lies beyond their image, as :meth:`Grid.extend_mirrored` does."""
    frame, scene = values, values.shape[2:]
    for axis, part in enumerate(gap, 2):
        ends = (slice(part.stop, None), slice(0, part.start))
        frame = np.concatenate([frame[(slice(None),) * axis + (end,)] for end in ends], axis)
    grid = Grid(frame.shape[2:], scene, tuple(part.stop for part in gap))
    values[...] = grid.extend_mirrored(frame)


def _resolve_psf(
    arguments: CalibrationArguments, known: BlurEstimate | None
) -> tuple[PSF, BlurEstimate | None]:
    """The PSF that was given, or that of the image's own blur, which may be known already."""
    axes = _axes_to_deblur(arguments)
    if isinstance(arguments.psf, BlurEstimate):
        return arguments.psf.psf(), arguments.psf
    if arguments.psf is not None:
        return refuse_partial_psf(check_psf(arguments.psf, most_axes=axes)), None
    if isinstance(arguments.method, Calibration):
        known = known or arguments.method.blur
    blur = known or estimate_blur(
        arguments.image,
        ndim=min(axes, 2) if arguments.spacing is None else np.size(arguments.spacing),
        channel_axis=arguments.channel_axis,
        alpha=arguments.alpha,
        spacing=arguments.spacing,
        mask=arguments.mask,
    )
    return blur.psf(), blur


def _axes_to_deblur(arguments: CalibrationArguments) -> int:
    return real_array(arguments.image).ndim - (arguments.channel_axis is not None)


def _is_negative(image: Statistics, scale: float) -> bool:
    """Whether values are so far below zero that the noise does not explain it."""
    lowest = -float(image.values.min())
    return (
        lowest > MAX_NEGATIVE_PART * scale
        and lowest > method_choice.MAX_NEGATIVE_SIGMAS * image.noise_level
    )


def _run_warnings(planes: PlaneLayout, psf: PSF, blank: set[int]) -> Iterator[Notice]:
    """Say in words what the user should know before a run."""
    if blank:
        names = ", ".join(planes.plane_name(plane) for plane in sorted(blank))
        yield Notice(
            "blank planes",
            f"Plane{'s' * (len(blank) > 1)} {names} of the image: no pixel that is a number and "
            "not masked, so that there is nothing to deblur; left as it was.",
        )
    if any(p > n for p, n in zip(psf.shape, planes.frame)):
        yield Notice(
            "PSF larger than the image",
            f"The PSF of {' x '.join(map(str, psf.shape))} pixels is larger than the image of "
            f"{' x '.join(map(str, planes.frame))}: light from beyond the frame counts as much "
            "as what lies in it, and the image says little of that.",
        )
