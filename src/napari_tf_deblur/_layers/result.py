"""The result of a run on a layer, and the layers that show the result and its residual."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._core.dtypes import to_dtype
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._layers.contrast import match_contrast_limits
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
"""Display settings of a source that the layers of residual and uncertainty do not get."""

NOISE_UNIT, INTENSITY_UNIT = "in standard deviations of the noise", "in intensities of the image"
"""Units of a residual."""

RESIDUAL_RANGE = 4.0
"""Contrast limit of a residual, in standard deviations of the noise: black is minus this, white is
plus this. Derived: one pixel of 16 000 is beyond."""


@dataclass(frozen=True)
class Result:
    """The result of a run on a layer.

    Attributes
    ----------
    name : str
        Name of the layer, made from the names of the source and the method.
    data : ndarray, or list of array
        The sharp image, with the axes of the layer. A list contains its resolutions, the finest
        first; for an image in a file, they are dask arrays.
    residual : ndarray of float32 or None
        The source minus the blurred result, averaged over colours. None if it was not kept.
    residual_unit : str
        `NOISE_UNIT` if the residual is divided by the standard deviation of each pixel's noise;
        `INTENSITY_UNIT` if that is not known.
    uncertainty : ndarray of float32 or None
        Standard deviations, with the axes of the layer; see `Deconvolution`. None if they were not
        asked for, and if the run was stopped.
    limits : tuple of float
        Contrast limits for `data`.
    deconvolution : Deconvolution
        The result of the core.
    notes : tuple of str
        What was done to the PSF, in words.
    warnings : tuple of Notice
        Warnings about the input and the result.
    record : dict
        The entries for the layer's metadata. They are enough to repeat the run.
    """

    name: str
    data: NDArray[Any] | list[Any]
    residual: NDArray[np.float32] | None
    residual_unit: str
    uncertainty: NDArray[np.float32] | None
    limits: tuple[float, float]
    deconvolution: Deconvolution
    notes: tuple[str, ...]
    warnings: tuple[Notice, ...]
    record: dict[str, Any]


def make_result_layer(
    source: Source, data: NDArray[Any] | list[Any], limits: tuple[float, float] | None = None
) -> Image:
    """Make the layer of a result, with the position and the display settings of its source.

    Parameters
    ----------
    source : Source
        The image that was deblurred.
    data : ndarray, or list of array
        The sharp image, or a list of its resolutions.
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
    """Whether pixels are read when they are shown; napari must not cache them, as they change."""
    return isinstance(data, list) and not isinstance(data[0], np.ndarray)


def make_residual_layer(source: Source, residual: NDArray[np.float32], unit: str) -> Image:
    """Make the layer of a residual, at the position of its source; zero is grey.

    Parameters
    ----------
    source : Source
        The image that was deblurred.
    residual : ndarray of float32
        The residual, with the shape of the source without colours.
    unit : str
        `NOISE_UNIT` or `INTENSITY_UNIT`. In units of the noise, black is -4 and white is +4 for
        every image: noise then looks the same everywhere, and anything else stands out.

    Returns
    -------
    napari.layers.Image
        The layer, not yet in any viewer.
    """
    limit = RESIDUAL_RANGE if unit == NOISE_UNIT else max(np.abs(fit_contrast_limits(residual)))
    state = {key: value for key, value in source.state.items() if key not in SOURCE_DISPLAY_KEYS}
    return Image(
        residual,
        name=f"{source.name} residual{' in noise SD' if unit == NOISE_UNIT else ''}",
        metadata={METADATA_KEY: {"kind": "residual", "source": source.name, "unit": unit}},
        contrast_limits=(-limit, limit),
        rgb=False,
        multiscale=False,
        **state,
    )


def to_display_values(image: NDArray[np.float32], source: Source) -> NDArray[Any]:
    """Convert an image to the dtype in which napari shows it.

    Grey images stay float32, in the units of the source. Colour images are converted to the dtype
    of the source, because napari expects floating-point colours between 0 and 1.
    """
    return to_dtype(image, np.dtype(source.data.dtype)) if source.rgb else image


def match_source_contrast(
    source: Source, source_pixels: NDArray[Any], result_pixels: NDArray[Any], offset: float
) -> tuple[float, float]:
    """Return contrast limits with which a result can be compared with its source.

    Parameters
    ----------
    source : Source
        The image that was deblurred. Colour images keep its limits.
    source_pixels, result_pixels : ndarray
        The pixels of both images, or a sample of them.
    offset : float
        The background that the method subtracted (``Method.offset``).

    Returns
    -------
    tuple of float
        Black and white, in intensities of the result.
    """
    limits = source.contrast_limits
    if source.rgb:
        return limits
    return match_contrast_limits(source_pixels, limits, result_pixels, offset)


def fit_contrast_limits(data: NDArray[Any]) -> tuple[float, float]:
    """Return contrast limits for an image: its range without the most extreme pixels.

    One bead may be a hundred times brighter than the cells; the cells must stay visible.

    Parameters
    ----------
    data : ndarray
        The image; NaN and infinite values are ignored.

    Returns
    -------
    tuple of float
        Black and white: two different values, the lower one first.
    """
    sample = data.ravel()[:: max(1, data.size // 2_000_000)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return (0.0, 1.0)
    low, high = (float(v) for v in np.percentile(sample, (0.05, 99.95)))
    if not high > low:
        low, high = float(np.nanmin(data)), float(np.nanmax(data))
    return (low, high) if high > low else (low, low + 1.0)
