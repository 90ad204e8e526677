"""Recognises the format of metadata, and reads them with the function for this format."""

from typing import Any

from napari_tf_deblur._layers.acquisition import imagej, ome, vendors
from napari_tf_deblur._layers.acquisition.metadata_description import MetadataDescription
from napari_tf_deblur._layers.acquisition.tree import child, children, entry, is_element


def describe_metadata(tree: Any, layer_name: str) -> MetadataDescription:
    """Read metadata of any known format.

    To add a format, write a function that returns a `MetadataDescription`, and add a line here
    that recognises the format.

    Parameters
    ----------
    tree : any
        The metadata; see `napari_tf_deblur._layers.acquisition.tree`.
    layer_name : str
        Name of the layer. It decides which image of a file with several images is read.

    Returns
    -------
    MetadataDescription
        The values that were found; empty for an unknown format.
    """
    if entry(tree, "ImageJ") is not None:  # here "images" is a number
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
