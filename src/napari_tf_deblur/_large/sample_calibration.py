"""Calibrate all pieces of a large image at once, from samples of it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.psf_check import refuse_partial_psf
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.memory_budget import estimated_psf_ndim, resolve_method
from napari_tf_deblur._large.options import piece_options
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.samples import Samples, take_samples
from napari_tf_deblur._preparation.arguments import (
    Arguments,
    ImagePart,
    PartArguments,
)
from napari_tf_deblur._storage.regions import Region

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

FULL_CONVERGENCE_RATIO = 2
"""Smallest ratio of the length of the image to that of a sample, along each deblurred axis, from
which on samples run only as many iterations as the whole image needs (`ImagePart.are_samples`).
Not in volumes, where too few iterations would be left. Chosen by
``benchmarks/piece_iterations.py``."""

STOPPED_BEFORE_PIECES = (
    "The run was stopped before its first piece. Pieces of earlier runs are kept."
)


@dataclass(frozen=True)
class SampleCalibration:
    """What was found from samples of an image.

    Attributes
    ----------
    piece_solver : PieceSolver
        Deblurs each piece, with the calibration of the samples.
    samples : Samples
        The samples, and where they lie.
    sample_result : Deconvolution
        The samples, deblurred.
    """

    piece_solver: PieceSolver
    samples: Samples
    sample_result: "Deconvolution"


def check_given_psf(arguments: Arguments, image: LargeImage) -> PSF | None:
    """Return the PSF of the arguments, checked; None if it is to be estimated from the image."""
    psf: Any = arguments.psf
    return None if psf is None else _check_psf(psf.psf() if hasattr(psf, "psf") else psf, image)


def _check_psf(psf: Any, image: LargeImage) -> PSF:
    axes = len(image.shape) - (image.channel_axis is not None)
    return refuse_partial_psf(check_psf(psf, most_axes=axes))


def count_deblurred_axes(arguments: Arguments, image: LargeImage) -> int:
    """Return the number of axes that are deblurred."""
    psf = check_given_psf(arguments, image)
    if psf is not None:
        return psf.ndim
    axes = len(image.shape) - (image.channel_axis is not None)
    ndim = estimated_psf_ndim(arguments)
    return min(axes, ndim) if arguments.spacing is None else ndim


def build_sample_arguments(arguments: Arguments, image: LargeImage, samples: Samples) -> Arguments:
    """Return the arguments of a run on samples, stacked as the planes of an image.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run on the image.
    image : LargeImage
        The image. The mask of the samples is read.
    samples : Samples
        The samples.

    Returns
    -------
    Arguments
        The arguments. They are `PartArguments` if the samples are to run as many iterations as the
        whole image.

    Raises
    ------
    InvalidValueError
        If the method cannot deblur in pieces.
    """
    method = resolve_method(arguments)
    if not method.can_be_cut:
        raise InvalidValueError(
            f"{type(method).__name__} cannot deblur an image in pieces, because its start and its "
            "steps depend on all pixels. Choose another method, or crop the image."
        )
    masks = None
    if image.mask is not None:
        parts = [image.get_region_reader(region).read()[1] for region in samples.regions]
        masks = np.stack([part for part in parts if part is not None])
    axis = image.channel_axis
    sample_arguments = replace(
        arguments,
        image=samples.pixels,
        mask=masks,
        channel_axis=None if axis is None else axis + 1,
        output=None,
        scheduler="",
    )
    whole, part = image.shape, samples.pixels.shape[1:]
    axes = image.frame_axes(count_deblurred_axes(arguments, image))
    if len(axes) > 2 or any(
        whole[axis] < FULL_CONVERGENCE_RATIO * part[axis] for axis in axes if whole[axis] > 1
    ):
        return sample_arguments
    values = {field.name: getattr(sample_arguments, field.name) for field in fields(Arguments)}
    return PartArguments(**values, part=ImagePart(are_samples=True))


def build_sample_calibration(
    arguments: Arguments, image: LargeImage, samples: Samples, sample_result: "Deconvolution"
) -> SampleCalibration:
    """Take what all pieces need from the result of the samples.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run on the image.
    image : LargeImage
        The image.
    samples : Samples
        The samples.
    sample_result : Deconvolution
        The samples, deblurred.
    """
    spacing, blur = arguments.spacing, sample_result.blur
    solver = PieceSolver(
        psf=_check_psf(arguments.psf if blur is None else blur.psf(), image),
        calibration=replace(sample_result.calibration, global_values=sample_result.global_values),
        options={name: getattr(arguments, name) for name in piece_options()},
        channel_axis=image.channel_axis,
        alpha=arguments.alpha,
        spacing=None if spacing is None else tuple(float(s) for s in spacing),
    )
    return SampleCalibration(solver, samples, sample_result)


def sample_image(arguments: Arguments, image: LargeImage, stop: Event | None = None) -> Samples:
    """Take samples where an image contains structure; InvalidValueError if the run is stopped."""
    axes = image.frame_axes(count_deblurred_axes(arguments, image))
    return take_samples(image.shape, axes, image.channel_axis, make_region_reader(image, stop))


def make_region_reader(image: LargeImage, stop: Event | None) -> Callable[[Region], NDArray[Any]]:
    """Return a function that reads a region; it raises InvalidValueError if the run is stopped."""

    def read(region: Region) -> NDArray[Any]:
        raise_if_stopped(stop)
        return image.read(region)

    return read


def raise_if_stopped(stop: Event | None) -> None:
    """Raise InvalidValueError if a run is stopped before its first piece."""
    if stop is not None and stop.is_set():
        raise InvalidValueError(STOPPED_BEFORE_PIECES)
