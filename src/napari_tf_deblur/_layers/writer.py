"""Saving an image layer as OME-TIFF, with its pixel size, its axes, and the record of a result.

Which writer saves a layer is decided by npe2: of those that know the ending of the file, the one
whose ending is longest; of several, the one that was registered first, which are napari's own. No
plugin and no setting changes that (napari has a setting ``extension2writer``, which it does not
read). So this one saves:

- any image as ``.ome.tif`` or ``.ome.tiff``: ``layer.save("result.ome.tif")``;
- as ``.tif``, ``.tiff`` or without an ending where it is asked for by name:
  ``layer.save("result.tif", plugin="napari-tf-deblur")``, or by its line in the list of file types
  that *File > Save Selected Layers* shows.

``layer.save("result.tif")`` alone is napari's own, which writes the pixels and no more.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._layers.source import Source, read_source
from napari_tf_deblur._storage import tiff_metadata as ome_tiff
from napari_tf_deblur._storage.atomic_write import write_atomically
from napari_tf_deblur._storage.axes import Axis, is_length
from napari_tf_deblur._storage.record_file import METADATA_KEY

TIFF_SUFFIX = ".ome.tif"

SAVED_ATTRIBUTES = (
    "name metadata rgb multiscale scale translate rotate shear affine units axis_labels "
    "contrast_limits"
).split()
"""Attributes of a layer that are looked at."""


def write_image(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save an image layer as OME-TIFF; napari calls this to save a layer.

    An axis whose name says nothing is kept as OME's "other". A size without a unit of length is
    written in OME's "reference frame", which is no length either. What OME-TIFF does not know is
    saved as napari does it, without sizes.

    Parameters
    ----------
    path : str
        The file; one without an ending of TIFF files is given ".ome.tif".
    data : array_like
        The image; of several resolutions the first.
    attributes : mapping
        Those of the layer, as its ``as_layer_data_tuple`` has them.

    Returns
    -------
    list of str
        The file that was written.
    """
    if not path.lower().endswith((".tif", ".tiff")):  # a layer's name may have dots
        path += TIFF_SUFFIX
    layer = Image(data, **{key: attributes[key] for key in SAVED_ATTRIBUTES if key in attributes})
    source = read_source(layer)
    record = layer.metadata.get(METADATA_KEY)
    axes = restore_axes(source, record)
    order = ome_tiff.order_axes_for_tiff(axes)
    if order is None or np.dtype(source.data.dtype).name not in ome_tiff.WRITABLE_DTYPES:
        from napari_builtins.io import napari_write_image

        written = napari_write_image(path, np.asarray(source.data), dict(attributes))
        return [written] if written else []
    pixels = np.asarray(source.data)
    colours = (pixels.ndim - 1,) if source.rgb else ()
    placed = [axes[k] for k in order]
    told = ome_tiff.build_tiff_options(pixels.dtype, placed, layer.name, source.rgb, record)
    _write_tiff(path, pixels.transpose((*order, *colours)), told)
    return [path]


def _write_tiff(path: str, pixels: NDArray[Any], told: Mapping[str, Any]) -> None:
    """Write a file; one of the same name is replaced when the new one is whole."""
    import tifffile

    with write_atomically(path) as part:
        tifffile.imwrite(
            part, pixels, ome=True, bigtiff=pixels.nbytes > ome_tiff.BIGTIFF_BYTES, **told
        )


def restore_axes(source: Source, record: Mapping[str, Any] | None) -> tuple[Axis, ...]:
    """Describe the axes of a layer: of a result, as they were for the run that made it.

    Its source may lie in the viewer without a unit, and the file or the user have said the size.
    """
    told = ((record or {}).get("origin") or {}).get("arguments") or {}
    labels, units, scale = (told.get(key) for key in ("axis_labels", "units", "scale"))
    axes = list(source.axes)
    for k, axis in enumerate(axes):
        name, step, unit = axis.name, axis.spacing, axis.unit
        if labels and len(labels) == len(axes) and name.lstrip("-").isdigit():
            name = str(labels[k])
        if not is_length(unit) and units and scale and len(units) == len(scale) == len(axes):
            step, unit = float(scale[k]), str(units[k])
        axes[k] = Axis(name, axis.size, step, unit)
    return tuple(axes)
