"""From layer to layer: deblurring one, and the layer that this leaves behind."""

from typing import Literal, overload

from napari.layers import Image, Labels, Shapes
from numpy.typing import ArrayLike

from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import mask_from
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.psf_kinds import psf_from
from napari_tf_deblur._layers.result import residual_layer, result_layer
from napari_tf_deblur._layers.source import KEY, read
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.methods import Auto, Method
from napari_tf_deblur.steps import finish


@overload
def deblur_layer(
    layer: Image,
    psf: ArrayLike | Image | None = None,
    method: Method | Calibration | Auto = "auto",
    *,
    boundary: Boundary = "unknown",
    mask: Labels | Shapes | ArrayLike | None = None,
    ignore_nan: bool = False,
    ignore_saturated: bool = False,
    smoothing: float = 1.0,
    residual: Literal[False] = False,
) -> Image: ...


@overload
def deblur_layer(
    layer: Image,
    psf: ArrayLike | Image | None = None,
    method: Method | Calibration | Auto = "auto",
    *,
    boundary: Boundary = "unknown",
    mask: Labels | Shapes | ArrayLike | None = None,
    ignore_nan: bool = False,
    ignore_saturated: bool = False,
    smoothing: float = 1.0,
    residual: Literal[True],
) -> tuple[Image, Image]: ...


def deblur_layer(
    layer: Image,
    psf: ArrayLike | Image | None = None,
    method: Method | Calibration | Auto = "auto",
    *,
    boundary: Boundary = "unknown",
    mask: Labels | Shapes | ArrayLike | None = None,
    ignore_nan: bool = False,
    ignore_saturated: bool = False,
    smoothing: float = 1.0,
    residual: bool = False,
) -> Image | tuple[Image, Image]:
    """Deblur a napari image layer.

    Parameters
    ----------
    layer : napari.layers.Image
        The blurred image: any number of axes, colour or not, multiscale or not.
    psf : array_like or napari.layers.Image, optional
        An array is used as it is. A layer is taken for a measured PSF: resampled to the
        image's pixel size, background-subtracted, centred and normalised. The number of
        axes (without those of length 1 before a layer's last two) says which axes of the
        image are deblurred: the last ones that are neither time nor channels. By default
        the image's own blur: see :func:`napari_tf_deblur.estimate_blur`.
    method : Method, Calibration or "auto"
        What to do, as in :func:`napari_tf_deblur.deconvolve`; "auto" picks a method from the
        image.
    boundary : {"unknown", "zero", "periodic"}
        What lies outside the frame.
    mask : napari.layers.Labels, napari.layers.Shapes or array_like, optional
        Pixels to ignore: labelled, covered, or not zero.
    ignore_nan : bool
        Ignore pixels that are NaN or infinite instead of refusing them.
    ignore_saturated : bool
        Ignore pixels that are as bright as the camera can tell, or brighter.
    smoothing : float
        Times as much regularisation as suits the image.
    residual : bool
        Whether to return a layer of the residual too: the image less the result blurred again.

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
    'eye deblurred (Wiener filter)'
    """
    source = read(layer)
    calibration = method if isinstance(method, Calibration) else None
    job = Job(
        source,
        psf_from(psf, source),
        method.method if isinstance(method, Calibration) else method,
        boundary,
        mask=None if mask is None else mask_from(mask, source),
        ignore_nan=ignore_nan,
        ignore_saturated=ignore_saturated,
        smoothing=smoothing,
        mask_origin=Origin.of(mask) if isinstance(mask, Labels) else None,
        calibration=calibration,
    )
    result = finish(job.steps())
    assert result is not None  # nobody stopped it
    sharp = result_layer(source, result.data, result.limits)
    sharp.metadata, sharp.name = {KEY: result.record}, result.name
    return (sharp, residual_layer(source, result.residual)) if residual else sharp
