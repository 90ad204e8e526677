"""Runs the deblurring of one layer: the request, its steps and its result."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.errors import InvalidValueError, StoppedError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import Step, map_steps
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.contrast import thin_pixels
from napari_tf_deblur._layers.job_record import build_record
from napari_tf_deblur._layers.large_job import is_large
from napari_tf_deblur._layers.large_job_steps import iterate_large_job
from napari_tf_deblur._layers.layer_image import LayerImage
from napari_tf_deblur._layers.masks import with_nan, with_saturated
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, MicroscopePSF, PlacedPSFs, PSFKind
from napari_tf_deblur._layers.psf_kinds.image_psf import (
    along_the_axis,
    check_varying,
    make_psf,
    record_psf,
    skew_notice,
)
from napari_tf_deblur._layers.reading import read_in_steps
from napari_tf_deblur._layers.resolutions import build_resolutions
from napari_tf_deblur._layers.result import (
    INTENSITY_UNIT,
    NOISE_UNIT,
    Result,
    match_source_contrast,
    to_display_values,
)
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.skew import Skew, find_skew
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._layers.stage import Stage as Stage
from napari_tf_deblur._noise.standardise import standardise_residual
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._storage.axes import Frame
from napari_tf_deblur.deconvolve import (
    NO_UNCERTAINTY_OF_PIECES,
    NO_UNCERTAINTY_OF_TILES,
    iter_deconvolve,
)
from napari_tf_deblur.methods import Auto, Method

DEFAULT_OPTIONS = LayerOptions()

NO_VARYING_PSF_OF_PIECES = (
    "A PSF that varies is possible only where the image fits into memory as a whole: use one PSF."
)


@dataclass(frozen=True)
class Job:
    """The request for one run. It is complete before the run begins, and needs no layer then.

    Attributes
    ----------
    source : Source
        The image.
    psf : PSFKind
        The PSF. Its number of axes decides which axes of the image are deblurred.
    method : Method or "auto"
        The method; "auto" chooses one from the image.
    options : LayerOptions
        The options of the run.
    mask : callable, optional
        Function without arguments that returns the mask: True for pixels to ignore.
    mask_origin : Origin, optional
        Where the mask came from, if it is a labels layer.
    calibration : Calibration, optional
        The calibration of another image. It replaces the values that `method` would find in this
        image.
    output : Path, optional
        Folder of the OME-Zarr into which the result is written. By default, the result of an
        image that does not fit into memory is written to a folder beside its file.
    uncertainty : bool
        Whether the standard deviations of the result are estimated, too.
    """

    source: Source
    psf: PSFKind
    method: Method | Auto
    options: LayerOptions = DEFAULT_OPTIONS
    mask: Callable[[], BoolArray] | None = None
    mask_origin: Origin | None = None
    calibration: Calibration | None = None
    output: Path | None = None
    uncertainty: bool = False

    def check(self) -> None:
        """Raise an error if PSF or uncertainty do not suit the image. No pixel is read."""
        self.psf.check(self.source)
        if self.options.varying_psf:
            check_varying(self.psf, self.skew)
            if is_large(self):
                raise InvalidValueError(NO_VARYING_PSF_OF_PIECES)
        if self.uncertainty and self.psf_varies:
            raise InvalidValueError(NO_UNCERTAINTY_OF_TILES)
        if self.uncertainty and is_large(self):
            raise InvalidValueError(NO_UNCERTAINTY_OF_PIECES)

    @property
    def psf_varies(self) -> bool:
        """Whether there are several PSFs."""
        return self.options.varying_psf or isinstance(self.psf, PlacedPSFs)

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Warnings that the user should read before the run begins."""
        notices = self.psf.warnings(along_the_axis(self.source, self.skew))
        return (*notices, *((skew_notice(self.psf, self.skew),) if self.skew else ()))

    @cached_property
    def skew(self) -> Skew | None:
        """How the planes of a skewed stack are placed; None for other images."""
        return find_skew(self.source, self.psf.ndim, self.options.skew_angle)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distances of pixels and planes for the core; those of planes along the optical axis."""
        return along_the_axis(self.source, self.skew).frame(self.psf.ndim).spacing

    def make_psf(self) -> tuple[Float32Array | VaryingPSF, tuple[str, ...]]:
        """Make the PSF on the voxels of the image; return it, and what was done, in words."""
        return make_psf(self.psf, self.source, self.skew, self.options.varying_psf)

    def record_psf(self) -> dict[str, Any]:
        """Return the record of the PSF."""
        return record_psf(self.psf, self.source, self.skew, self.options.varying_psf)

    @property
    def makes_multiscale(self) -> bool:
        """Whether the result has several resolutions."""
        return self.source.origin.multiscale or is_large(self)

    def steps(
        self, stop: Event | None = None, solver: Solver = THIS_PROCESS
    ) -> Generator[Stage | Step, None, Result | None]:
        """Run the job; yield its progress, and return the result.

        Parameters
        ----------
        stop : threading.Event, optional
            Set it to stop the run. The run then returns its best image so far.
        solver : Solver, optional
            Where the image is deblurred.

        Yields
        ------
        Stage or Step
            First stages, then steps. The image of a step has the axes, dtype and resolutions that
            the layer of the result has.

        Returns
        -------
        Result or None
            The result; None if the run was stopped before its first iteration.
        """
        stop = stop or Event()
        self.check()
        if is_large(self):
            return (yield from iterate_large_job(self, stop, solver))
        yield Stage(self.psf.progress_text)
        blur = self._find_blur(stop, solver)
        psf, notes = (blur.psf(), (str(blur),)) if blur else self.make_psf()
        frame = self.source.frame(psf.ndim)
        yield Stage("reading", psf=None if isinstance(psf, VaryingPSF) else psf)
        fractions = read_in_steps(self.source.data, stop)
        image = yield from map_steps(fractions, lambda fraction: Stage("reading", fraction))
        if stop.is_set():
            return None
        yield Stage("preparing")
        mask = self.build_mask(image, frame)
        source_pixels = thin_pixels(image)
        steps = solver.iterate(
            iter_deconvolve,
            frame.to_core(image),
            blur or psf,
            self.calibration or self.method,
            channel_axis=self.source.channel_axis,
            alpha=self.source.has_alpha,
            spacing=self.spacing,
            mask=mask,
            stop=stop,
            uncertainty=self.uncertainty,
            **self.options.run_arguments(),
        )

        def to_layer_step(step: Step) -> Step:
            return replace(step, image_source=LayerImage(step.image_source, frame, self.source))

        deconvolution = self.restrict_verdict((yield from map_steps(steps, to_layer_step)))
        data = to_display_values(frame.from_core(deconvolution.image), self.source)
        warnings = tuple(dict.fromkeys((*self.warnings, *deconvolution.warnings)))
        stopped = stop.is_set() and not deconvolution.converged
        residual, unit = self._scale_residual(
            deconvolution.residual,
            frame.to_core(image),
            psf.ndim,
            partial(solver.call, standardise_residual, stop=stop),
        )
        uncertainty = deconvolution.uncertainty
        return Result(
            name=format_result_name(self.source.name, type(deconvolution.method)),
            data=build_resolutions(data, self.source),
            residual=frame.from_core(residual),
            residual_unit=unit,
            uncertainty=None if uncertainty is None else frame.from_core(uncertainty),
            limits=match_source_contrast(
                self.source, source_pixels, data, deconvolution.method.offset
            ),
            deconvolution=deconvolution,
            notes=notes,
            warnings=warnings,
            record=build_record(self, deconvolution, psf, notes, mask, frame, warnings, stopped),
        )

    def restrict_verdict(self, deconvolution: Deconvolution) -> Deconvolution:
        """Return the result; if the PSF depends on a medium that was not given, it says so."""
        if not (isinstance(self.psf, MicroscopePSF) and self.psf.needs_medium):
            return deconvolution
        return replace(deconvolution, verdict=deconvolution.verdict.without_medium())

    def _find_blur(self, stop: Event, solver: Solver) -> BlurEstimate | None:
        """Return the estimated blur, if the PSF is one; that of the calibration comes first."""
        if not isinstance(self.psf, EstimatedPSF):
            return None
        calibrated_blur = self.calibration.blur if self.calibration else None
        estimate = partial(solver.call, estimate_blur, stop=stop)
        return calibrated_blur or self.psf.find(self.source, estimate)

    def _scale_residual(
        self, residual: NDArray[np.float32], image: NDArray[Any], ndim: int, standardise: Any
    ) -> tuple[NDArray[np.float32], str]:
        """Return the residual divided by its noise, if the noise is known; and its unit.

        The colours of a colour image are averaged. `standardise` is `standardise_residual`, or
        calls it elsewhere.
        """
        if self.source.rgb:
            image = image[..., : residual.shape[-1]].mean(axis=-1)
            residual = residual.mean(axis=-1)
        shape = residual.shape
        planes = (-1, 1, *shape[len(shape) - ndim :])
        standardised = None
        with suppress(StoppedError):  # there is no time to find the noise
            standardised = standardise(residual.reshape(planes), np.float32(image).reshape(planes))
        if standardised is None:
            return residual, INTENSITY_UNIT
        return standardised.reshape(shape), NOISE_UNIT

    def build_mask(self, image: NDArray[Any], frame: Frame) -> BoolArray | None:
        """Return the pixels to ignore, with the axes in the order of the core."""
        mask = self.mask() if self.mask is not None else None
        if self.options.ignore_nan:
            mask = with_nan(mask, image, self.source.rgb)
        if self.options.ignore_saturated:
            mask = with_saturated(mask, image, self.source.rgb)
        if mask is None or frame.is_trailing:
            return mask
        with suppress(ValueError):  # the core explains that the mask does not fit
            mask = np.broadcast_to(mask, self.source.shape)
        return frame.to_core(mask) if mask.ndim == self.source.ndim else mask
