"""Shows the present PSF in one layer, named "PSF"."""

from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise, remove_layer_later
from napari_tf_deblur._layers.placement import move_layer, place_part
from napari_tf_deblur._layers.psf_kinds import PSFKind
from napari_tf_deblur._layers.source import Source, find_own_layer
from napari_tf_deblur._storage.record_file import METADATA_KEY

PSF_NAME = "PSF"

PICTURE_THRESHOLD = 0.03
"""Square root of the fraction of a PSF's peak below which the picture is cropped. Set by eye."""


def find_psf_layer(viewer: ViewerModel) -> Image | None:
    """Return the layer that shows the PSF; None if there is none."""
    return find_own_layer(viewer, "psf")


def show_psf_stepwise(
    viewer: ViewerModel,
    source: Source,
    psf: PSFKind,
    values: PSF,
    *,
    visible: bool = True,
) -> Iterator[bool | None]:
    """Show a PSF in its layer, in the first corner of its image.

    The layer is named "PSF". If it exists already, it is changed in place.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    source : Source
        The image of the PSF. The layer gets its pixel size, units and orientation.
    psf : PSFKind
        The PSF.
    values : ndarray of float32
        The array of the PSF on the pixels of this image.
    visible : bool
        Whether the layer becomes visible. A layer that is visible already stays visible.

    Yields
    ------
    bool or None
        Between the steps, if the layer is new or has another number of axes; see
        `add_layer_stepwise`.
    """
    frame = source.frame(values.ndim)
    corner = np.zeros(values.ndim)
    corner[:-2] = [(n - m) // 2 for n, m in zip(frame.shape[:-2], values.shape)]
    placement = place_part(source, frame.indices, corner)
    metadata = {METADATA_KEY: {"kind": "psf", "source": source.name, "psf": psf.record(source)}}
    limits = (0.0, float(values.max()))
    layer = find_psf_layer(viewer)
    if layer is not None and layer.ndim == values.ndim:
        move_layer(layer, placement)
        layer.data = values
        layer.metadata = metadata
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        layer.visible = layer.visible or visible
        return
    if layer is not None and not (yield from remove_layer_later(viewer, layer)):
        return
    layer = Image(
        values,
        name=PSF_NAME,
        metadata=metadata,
        contrast_limits=limits,
        colormap="magma",
        blending="additive",
        rgb=False,
        multiscale=False,
        **placement,
    )
    yield from add_layer_stepwise(viewer, layer, select=False, visible=visible)


def make_thumbnail(values: PSF) -> NDArray[np.uint8]:
    """Return the middle plane of a PSF as a small grey picture with brightened dim parts.

    Parameters
    ----------
    values : ndarray of float32
        A PSF with 1 to 3 axes.

    Returns
    -------
    ndarray of uint8
        A square picture. Its values are the square roots of those of the PSF. It is cropped to the
        part that is brighter than about a thousandth of the peak.
    """
    plane = values.reshape((1,) * (2 - values.ndim) + values.shape)
    while plane.ndim > 2:
        plane = plane[len(plane) // 2]
    plane = np.sqrt(np.maximum(plane, 0) / max(float(plane.max()), 1e-38))
    rows, columns = (np.flatnonzero((plane > PICTURE_THRESHOLD).any(axis=axis)) for axis in (1, 0))
    middle = [n // 2 for n in plane.shape]
    reach = max(np.abs(rows - middle[0]).max(), np.abs(columns - middle[1]).max(), 1)
    square = np.zeros((2 * reach + 1,) * 2)
    inner = plane[
        max(0, middle[0] - reach) : middle[0] + reach + 1,
        max(0, middle[1] - reach) : middle[1] + reach + 1,
    ]
    corner = [max(0, reach - m) for m in middle]
    square[corner[0] : corner[0] + inner.shape[0], corner[1] : corner[1] + inner.shape[1]] = inner
    return np.asarray(np.rint(255 * square), dtype=np.uint8)
