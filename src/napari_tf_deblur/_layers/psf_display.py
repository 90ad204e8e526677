"""The one layer in which the PSF in use is shown."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.transforms import Affine

from napari_tf_deblur._layers.adding import adding
from napari_tf_deblur._layers.psf_kinds import PSFArray, PSFKind
from napari_tf_deblur._layers.source import KEY, Source

PSF_NAME = "PSF"


def find_psf_layer(viewer: ViewerModel) -> Image | None:
    """Return the layer in which the PSF is shown, if it is there."""
    for layer in viewer.layers:
        if isinstance(layer, Image) and layer.metadata.get(KEY, {}).get("kind") == "psf":
            return layer
    return None


def showing_psf(
    viewer: ViewerModel, source: Source, psf: PSFKind, values: PSFArray
) -> Iterator[bool | None]:
    """Show a PSF in its one layer, in the first corner of its image.

    The layer is named "PSF"; one that is there already is changed in place.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to show it.
    source : Source
        The image to which it belongs; it has the same pixels, units and orientation.
    psf : PSFKind
        The PSF.
    values : ndarray of float32
        The array that was made from it for this image.

    Yields
    ------
    bool or None
        Between its pieces, if the layer is new or of another number of axes; see `adding`.
    """
    looks = _in_corner(source, values.shape)
    metadata = {KEY: {"kind": "psf", "source": source.name, "psf": psf.record(source)}}
    limits = (0.0, float(values.max()))
    layer = find_psf_layer(viewer)
    if layer is not None and layer.ndim == values.ndim:
        for name, value in looks.items():
            if not np.array_equal(getattr(layer, name), value):
                setattr(layer, name, value)
        layer.data = values
        layer.metadata = metadata
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        return
    if layer is not None:
        # Not now: napari may be about to remove a layer itself, and would crash.
        yield None
        if layer not in viewer.layers:
            return  # the user was faster
        viewer.layers.remove(layer)
    layer = Image(
        values,
        name=PSF_NAME,
        metadata=metadata,
        contrast_limits=limits,
        colormap="magma",
        blending="additive",
        rgb=False,
        multiscale=False,
        **looks,
    )
    yield from adding(viewer, layer, select=False)


def _in_corner(source: Source, shape: Sequence[int]) -> dict[str, Any]:
    """Place an array of this shape in the first corner of the image, at half its depth."""
    ndim = len(shape)
    frame = source.frame(ndim)
    chosen = list(frame.indices)
    affine = Affine(affine_matrix=np.asarray(source.state["affine"]))
    place = affine.inverse.compose(source.place).set_slice(chosen)
    corner = np.zeros(ndim)
    corner[:-2] = [(n - m) // 2 for n, m in zip(frame.shape[:-2], shape)]
    oblique = _is_oblique(place)  # else, napari would take a mirrored axis for a rotation
    return {
        "scale": place.scale,
        "rotate": place.rotate if oblique else np.eye(ndim),
        "shear": place.shear if oblique else np.zeros(ndim * (ndim - 1) // 2),
        "translate": place.translate + place.linear_matrix @ corner,
        "affine": affine.set_slice(chosen),
        "units": [source.state["units"][k] for k in chosen],
        "axis_labels": [source.state["axis_labels"][k] for k in chosen],
    }


def _is_oblique(place: Affine) -> bool:
    matrix = place.linear_matrix
    return not np.allclose(matrix, np.diag(np.diag(matrix)))
