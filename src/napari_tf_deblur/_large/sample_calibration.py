"""One calibration for all pieces of a large image, found from samples of it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.psf_check import refuse_partial_psf
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.memory_budget import resolve_method
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
"""Ratio of an image's lines to those of its samples from which on samples are not run until each of
their own lines has converged. Not in volumes, where 10 iterations instead of 28 would be too few.
Chosen by ``benchmarks/piece_iterations.py``."""

STOPPED_BEFORE_PIECES = "The run was stopped before its first piece; what was done before is kept."


@dataclass(frozen=True)
class SampleCalibration:
    """What was found from samples of an image.

    Attributes
    ----------
    recipe : Recipe
        How each piece is deblurred.
    samples : Samples
        Where it was found.
    done : Deconvolution
        The samples, deblurred.
    """

    piece_solver: PieceSolver
    samples: Samples
    sample_result: "Deconvolution"


def count_deblurred_axes(arguments: Arguments, image: LargeImage) -> int:
    """Return the number of axes that are deblurred."""
    psf: Any = arguments.psf
    axes = len(image.shape) - (image.channel_axis is not None)
    if hasattr(psf, "psf"):
        return int(psf.psf().ndim)
    if psf is not None:
        return int(refuse_partial_psf(check_psf(psf, most_axes=axes)).ndim)
    return min(axes, 2) if arguments.spacing is None else int(np.size(arguments.spacing))


def build_sample_arguments(arguments: Arguments, image: LargeImage, samples: Samples) -> Arguments:
    """Return what is asked of the samples of an image, taken for its planes.

    Raises
    ------
    InvalidValueError
        If the method does not come out in pieces as in the whole.
    """
    method = resolve_method(arguments)
    if not method.can_be_cut:
        raise InvalidValueError(
            f"{type(method).__name__} takes its start and its steps from all pixels of an image, "
            "so that pieces would not fit together; choose another method, or crop the image."
        )
    masks = None
    if image.mask is not None:
        read = [image.get_region_reader(region).read()[1] for region in samples.regions]
        masks = np.stack([mask for mask in read if mask is not None])
    axis = image.channel_axis
    asked = replace(
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
        return asked
    given = {one.name: getattr(asked, one.name) for one in fields(Arguments)}
    return PartArguments(**given, part=ImagePart(are_samples=True))


def build_sample_calibration(
    arguments: Arguments, image: LargeImage, samples: Samples, done: "Deconvolution"
) -> SampleCalibration:
    """Keep what all pieces need of the samples of an image, which are deblurred."""
    axis, spacing = image.channel_axis, arguments.spacing
    psf: Any = arguments.psf if done.blur is None else done.blur.psf()
    recipe = PieceSolver(
        psf=refuse_partial_psf(check_psf(psf, most_axes=len(image.shape) - (axis is not None))),
        calibration=replace(done.calibration, global_values=done.global_values),
        options={name: getattr(arguments, name) for name in piece_options()},
        channel_axis=axis,
        alpha=arguments.alpha,
        spacing=None if spacing is None else tuple(float(s) for s in spacing),
    )
    return SampleCalibration(recipe, samples, done)


def sample_image(arguments: Arguments, image: LargeImage, stop: Event | None = None) -> Samples:
    """Take samples of an image, where there is something to see."""
    axes = image.frame_axes(count_deblurred_axes(arguments, image))
    return take_samples(image.shape, axes, image.channel_axis, make_region_reader(image, stop))


def make_region_reader(image: LargeImage, stop: Event | None) -> Callable[[Region], NDArray[Any]]:
    """Return what reads a region of an image, and refuses to once the run is stopped."""

    def read(region: Region) -> NDArray[Any]:
        raise_if_stopped(stop)
        return image.read(region)

    return read


def raise_if_stopped(stop: Event | None) -> None:
    """End a run that is stopped before there is anything to be returned."""
    if stop is not None and stop.is_set():
        raise InvalidValueError(STOPPED_BEFORE_PIECES)
