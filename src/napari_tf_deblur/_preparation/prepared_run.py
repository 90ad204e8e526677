"""Turn the arguments of a run into what a solver takes: check, calibrate, plan the batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, get_args

import numpy as np

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.planes import PlaneLayout, real_array
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.psf_check import psf_warnings, refuse_partial_psf
from napari_tf_deblur._core.psf_resizing import resize_psf
from napari_tf_deblur._core.scene_grid import Boundary, Grid
from napari_tf_deblur._core.spacing import relative_spacing
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.arguments import CalibrationArguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur._preparation.method_choice import choose_method
from napari_tf_deblur._preparation.plane_brightness import PlaneBrightness
from napari_tf_deblur._preparation.problem import Problem
from napari_tf_deblur._preparation.run_warnings import (
    warn_of_calibration,
    warn_of_pixels,
    warn_of_planes,
)
from napari_tf_deblur._preparation.usable_pixels import UsablePixels
from napari_tf_deblur.methods import FromImage, Method


@dataclass(frozen=True)
class PreparedRun:
    """A checked deconvolution, ready to be solved batch by batch.

    Attributes
    ----------
    planes : PlaneLayout
        How the image was split into planes.
    values : ndarray of float32
        Intensities of shape (planes, channels, *frame), in the units of the image. In the planes
        to solve, ignored pixels are filled, the method's offset is subtracted, and planes of
        different brightness are divided by it.
    valid : ndarray of bool or None
        Pixels that count, broadcastable to `values`; None for all.
    batches : tuple of tuple of int
        Planes that are solved together. All batches have one size, so the last plane is repeated
        if necessary. Planes in which no pixel counts are in no batch.
    psf : ndarray of float32
        Point spread function of sum 1, as wide as the calibration says.
    boundary : {"unknown", "zero", "periodic"}
        What lies beyond the frame.
    calibration : Calibration
        The method with all its values filled in, and the scale of intensities.
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    grid : Grid
        Grid of one plane.
    has_spare_memory : bool
        Whether there is enough free memory to keep freed arrays.
    blur : BlurEstimate or None
        The estimated blur that the PSF was made from, if no PSF was given.
    rival : Calibration or None
        Calibration with another method, which is used if trials show that it predicts the image
        better.
    weight_to_find : {"auto", "cross-validated"} or None
        How the weight is to be found. The method has one that about suits the image.
    hides_areas : bool
        Whether ignored pixels form areas.
    noise_lines : mapping of int to VarianceLine
        For each channel, the variance of the noise over the intensity, in the units of the image.
        It was measured to find bad pixels.
    noise : (float, VarianceLine)
        Level and line of the noise of `values`, see :func:`.measure_level_and_line`.
    gap : tuple of slice
        Lines along each deblurred axis that lie beyond the image, if this is a piece of one.
    are_samples : bool
        Whether the planes are samples of one image.
    brightness : PlaneBrightness or None
        The brightness of the planes along z; None if all are equally bright.
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
    noise: tuple[float, VarianceLine]
    gap: tuple[slice, ...]
    are_samples: bool
    brightness: PlaneBrightness | None
    warnings: tuple[Notice, ...]

    @classmethod
    def from_arguments(
        cls, arguments: CalibrationArguments, blur: BlurEstimate | None = None
    ) -> Self:
        """Check the arguments, and estimate what neither the calibration nor `blur` contains.

        Parameters
        ----------
        arguments : CalibrationArguments
            The arguments of a public function.
        blur : BlurEstimate, optional
            The blur of the image, if it was estimated before; used where no PSF is given.
        """
        known = arguments.method if isinstance(arguments.method, Calibration) else None
        psf, blur = _resolve_psf(arguments, blur)
        psf_notices = () if blur else psf_warnings(psf)
        if known and known.psf_width != 1:
            psf = resize_psf(psf, known.psf_width)
        layout, values = PlaneLayout.split_image(
            arguments.image, psf, arguments.channel_axis, arguments.alpha
        )
        spacing = relative_spacing(arguments.spacing, psf.ndim)
        pixels = UsablePixels.from_planes(
            layout, values, arguments, psf, known.global_values if known else None
        )

        image = pixels.statistics(psf, periodic=arguments.boundary == "periodic")
        choice = choose_method(arguments.method, image)
        grid = plan_grid(layout.frame, psf, arguments.boundary, choice.method)
        batch_size, has_spare_memory = memory.plan_batch(grid, values.shape, choice.method)

        method = choice.method.with_offset(image)
        option = arguments.plane_brightness
        background = image.background.level if psf.ndim == 3 and option != "equal" else 0.0
        background_error = None if method is choice.method else image.background.error
        if method.offset:
            image = pixels.subtract_offset(method.offset, image)
        brightness = PlaneBrightness.choose(option, pixels, psf, background, method.offset)
        if brightness:
            brightness.divide(values, pixels.used)
            image = pixels.statistics(psf, image.periodic, sample_is_known=False)
        pixels.fill_gap()
        calibration = known or Calibration.from_statistics(
            method, image, choice.reason, background_error, blur
        )
        rival = None
        if choice.rival:
            # An offset changes neither scale nor noise nor slopes: both methods share `image`.
            rival = Calibration.from_statistics(
                choice.rival.method, image, choice.rival.reason, background_error, blur
            )
        warnings = (
            *warn_of_pixels(arguments.image, pixels, method.offset),
            *psf_notices,
            *warn_of_planes(pixels, psf),
            *((brightness.notice(),) if brightness else ()),
            *warn_of_calibration(calibration, image, blur),
        )
        return cls(
            planes=layout,
            values=values,
            valid=pixels.valid,
            batches=memory.make_batches(pixels.used, batch_size),
            psf=psf,
            boundary=arguments.boundary,
            calibration=calibration,
            spacing=spacing,
            grid=grid,
            has_spare_memory=has_spare_memory,
            blur=blur,
            rival=rival,
            weight_to_find=_weight_to_find(choice.method),
            hides_areas=pixels.hides_areas,
            noise_lines=pixels.noise_lines,
            noise=(image.noise_level, image.noise_line),
            gap=pixels.gap,
            are_samples=arguments.part.are_samples,
            brightness=brightness,
            warnings=warnings,
        )

    @property
    def used_planes(self) -> list[int]:
        """The planes that are deblurred, in order."""
        return sorted({plane for batch in self.batches for plane in batch})

    def original_planes(self) -> Float32Array:
        """Return the planes in the image's units, with the offset; ignored pixels are filled."""
        values = self.values_without_offset()
        offset = np.float32(self.calibration.method.offset)
        for plane in self.used_planes:
            values[plane] += offset
        return values

    def values_without_offset(self) -> Float32Array:
        """Return the planes as they were, except for the offset; ignored pixels are filled."""
        values = self.values.copy()
        if self.brightness:
            self.brightness.multiply(values, self.used_planes)
        return values

    def original_image(self) -> Float32Array:
        """Return the image as it was, in its own shape; ignored pixels are filled."""
        return self.planes.join_planes(self.original_planes())

    def build_problem(self, batch: tuple[int, ...]) -> Problem:
        """Build the problem of a batch of planes."""
        method, scale = self.calibration.method, self.calibration.scale
        observed = self.values[list(batch)] / np.float32(scale)
        weight = method.noise_weights(observed, self.psf, scale)
        if weight is None:
            weight = np.ones((1,) * observed.ndim, dtype=np.float32)
        if self.brightness:
            weight = weight * self.brightness.factors[list(batch)]
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


def plan_grid(
    frame: tuple[int, ...],
    psf: PSF,
    boundary: Boundary,
    method: Method,
    light_kept: float = PSF_LIGHT_KEPT,
) -> Grid:
    """Plan the grid of a plane: the frame and the margin for this part of the PSF's light."""
    light, reach = (light_kept, method.reach) if boundary == "unknown" else (1.0, 1)
    return Grid.around(frame, psf, boundary, light, reach)


def _weight_to_find(method: Method) -> FromImage | None:
    """How the weight of a method is to be found; None if it is given or if there is none."""
    weight = getattr(method, "weight", None)
    options: tuple[FromImage, ...] = get_args(FromImage)
    return next((option for option in options if option == weight), None)


def _resolve_psf(
    arguments: CalibrationArguments, known: BlurEstimate | None
) -> tuple[PSF, BlurEstimate | None]:
    """Return the PSF that was given, or that of the image's own blur, with the estimate."""
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
