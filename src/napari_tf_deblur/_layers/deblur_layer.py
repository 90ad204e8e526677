"""From layer to layer: deblurring one, and the layer that this leaves behind."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, cast, overload

from napari.layers import Image, Labels, Shapes
from numpy.typing import ArrayLike

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.parameters import with_arguments_of
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._layers.acquisition import wait_for_file
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import prepare_mask
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.psf_kinds import choose_psf
from napari_tf_deblur._layers.result import make_residual_layer, make_result_layer
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.methods import Auto, Method

P = ParamSpec("P")
Q = ParamSpec("Q")


@dataclass(frozen=True)
class LayerArguments(LayerOptions):
    """The arguments of :func:`napari_tf_deblur.deblur_layer`.

    Parameters
    ----------
    layer : napari.layers.Image
        The blurred image: any number of axes, colour or not, multiscale or not.
    psf : array_like, napari.layers.Image, "microscope" or "estimated", optional
        An array is used as it is. A layer is taken for a measured PSF: resampled to the
        image's pixel size, background-subtracted, centred and normalised. The number of
        axes (without those of length 1 before a layer's last two) says which axes of the
        image are deblurred: the last ones that are neither time nor channels. "microscope" is
        the PSF of the optics that the layer's file says, as in the dock: the numerical aperture,
        the wavelength and the size of a pixel; an error says which of them is missing.
        "estimated" is the image's own blur: see :func:`napari_tf_deblur.estimate_blur`. By
        default that of the microscope where the file says enough, and else the image's own.
    method : Method, Calibration or "auto", optional
        What to do, as in :func:`napari_tf_deblur.deconvolve`; "auto" picks a method from the
        image.
    mask : napari.layers.Labels, napari.layers.Shapes or array_like, optional
        Pixels to ignore: labelled, covered, or not zero.
    residual : bool, optional
        Whether to return a layer of the residual too: the image less the result blurred again,
        in standard deviations of each pixel's noise where the image tells that (the layer's name
        and ``metadata["napari_tf_deblur"]["unit"]`` say so).
    output : str or Path, optional
        Folder of an OME-Zarr, such as "cells deblurred.ome.zarr", into which the result is
        written, piece by piece; the new layer shows it. An image that is not in memory, and would
        take too much of it, is written beside its file if none is given.
    """

    layer: Image
    psf: ArrayLike | Image | Literal["microscope", "estimated"] | None = None
    method: Method | Calibration | Auto = "auto"
    _: KW_ONLY
    mask: Labels | Shapes | ArrayLike | None = None
    residual: bool = False
    output: str | Path | None = None


@dataclass(frozen=True)
class _OneLayer(LayerArguments):
    residual: Literal[False] = field(default=False, kw_only=True)


@dataclass(frozen=True)
class _TwoLayers(LayerArguments):
    residual: Literal[True] = field(kw_only=True)


class _Deblur(Protocol[P, Q]):
    """A function that returns one layer or two, by its arguments."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Image: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> tuple[Image, Image]: ...


def _returns(
    one: Callable[P, LayerArguments], two: Callable[Q, LayerArguments]
) -> Callable[[Any], _Deblur[P, Q]]:
    """Tell type checkers which arguments return one layer, and which return two."""
    return lambda function: cast("_Deblur[P, Q]", function)


@_returns(_OneLayer, _TwoLayers)
@with_arguments_of(LayerArguments)
def deblur_layer(arguments: LayerArguments) -> Image | tuple[Image, Image]:
    """Deblur a napari image layer.

    Returns
    -------
    napari.layers.Image
        A new layer that lies exactly on `layer`, with a record of the run in
        ``metadata["napari_tf_deblur"]``, "warnings" included; or, where asked for, a tuple of
        this layer and that of the residual.

    Raises
    ------
    TypeError, ValueError
        If the layer, the PSF or the mask cannot be used; says why.

    Examples
    --------
    >>> import numpy as np
    >>> from napari.layers import Image
    >>> from napari_tf_deblur import Wiener, gaussian_psf
    >>> layer = Image(np.eye(32), name="eye", scale=(2, 2))
    >>> deblur_layer(layer, gaussian_psf(1), Wiener()).name
    'eye deblurred (Wiener)'
    """
    layer, method, mask = arguments.layer, arguments.method, arguments.mask
    wait_for_file(layer)
    source = read_source(layer)
    calibration = method if isinstance(method, Calibration) else None
    job = Job(
        source,
        choose_psf(arguments.psf, source),
        method.method if isinstance(method, Calibration) else method,
        LayerOptions.from_object(arguments),
        mask=None if mask is None else prepare_mask(mask, source),
        mask_origin=Origin.from_layer(mask) if isinstance(mask, Labels) else None,
        calibration=calibration,
        output=None if arguments.output is None else Path(arguments.output),
    )
    result = finish(job.steps())
    assert result is not None  # nobody stopped it
    sharp = make_result_layer(source, result.data, result.limits)
    sharp.metadata, sharp.name = {METADATA_KEY: result.record}, result.name
    if not arguments.residual:
        return sharp
    if result.residual is None:
        raise InvalidValueError(
            "The residual of an image that is deblurred into a file is not kept: leave out "
            "'residual'."
        )
    return sharp, make_residual_layer(source, result.residual, result.residual_unit)
