"""Which format a piece of metadata is of, and what it says."""

from typing import Any

from napari_tf_deblur._layers.acquisition import imagej, ome, vendors
from napari_tf_deblur._layers.acquisition.metadata_description import MetadataDescription
from napari_tf_deblur._layers.acquisition.tree import child, children, entry, is_element


def describe_metadata(tree: Any, layer_name: str) -> MetadataDescription:
    """Read metadata of any of the formats; the layer's name says of which image.

    To add a format: a function that returns its `MetadataDescription`, and a line here that knows it.
    """
    if entry(tree, "ImageJ") is not None:  # whose "images" are a number
        return imagej.describe_imagej(tree)
    if images := children(tree, "Image"):
        return ome.describe_ome(tree, images, layer_name)
    if (information := child(tree, "Metadata", "Information")) is not None:
        return ome.describe_zeiss(tree, information)
    if channels := children(child(tree, "Metadata"), "Channel"):
        return vendors.describe_nikon(tree, channels)
    if is_element(tree):
        return vendors.describe_leica(tree)
    header = entry(tree, "header") or tree
    if entry(header, "wave1") is not None:
        return vendors.describe_deltavision(header)
    if (summary := entry(tree, "Summary")) is not None:
        return vendors.describe_micromanager(summary)
    if entry(tree, "VoxelSizeX") is not None:
        return vendors.describe_lsm(tree)
    if entry(tree, "XCalibration") is not None:
        return vendors.describe_metamorph(tree)
    if (dims := entry(tree, "dims")) is not None:
        return vendors.describe_openreadout(dims)
    if entry(tree, "tiff_resolution") is not None:
        return imagej.describe_tiff(tree)
    return MetadataDescription()
