"""What `deconvolve` and its relatives are asked to do: one object for all of them."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from threading import Event

from numpy.typing import ArrayLike

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.errors import InvalidTypeError
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.run_options import CalibrationOptions, RunOptions
from napari_tf_deblur.methods import METHODS, Auto, Method


@dataclass(frozen=True)
class ImagePart:
    """Which part of an image a run is given.

    Attributes
    ----------
    are_samples : bool
        Whether its planes are samples of one image. They run as many iterations as the image
        needs, which are fewer than an image of their size.
    gap : tuple of slice
        Of a piece, along each deblurred axis, where it lies beyond its image, whose opposite side
        follows; empty slices elsewhere. There are no pixels, and the image is continued as in a
        mirror.
    """

    are_samples: bool = False
    gap: tuple[slice, ...] = ()


WHOLE = ImagePart()
"""All of an image."""


@dataclass(frozen=True)
class CalibrationArguments(CalibrationOptions):
    """The arguments of :func:`napari_tf_deblur.calibrate`.

    Parameters
    ----------
    image : array_like
        Any real dtype, finite. Its last axes, as many as the PSF has, are deblurred;
        leading axes (time, channels, planes of a stack) are run plane by plane. Planes
        without any finite pixel are left as they are. What a NumPy masked array masks is
        ignored, as with `mask`.
    psf : array_like or BlurEstimate, optional
        Point spread function of 1 to 3 axes with its origin at index ``n // 2`` of each,
        in pixels of the image; scaled to sum 1. Leading axes of length 1 are dropped where
        the image has fewer axes. It may be larger than the image. By default that of the image's
        own blur, of two axes, or of as many as `spacing` has: the one that a `Calibration` keeps,
        or a Gaussian, a disc or a line; see :func:`napari_tf_deblur.estimate_blur`.
    method : Method, Calibration or "auto", optional
        One of :data:`napari_tf_deblur.METHODS`; or what :func:`napari_tf_deblur.calibrate`
        found from a larger image, of which this one is a part; "auto" picks the method from
        the image. Where its weight is to be found, trials may show that the PSF is too wide:
        a narrower one is then used, and `warnings` and ``calibration.psf_width`` say so.
    channel_axis : int, optional
        Axis of colour channels.
    alpha : bool, optional
        Whether the last channel is transparency, which is copied and not deblurred.
    spacing : sequence of float, optional
        Voxel size along each deblurred axis, in any unit; by default all are equal.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore, such as saturated ones; broadcast to
        the image without its channel axis. NaN or infinite pixels must be masked; hot and dead
        ones, which no light through the PSF makes, are found and ignored.

    Raises
    ------
    TypeError, ValueError
        If the method or an option is none; the others are checked against the image.
    """

    image: ArrayLike
    psf: ArrayLike | BlurEstimate | None = None
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
        """Which part of an image this is: all, but for `PartArguments`."""
        return WHOLE


@dataclass(frozen=True)
class Arguments(CalibrationArguments, RunOptions):
    """The arguments of :func:`napari_tf_deblur.deconvolve`.

    Parameters
    ----------
    output : str or Path, optional
        Folder of an OME-Zarr, such as "cells deblurred.ome.zarr", that the result is written into
        piece by piece, by several processes; the result's image is then a lazy array. A run that
        was broken off goes on where it was, if it is asked for again with the same settings.
    """

    output: str | Path | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class StepArguments(Arguments):
    """The arguments of :func:`napari_tf_deblur.iter_deconvolve`.

    Parameters
    ----------
    stop : threading.Event, optional
        Once it is set, the generator returns at its next step, with the best image so far:
        the image as it was, if no iteration was done.
    """

    stop: Event | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class PartArguments(Arguments):
    """What is asked for a part of an image.

    Parameters
    ----------
    part : ImagePart
        Which.
    """

    part: ImagePart = field(default=WHOLE, kw_only=True)
