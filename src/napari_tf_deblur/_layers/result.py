"""What a run leaves behind: the sharp image as a layer shows it, and the layer itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._core.dtypes import to_dtype
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._storage.record_file import METADATA_KEY

SOURCE_DISPLAY_KEYS = (
    "colormap",
    "gamma",
    "opacity",
    "blending",
    "iso_threshold",
    "attenuation",
    "rendering",
)
"""Of a source, what its residual does not take over."""


NOISE_UNIT, INTENSITY_UNIT = "in standard deviations of the noise", "in intensities of the image"
"""What 1 in a residual stands for."""

RESIDUAL_RANGE = 4.0
"""Standard deviations of the noise that are shown as black or white. Derived: one pixel of 16 000
is beyond."""


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    Attributes
    ----------
    name : str
        Of the layer: after the source and the method.
    data : ndarray, or list of dask.array.Array
        The sharp image, as a layer shows it: of a file, its resolutions.
    residual : ndarray of float32 or None
        The source less the sharp image blurred again; of colours, their mean. None where it is
        not kept.
    residual_unit : str
        What 1 in it stands for: a standard deviation of each pixel's noise, or, where the noise
        cannot be told, one step of the source's intensities.
    limits : tuple of float
        Contrast limits that fit it.
    done : Deconvolution
        The core's own result.
    notes : tuple of str
        What was done to the PSF.
    warnings : tuple of Notice
        What the user should know, about the input and the result.
    record : dict
        What is kept in the layer's metadata, enough to repeat the run.
    """

    name: str
    data: NDArray[Any] | list[Any]
    residual: NDArray[np.float32] | None
    residual_unit: str
    limits: tuple[float, float]
    deconvolution: Deconvolution
    notes: tuple[str, ...]
    warnings: tuple[Notice, ...]
    record: dict[str, Any]


def make_result_layer(
    source: Source, data: NDArray[Any] | list[Any], limits: tuple[float, float] | None = None
) -> Image:
    """Make the layer of a result: on its source, and looking like it.

    Parameters
    ----------
    source : Source
        The image that was deblurred.
    data : ndarray, or list of array
        The sharp image, of one or more resolutions.
    limits : tuple of float, optional
        Contrast limits; by default those of the source.

    Returns
    -------
    napari.layers.Image
        The layer, not yet in any viewer.
    """
    return Image(
        data,
        name=format_result_name(source.name),
        metadata={METADATA_KEY: {"kind": "result", "source": source.name}},
        contrast_limits=None if source.rgb else limits or source.contrast_limits,
        rgb=source.rgb,
        multiscale=isinstance(data, list),
        **({**source.state, "cache": False} if _is_lazy_pyramid(data) else source.state),
    )


def _is_lazy_pyramid(data: NDArray[Any] | list[Any]) -> bool:
    """Whether pixels are read when they are shown: while they change, none may be kept."""
    return isinstance(data, list) and not isinstance(data[0], np.ndarray)


def make_residual_layer(source: Source, residual: NDArray[np.float32], unit: str) -> Image:
    """Make a layer of what a result does not explain, on its source; zero is grey.

    Parameters
    ----------
    source : Source
        The image that was deblurred.
    residual : ndarray of float32
        Of the source's shape, without colours.
    unit : str
        What 1 in it stands for. In standard deviations of the noise, black and white are 4 of
        them, whatever the image: noise looks alike everywhere, and anything else does not.

    Returns
    -------
    napari.layers.Image
        The layer, not yet in any viewer.
    """
    reach = RESIDUAL_RANGE if unit == NOISE_UNIT else max(np.abs(fit_contrast_limits(residual)))
    state = {key: value for key, value in source.state.items() if key not in SOURCE_DISPLAY_KEYS}
    return Image(
        residual,
        name=f"{source.name} residual{' in noise SD' if unit == NOISE_UNIT else ''}",
        metadata={METADATA_KEY: {"kind": "residual", "source": source.name, "unit": unit}},
        contrast_limits=(-reach, reach),
        rgb=False,
        multiscale=False,
        **state,
    )


def to_display_values(image: NDArray[np.float32], source: Source) -> NDArray[Any]:
    """Return an image in values that napari shows: colours in the source's own type.

    Grey images stay float32, in the source's units. Colours of an integer type are rounded
    back to it, because napari takes floating-point colours for parts of one.
    """
    return to_dtype(image, np.dtype(source.data.dtype)) if source.rgb else image


def fit_contrast_limits(data: NDArray[Any]) -> tuple[float, float]:
    """Return contrast limits that fit an image: all of it but a few stray pixels.

    A bead that becomes a hundred times brighter than the cells must not hide them.

    Parameters
    ----------
    data : ndarray
        The image; NaN is left out.

    Returns
    -------
    tuple of float
        Two different values, lowest first.
    """
    some = data.ravel()[:: max(1, data.size // 2_000_000)]
    some = some[np.isfinite(some)]
    if not some.size:
        return (0.0, 1.0)
    low, high = (float(v) for v in np.percentile(some, (0.05, 99.95)))
    if not high > low:
        low, high = float(np.nanmin(data)), float(np.nanmax(data))
    return (low, high) if high > low else (low, low + 1.0)
