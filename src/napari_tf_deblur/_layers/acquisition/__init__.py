"""How an image was acquired, as far as its layer and its file say it."""

from napari_tf_deblur._layers.acquisition.acquisition import Acquisition
from napari_tf_deblur._layers.acquisition.layer_metadata import (
    METADATA_KEYS,
    is_being_read,
    read_acquisition,
    wait_for_file,
)

__all__ = ["METADATA_KEYS", "Acquisition", "is_being_read", "read_acquisition", "wait_for_file"]
