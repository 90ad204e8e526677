"""Reads how an image was acquired, from the metadata of its layer and its file."""

from napari_tf_deblur._layers.acquisition.acquisition import Acquisition
from napari_tf_deblur._layers.acquisition.layer_metadata import (
    METADATA_KEYS,
    is_being_read,
    read_acquisition,
    wait_for_file,
)

__all__ = ["METADATA_KEYS", "Acquisition", "is_being_read", "read_acquisition", "wait_for_file"]
