"""The arguments of `deconvolve` and the other public functions, checked, as one object."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from threading import Event

from numpy.typing import ArrayLike

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.errors import InvalidTypeError
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.run_options import (
    CalibrationOptions,
    PlaneBrightnessOption,
    RunOptions,
)
from napari_tf_deblur.methods import METHODS, Auto, Method


@dataclass(frozen=True)
class ImagePart:
    """Describes the input of a run as a part of a larger image.

    Attributes
    ----------
    are_samples : bool
        Whether the planes are samples of one image. They run as many iterations as that image
        needs. These are fewer than an image of the samples' size would need.
    gap : tuple of slice
        For a piece that reaches beyond its image: along each deblurred axis, the lines beyond the
        image; an empty slice where there are none. The lines after the gap are those of the
        opposite side of the image. The gap has no pixels; the image is mirrored into it.
    """

    are_samples: bool = False
    gap: tuple[slice, ...] = ()


WHOLE = ImagePart()
"""Stands for a whole image."""


@dataclass(frozen=True)
class CalibrationArguments(CalibrationOptions):
    """The arguments of :func:`napari_tf_deblur.calibrate`.

    Parameters
    ----------
    image : array_like
        Image of any real dtype; finite where it is not masked. The last axes, as many as the PSF
        has, are deblurred. Leading axes (time, channels, planes of a stack) are run plane by
        plane. Planes without any finite pixel are not changed. Pixels that a NumPy masked array
        masks are ignored, as with `mask`.
    psf : array_like, VaryingPSF or BlurEstimate, optional
        Point spread function of 1 to 3 axes with its origin at index ``n // 2`` of each,
        in pixels of the image; it is scaled to sum 1. Leading axes of length 1 are dropped if
        the image has fewer axes. It may be larger than the image. A :class:`VaryingPSF` varies
        from place to place; the image must then be in memory. By default it is that of the
        image's own blur: the one that a `Calibration` holds, or a Gaussian, a disc or a line that
        is estimated from the image. It then has two axes, or as many as `spacing` has. See
        :func:`napari_tf_deblur.estimate_blur`.
    method : Method, Calibration or "auto", optional
        One of :data:`napari_tf_deblur.METHODS`; or a calibration that
        :func:`napari_tf_deblur.calibrate` made from a larger image, of which this one is a part;
        or "auto", which chooses the method from the image. If the weight is found from the image,
        trials may show that the PSF is too wide. A narrower one is then used, and `warnings` and
        ``calibration.psf_width`` say so.
    channel_axis : int, optional
        Axis of colour channels.
    alpha : bool, optional
        Whether the last channel is transparency. It is copied and not deblurred.
    spacing : sequence of float, optional
        Voxel size along each deblurred axis, in any unit. By default all are equal.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore, such as saturated ones; broadcast to
        the image without its channel axis. NaN and infinite pixels must be masked. Hot and dead
        pixels are found and ignored, because light that went through the PSF does not look like
        them.

    Raises
    ------
    TypeError, ValueError
        If the method or an option is not valid. The other arguments are checked with the image.
    """

    image: ArrayLike
    psf: ArrayLike | VaryingPSF | BlurEstimate | None = None
    method: Method | Calibration | Auto = "auto"
    _: KW_ONLY
    channel_axis: int | None = None
    alpha: bool = False
    spacing: Sequence[float] | None = None
    mask: ArrayLike | None = None

    def __post_init__(self) -> None:
        method = self.method
        bare = method.method if isinstance(method, Calibration) else method
        if type(bare) not in METHODS and not (isinstance(bare, str) and bare == "auto"):
            raise InvalidTypeError(
                f"The method is {method!r}; it must be 'auto' or one of napari_tf_deblur.METHODS, "
                "for example TotalVariation()."
            )
        super().__post_init__()

    @property
    def part(self) -> ImagePart:
        """The part of an image that this is: the whole, except for `PartArguments`."""
        return WHOLE


@dataclass(frozen=True)
class Arguments(CalibrationArguments, RunOptions):
    """The arguments of :func:`napari_tf_deblur.deconvolve`.

    Parameters
    ----------
    output : str or Path, optional
        Folder of an OME-Zarr, such as "cells deblurred.ome.zarr". Several processes write the
        result into it piece by piece, and the image of the result is then a lazy array. A run that
        was interrupted continues if it is started again with the same settings.
    uncertainty : bool, optional
        Whether to estimate, for each pixel of the result, the standard deviation of what the noise
        of the image does to it. The image is deblurred a few more times with new noise, so that the
        run takes about seven times as long, without the search for the weight. Images that are
        deblurred in pieces have none.
    """

    output: str | Path | None = field(default=None, kw_only=True)
    uncertainty: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class StepArguments(Arguments):
    """The arguments of :func:`napari_tf_deblur.iter_deconvolve`.

    Parameters
    ----------
    stop : threading.Event, optional
        Once it is set, the generator returns at its next step with the latest image. If no
        iteration was done, that is the input image.
    """

    stop: Event | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class PartArguments(Arguments):
    """The arguments of a run on a part of an image.

    Parameters
    ----------
    part : ImagePart
        Which part of the image it is.
    plane_brightness : {"equal"}
        A part does not know the brightness of planes.
    """

    part: ImagePart = field(default=WHOLE, kw_only=True)
    plane_brightness: PlaneBrightnessOption = field(default="equal", kw_only=True)
