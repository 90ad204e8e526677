"""Builds the record of a run from its job and its result."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.packages import list_versions
from napari_tf_deblur._core.typing import PSF, BoolArray
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds import LayerPSF
from napari_tf_deblur._layers.record import method_to_dict
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.script_text import format_call
from napari_tf_deblur._preparation.layer_options import format_run_arguments
from napari_tf_deblur._preparation.run_options import RunOptions
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._storage.axes import Frame

if TYPE_CHECKING:
    from napari_tf_deblur._layers.job import Job

RECORDED_PACKAGES = ("napari-tf-deblur", "tensorflow", "napari", "numpy")
"""Packages whose versions a record contains."""


def build_record(
    job: "Job",
    deconvolution: Deconvolution,
    psf: PSF | VaryingPSF,
    notes: tuple[str, ...],
    mask: BoolArray | None,
    frame: Frame,
    warnings: tuple[Notice, ...],
    stopped: bool,
) -> dict[str, Any]:
    """Build the record that the layer of a result gets in its metadata.

    Parameters
    ----------
    job : Job
        The request: image, PSF, method and options.
    deconvolution : Deconvolution
        The result of the core.
    psf : ndarray of float32 or VaryingPSF
        The PSF that was used, on the pixels of the image.
    notes : tuple of str
        What was done to the PSF.
    mask : ndarray of bool or None
        The ignored pixels, with the axes in the order of the core. None if there are none, and
        for a large image.
    frame : Frame
        The deblurred axes.
    warnings : tuple of Notice
        Warnings about the input and the result.
    stopped : bool
        Whether the user stopped the run.

    Returns
    -------
    dict
        Enough to repeat the run: see `napari_tf_deblur._layers.record`.
    """
    calibration = deconvolution.calibration
    source = job.source
    psf_record = job.record_psf()
    if isinstance(job.psf, LayerPSF):
        psf_record["origin"] = job.psf.layer.record()
    return {
        "kind": "result",
        "name": format_result_name(source.name, type(deconvolution.method)),
        "source": source.name,
        "origin": source.record(),
        "axes": frame.describe_axes(source.rgb),
        "order": frame.order(source.rgb),
        "method": method_to_dict(deconvolution.method),
        "asked": "auto" if isinstance(job.method, str) else method_to_dict(job.method),
        "reason": deconvolution.reason,
        "psf": {"ndim": psf.ndim, **psf_record, **_record_array(psf), "notes": notes},
        "psf_width": calibration.psf_width,
        "background": {
            "value": deconvolution.background,
            "uncertainty": deconvolution.background_error,
        },
        # Without a scale, a script measures it in the image again.
        "scale": None if _is_uncalibrated(job, deconvolution) else calibration.scale,
        **job.options.record(),
        "plane_factors": _round_factors(deconvolution),
        "mask": mask,
        "mask_origin": _record_mask_origin(job),
        "python": _format_deconvolve_call(job, deconvolution, psf_record, mask, frame),
        "iterations": deconvolution.iterations,
        "converged": deconvolution.converged,
        "stopped": stopped,
        "seconds": deconvolution.seconds,
        "loss_history": np.asarray(deconvolution.loss_history),
        "verdict": {
            "kind": deconvolution.verdict.kind,
            "psf": deconvolution.verdict.psf,
            "sentence": str(deconvolution.verdict),
        },
        "warnings": tuple(map(str, warnings)),
        **({"pieces": deconvolution.pieces} if deconvolution.pieces else {}),
        "versions": list_versions(*RECORDED_PACKAGES),
    }


def _record_array(psf: PSF | VaryingPSF) -> dict[str, Any]:
    """Return the array of a PSF; nothing if the PSF varies, so that no script takes one of many."""
    return {} if isinstance(psf, VaryingPSF) else {"array": psf}


def _round_factors(deconvolution: Deconvolution) -> list[Any] | None:
    """Return the brightness of the planes as plain numbers; None if all are equally bright."""
    factors = deconvolution.plane_factors
    return None if factors is None else factors.round(4).tolist()


def _is_uncalibrated(job: "Job", deconvolution: Deconvolution) -> bool:
    """Whether the method alone repeats the run: no calibration, and no other width of the PSF."""
    return deconvolution.calibration.psf_width == 1 and job.calibration is None


def _format_deconvolve_call(
    job: "Job",
    deconvolution: Deconvolution,
    psf_record: dict[str, Any],
    mask: BoolArray | None,
    frame: Frame,
) -> str:
    """Format the call of `deconvolve` that repeats the run on an array."""
    source = job.source
    image = "image" if frame.is_trailing else f"image.transpose({frame.order(source.rgb)})"
    call = psf_record.get("call")
    psf = format_call(call["function"], **call["arguments"]) if call else "psf"
    method = (
        deconvolution.method if _is_uncalibrated(job, deconvolution) else deconvolution.calibration
    )
    arguments = [f"{image}, {psf}, {method!r}"]
    arguments += format_run_arguments(job.options.run_arguments(), RunOptions)
    arguments += [f"channel_axis={source.channel_axis}"]
    arguments += ["alpha=True"] if source.has_alpha else []
    arguments += [f"spacing={job.spacing}"]
    arguments += ["mask=mask"] if mask is not None else []
    return f"deconvolve({', '.join(arguments)})"


def _record_mask_origin(job: "Job") -> dict[str, Any] | None:
    """Return where the mask came from; None without a mask, empty for an array or shapes."""
    if job.mask is None:
        return None
    return asdict(job.mask_origin) if job.mask_origin else {}
