"""Deblurs a napari layer from Python: `deblur_layer` and its arguments."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, cast, overload

from napari.layers import Image, Labels, Shapes
from numpy.typing import ArrayLike

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.parameters import with_arguments_of
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.acquisition import wait_for_file
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import prepare_mask
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.psf_kinds import choose_psf
from napari_tf_deblur._layers.result import make_residual_layer, make_result_layer
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._layers.uncertainty_layer import make_uncertainty_layer
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.methods import Auto, Method

P = ParamSpec("P")
Q = ParamSpec("Q")
R = ParamSpec("R")


@dataclass(frozen=True)
class LayerArguments(LayerOptions):
    """The arguments of :func:`napari_tf_deblur.deblur_layer`.

    Parameters
    ----------
    layer : napari.layers.Image
        The blurred image. It may have any number of axes, colours, and several resolutions.
    psf : array_like, VaryingPSF, napari.layers.Image, "microscope" or "estimated", optional
        The PSF. An array is used without changes, and so is a :class:`VaryingPSF`, whose result
        no script can repeat. A layer is used as a measured PSF: it is
        resampled to the pixel size of the image, its background is subtracted, and it is centred
        and normalised. The number of axes of the PSF (without axes of length 1 before a layer's
        last two) decides which axes of the image are deblurred: the last ones that are neither
        time nor channels. "microscope" is the PSF of the optics in the layer's file, as in the
        dock: numerical aperture, wavelength and pixel size; if one is missing, an error names it.
        "estimated" estimates the blur from the image: see
        :func:`napari_tf_deblur.estimate_blur`. By default the PSF of the microscope is used if
        the file contains enough; else the blur is estimated.
    method : Method, Calibration or "auto", optional
        The method, as in :func:`napari_tf_deblur.deconvolve`; "auto" chooses one from the image.
    mask : napari.layers.Labels, napari.layers.Shapes or array_like, optional
        Pixels to ignore: those with a label, inside a shape, or with a value other than zero.
    residual : bool, optional
        Whether to return a layer of the residual, too: the image minus the blurred result. Its
        unit is the standard deviation of each pixel's noise, if that can be measured in the image
        (the layer's name and ``metadata["napari_tf_deblur"]["unit"]`` state the unit).
    uncertainty : bool, optional
        Whether to return a layer of standard deviations, too: what the noise of the image does to
        each pixel of the result, in its intensities. The image is deblurred six more times. The
        layer's ``metadata["napari_tf_deblur"]["meaning"]`` says what the values do not contain.
    output : str or Path, optional
        Folder of an OME-Zarr, such as "cells deblurred.ome.zarr". The result is written there
        piece by piece, and the new layer shows it. Without `output`, the result of a lazy image
        that does not fit into memory is written to a folder beside its file.
    """

    layer: Image
    psf: ArrayLike | VaryingPSF | Image | Literal["microscope", "estimated"] | None = None
    method: Method | Calibration | Auto = "auto"
    _: KW_ONLY
    mask: Labels | Shapes | ArrayLike | None = None
    residual: bool = False
    uncertainty: bool = False
    output: str | Path | None = None


@dataclass(frozen=True)
class _OneLayer(LayerArguments):
    residual: Literal[False] = field(default=False, kw_only=True)
    uncertainty: Literal[False] = field(default=False, kw_only=True)


@dataclass(frozen=True)
class _TwoLayers(LayerArguments):
    residual: Literal[True] = field(kw_only=True)
    uncertainty: Literal[False] = field(default=False, kw_only=True)


@dataclass(frozen=True)
class _ManyLayers(LayerArguments):
    uncertainty: Literal[True] = field(kw_only=True)


class _Deblur(Protocol[P, Q, R]):
    """A function that returns one layer or several; its arguments decide it."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Image: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> tuple[Image, Image]: ...
    @overload
    def __call__(self, *args: R.args, **kwargs: R.kwargs) -> tuple[Image, ...]: ...


def _returns(
    one: Callable[P, LayerArguments],
    two: Callable[Q, LayerArguments],
    many: Callable[R, LayerArguments],
) -> Callable[[Any], _Deblur[P, Q, R]]:
    """Declare, for type checkers, which arguments return one layer, and which return several."""
    return lambda function: cast("_Deblur[P, Q, R]", function)


@_returns(_OneLayer, _TwoLayers, _ManyLayers)
@with_arguments_of(LayerArguments)
def deblur_layer(arguments: LayerArguments) -> Image | tuple[Image, ...]:
    """Deblur a napari image layer.

    Returns
    -------
    napari.layers.Image
        A new layer at the position of `layer`. The record of the run, with its "warnings", is in
        ``metadata["napari_tf_deblur"]``. With ``residual=True`` or ``uncertainty=True``, a tuple:
        this layer, then that of the residual, then that of the standard deviations.

    Raises
    ------
    TypeError, ValueError
        If the layer, the PSF or the mask cannot be used; the message says why.

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
        uncertainty=arguments.uncertainty,
    )
    result = finish(job.steps())
    assert result is not None  # the run was not stopped
    result_layer = make_result_layer(source, result.data, result.limits)
    result_layer.metadata, result_layer.name = {METADATA_KEY: result.record}, result.name
    layers = [result_layer]
    if arguments.residual:
        if result.residual is None:
            raise InvalidValueError(
                "The residual is not available for a result that is written into a file: leave out "
                "'residual'."
            )
        layers.append(make_residual_layer(source, result.residual, result.residual_unit))
    if result.uncertainty is not None:
        layers.append(make_uncertainty_layer(source, result.uncertainty, result_layer))
    return tuple(layers) if len(layers) > 1 else result_layer
