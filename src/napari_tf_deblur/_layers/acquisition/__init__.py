"""How an image was acquired, as far as its layer and its file say it."""

from napari_tf_deblur._layers.acquisition.acquisition import Acquisition
from napari_tf_deblur._layers.acquisition.of_layer import (
    KEYS,
    acquisition_of,
    is_being_read,
    wait_for_file,
)

__all__ = ["KEYS", "Acquisition", "acquisition_of", "is_being_read", "wait_for_file"]
