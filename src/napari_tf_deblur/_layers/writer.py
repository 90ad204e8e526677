"""Saves an image layer as OME-TIFF, with its pixel size, its axes, and the record of a result.

npe2 decides which writer saves a layer. It chooses among the writers for the ending of the file:
the one with the longest ending, and among equal ones the one that was registered first, which is
napari's own. No plugin and no setting can change that (napari has a setting ``extension2writer``,
but does not read it). So this writer is used in two cases:

- The file name ends with ``.ome.tif`` or ``.ome.tiff``: ``layer.save("result.ome.tif")``.
- The file name ends with ``.tif`` or ``.tiff``, or has no ending, and the user asks for this
  plugin: ``layer.save("result.tif", plugin="napari-tf-deblur")``, or its line in the list of file
  types that *File > Save Selected Layers* shows.

``layer.save("result.tif")`` alone uses napari's writer, which saves only the pixels.
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
"""Attributes of a layer that the writer uses."""


def write_image(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save an image layer as OME-TIFF; napari calls this to save a layer.

    An axis without a meaningful name is written as OME's "other". A size without a unit of length
    is written in OME's "reference frame", which is not a length either. If OME-TIFF does not
    support the axes or the dtype, napari's writer saves the image, without pixel sizes.

    Parameters
    ----------
    path : str
        The file. ".ome.tif" is added to a name without an ending of TIFF files.
    data : array_like
        The image. Of several resolutions the first is saved.
    attributes : mapping
        The attributes of the layer, as ``Layer.as_layer_data_tuple`` returns them.

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
    tiff_axes = [axes[k] for k in order]
    options = ome_tiff.build_tiff_options(pixels.dtype, tiff_axes, layer.name, source.rgb, record)
    _write_tiff(path, pixels.transpose((*order, *colours)), options)
    return [path]


def _write_tiff(path: str, pixels: NDArray[Any], options: Mapping[str, Any]) -> None:
    """Write a TIFF file; it replaces a file of the same name once it is complete."""
    import tifffile

    with write_atomically(path) as part:
        tifffile.imwrite(
            part, pixels, ome=True, bigtiff=pixels.nbytes > ome_tiff.BIGTIFF_BYTES, **options
        )


def restore_axes(source: Source, record: Mapping[str, Any] | None) -> tuple[Axis, ...]:
    """Return the axes of a layer; those of a result as they were in its run.

    The layer of a result may have no unit, if the run got the pixel size from the file or the user.
    """
    arguments = ((record or {}).get("origin") or {}).get("arguments") or {}
    labels, units, scale = (arguments.get(key) for key in ("axis_labels", "units", "scale"))
    axes = list(source.axes)
    for k, axis in enumerate(axes):
        name, step, unit = axis.name, axis.spacing, axis.unit
        if labels and len(labels) == len(axes) and name.lstrip("-").isdigit():
            name = str(labels[k])
        if not is_length(unit) and units and scale and len(units) == len(scale) == len(axes):
            step, unit = float(scale[k]), str(units[k])
        axes[k] = Axis(name, axis.size, step, unit)
    return tuple(axes)
