"""What one run does: all it needs, taken from the layers, its steps, and its result."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import Step, StoredImage, map_steps
from napari_tf_deblur._core.typing import PSF, BoolArray
from napari_tf_deblur._large.sample_calibration import SampleCalibration
from napari_tf_deblur._layers.contrast import match_contrast_limits, thin_pixels
from napari_tf_deblur._layers.large_job import (
    is_large,
    read_some_pixels,
    solve_large,
    to_layer_order,
    write_record,
)
from napari_tf_deblur._layers.layer_image import LayerImage, LayerLevels
from napari_tf_deblur._layers.masks import with_nan, with_saturated
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, LayerPSF, PSFKind
from napari_tf_deblur._layers.reading import read_in_steps
from napari_tf_deblur._layers.resolutions import build_resolutions
from napari_tf_deblur._layers.result import (
    INTENSITY_UNIT,
    NOISE_UNIT,
    Result,
    to_display_values,
)
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.script_text import format_call
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._noise.standardise import standardise_residual
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.layer_options import LayerOptions, format_run_arguments
from napari_tf_deblur._preparation.run_options import RunOptions
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._storage.axes import Frame
from napari_tf_deblur.deconvolve import iter_deconvolve
from napari_tf_deblur.methods import Auto, Method

DEFAULT_OPTIONS = LayerOptions()


@dataclass(frozen=True)
class Stage:
    """What a run does before its iterations.

    Attributes
    ----------
    name : str
        What is going on; the same name may come several times.
    fraction : float
        How much of this stage is done, 0 to 1.
    psf : ndarray, optional
        The PSF, once it is made.
    """

    name: str
    fraction: float = 0.0
    psf: PSF | None = None


@dataclass(frozen=True)
class Job:
    """All that one run needs, taken from the layers before it begins.

    Attributes
    ----------
    source : Source
        The image.
    psf : PSFKind
        The PSF; its number of axes says which axes are deblurred.
    method : Method or "auto"
        What to do; "auto" picks a method from the image.
    options : LayerOptions
        The options of the run.
    mask : callable, optional
        Returns which pixels to ignore.
    mask_origin : Origin, optional
        Where the mask came from, if it is a layer of labels.
    calibration : Calibration, optional
        What was found from another image, in place of what `method` would find from this one.
    output : Path, optional
        Folder of an OME-Zarr into which the result is written. Where the image takes too much
        memory and none is given, one beside its file.
    """

    source: Source
    psf: PSFKind
    method: Method | Auto
    options: LayerOptions = DEFAULT_OPTIONS
    mask: Callable[[], BoolArray] | None = None
    mask_origin: Origin | None = None
    calibration: Calibration | None = None
    output: Path | None = None

    def check(self) -> None:
        """Refuse at once what cannot be done, without looking at pixels."""
        self.psf.check(self.source)

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What the user should know before it begins."""
        return self.psf.warnings(self.source)

    @property
    def makes_multiscale(self) -> bool:
        """Whether its result has several resolutions."""
        return self.source.origin.multiscale or is_large(self)

    def steps(self, stop: Event | None = None) -> Generator[Stage | Step, None, Result | None]:
        """Do it: yield what is going on, return the result.

        Parameters
        ----------
        stop : threading.Event, optional
            Set it to be given the best image so far.

        Yields
        ------
        Stage or Step
            A step's image is as a layer shows it.

        Returns
        -------
        Result or None
            What goes into the layer; nothing if it was stopped before the first iteration.
        """
        stop = stop or Event()
        self.check()
        if is_large(self):
            return (yield from self._large_steps(stop))
        yield Stage(self.psf.progress_text)
        blur = self._find_blur()
        psf, notes = (blur.psf(), (str(blur),)) if blur else self.psf.array(self.source)
        frame = self.source.frame(psf.ndim)
        yield Stage("reading", psf=psf)
        pieces = read_in_steps(self.source.data, stop)
        image = yield from map_steps(pieces, lambda part: Stage("reading", part))
        if stop.is_set():
            return None
        yield Stage("preparing")
        mask = self._build_mask(image, frame)
        some = thin_pixels(image)
        steps = iter_deconvolve(
            frame.to_core(image),
            blur or psf,
            self.calibration or self.method,
            channel_axis=self.source.channel_axis,
            alpha=self.source.has_alpha,
            spacing=frame.spacing,
            mask=mask,
            stop=stop,
            **self.options.run_arguments(),
        )

        def shown(step: Step) -> Step:
            return replace(step, image_source=LayerImage(step.image_source, frame, self.source))

        done = yield from map_steps(steps, shown)
        data = to_display_values(frame.from_core(done.image), self.source)
        warnings = tuple(dict.fromkeys((*self.warnings, *done.warnings)))
        stopped = stop.is_set() and not done.converged
        record = self._build_record(done, psf, notes, mask, frame, warnings, stopped)
        residual, unit = self._scale_residual(done.residual, frame.to_core(image), psf.ndim)
        return Result(
            name=format_result_name(self.source.name, type(done.method)),
            data=build_resolutions(data, self.source),
            residual=frame.from_core(residual),
            residual_unit=unit,
            limits=self._contrast_limits(some, data, done),
            deconvolution=done,
            notes=notes,
            warnings=warnings,
            record=record,
        )

    def _large_steps(self, stop: Event) -> Generator[Stage | Step, None, Result | None]:
        """Do it in pieces, into a file: see `large_job`."""
        frame, rgb = self.source.frame(self.psf.ndim), self.source.rgb
        psf: PSF | None = None
        notes: tuple[str, ...] = ()
        if not isinstance(self.psf, EstimatedPSF):
            yield Stage(self.psf.progress_text)
            psf, notes = self.psf.array(self.source)
        yield Stage("preparing", psf=psf)

        samples = np.zeros(0)
        levels: LayerLevels | None = None

        def shown(step: Step) -> Step:
            nonlocal samples, levels
            limits = None
            if step.stage not in ("giving out pieces", "pieces") and step.found is None:
                return replace(step, image_source=StoredImage(self.source.data))  # no file yet
            if step.found is not None:
                samples = step.found.samples.pixels
                limits = self._initial_contrast_limits(step.found, step.image)
            levels = LayerLevels(step.image_source, frame, rgb, levels)
            return replace(step, image_source=levels, limits=limits)

        done, path = yield from map_steps(solve_large(self, frame, psf, stop), shown)
        written: Any = done.image
        if psf is None:
            assert done.blur is not None
            psf, notes = done.blur.psf(), (str(done.blur),)
        warnings = tuple(dict.fromkeys((*self.warnings, *done.warnings)))
        record = self._build_record(done, psf, notes, None, frame, warnings, stop.is_set())
        record["pieces"] = done.pieces
        failed = write_record(path, record)
        warnings += (Notice("record not written", failed),) if failed else ()
        some = read_some_pixels(written)
        return Result(
            name=format_result_name(self.source.name, type(done.method)),
            data=to_layer_order(written, frame, rgb),
            residual=None,
            residual_unit=INTENSITY_UNIT,
            limits=self._contrast_limits(samples, some, done),
            deconvolution=done,
            notes=notes,
            warnings=warnings,
            record=record,
        )

    def _find_blur(self) -> BlurEstimate | None:
        """The image's own blur, if that is the PSF: a calibration may have found it already."""
        if not isinstance(self.psf, EstimatedPSF):
            return None
        known = self.calibration.blur if self.calibration else None
        return known or self.psf.find(self.source)

    def _contrast_limits(
        self, before: NDArray[Any], data: NDArray[Any], done: Deconvolution
    ) -> tuple[float, float]:
        """Contrast limits with which the result can be compared with its source."""
        shown = self.source.contrast_limits
        if self.source.rgb:
            return shown
        return match_contrast_limits(before, shown, data, done.method.offset)

    def _initial_contrast_limits(
        self, found: SampleCalibration, written: Callable[[], Any]
    ) -> tuple[float, float] | None:
        """Contrast limits of a result that fills in: those that fit the deblurred samples.

        A run that goes on has them no longer, but has some of its result.
        """
        before, after = found.samples.pixels, found.sample_result.image
        if not after.size:
            after = read_some_pixels(written())
        return self._contrast_limits(before, after, found.sample_result) if after.size else None

    def _scale_residual(
        self, residual: NDArray[np.float32], image: NDArray[Any], ndim: int
    ) -> tuple[NDArray[np.float32], str]:
        """Take the mean of colours, in standard deviations of its noise if that can be told."""
        if self.source.rgb:
            image = image[..., : residual.shape[-1]].mean(axis=-1)
            residual = residual.mean(axis=-1)
        shape = residual.shape
        planes = (-1, 1, *shape[len(shape) - ndim :])
        relative = standardise_residual(residual.reshape(planes), np.float32(image).reshape(planes))
        return (
            (residual, INTENSITY_UNIT)
            if relative is None
            else (relative.reshape(shape), NOISE_UNIT)
        )

    def _build_mask(self, image: NDArray[Any], frame: Frame) -> BoolArray | None:
        """Return the pixels to ignore, with the axes in the core's order."""
        mask = self.mask() if self.mask is not None else None
        if self.options.ignore_nan:
            mask = with_nan(mask, image, self.source.rgb)
        if self.options.ignore_saturated:
            mask = with_saturated(mask, image, self.source.rgb)
        if mask is None or frame.is_trailing:
            return mask
        with suppress(ValueError):  # of a mask that does not fit; the core says so in words
            mask = np.broadcast_to(mask, self.source.shape)
        return frame.to_core(mask) if mask.ndim == self.source.ndim else mask

    def _mask_record(self) -> dict[str, Any] | None:
        """Where the mask came from: None where there is none, empty for an array or shapes."""
        if self.mask is None:
            return None
        return asdict(self.mask_origin) if self.mask_origin else {}

    def _build_record(
        self,
        done: Deconvolution,
        psf: PSF,
        notes: tuple[str, ...],
        mask: BoolArray | None,
        frame: Frame,
        warnings: tuple[Notice, ...],
        stopped: bool,
    ) -> dict[str, Any]:
        about_psf = self.psf.record(self.source)
        if isinstance(self.psf, LayerPSF):
            about_psf["origin"] = self.psf.layer.record()
        image = "image" if frame.is_trailing else f"image.transpose({frame.order(self.source.rgb)})"
        found = done.calibration
        as_given = found.psf_width == 1 and self.calibration is None
        how = done.method if as_given else found
        made = about_psf.get("call")
        python = format_call(made["function"], **made["arguments"]) if made else "psf"
        arguments = [f"{image}, {python}, {how!r}"]
        arguments += format_run_arguments(self.options.run_arguments(), RunOptions)
        arguments += [f"channel_axis={self.source.channel_axis}"]
        arguments += ["alpha=True"] if self.source.has_alpha else []
        arguments += [f"spacing={frame.spacing}"]
        arguments += ["mask=mask"] if mask is not None else []
        return {
            "kind": "result",
            "name": format_result_name(self.source.name, type(done.method)),
            "source": self.source.name,
            "origin": self.source.record(),
            "axes": frame.describe_axes(self.source.rgb),
            "order": frame.order(self.source.rgb),
            "method": _method_to_dict(done.method),
            "asked": "auto" if isinstance(self.method, str) else _method_to_dict(self.method),
            "reason": done.reason,
            "psf": {"ndim": psf.ndim, **about_psf, "array": psf, "notes": notes},
            "psf_width": found.psf_width,
            "background": {"value": done.background, "uncertainty": done.background_error},
            "scale": None if as_given else found.scale,  # else the image says it again
            **self.options.record(),
            "mask": mask,
            "mask_origin": self._mask_record(),
            "python": f"deconvolve({', '.join(arguments)})",
            "iterations": done.iterations,
            "converged": done.converged,
            "stopped": stopped,
            "seconds": done.seconds,
            "loss_history": np.asarray(done.loss_history),
            "verdict": {
                "kind": done.verdict.kind,
                "psf": done.verdict.psf,
                "sentence": str(done.verdict),
            },
            "warnings": tuple(map(str, warnings)),
            "versions": _list_versions(),
        }


def _method_to_dict(method: Method) -> dict[str, Any]:
    return {"name": type(method).__name__, **asdict(method)}


def _list_versions() -> dict[str, str]:
    found = {}
    for package in ("napari-tf-deblur", "tensorflow", "napari", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
