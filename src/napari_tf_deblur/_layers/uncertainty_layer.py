"""The layer of the standard deviations of a result, and which result it belongs to."""

from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_tf_deblur._layers.record import find_result_record
from napari_tf_deblur._layers.result import (
    INTENSITY_UNIT,
    SOURCE_DISPLAY_KEYS,
    fit_contrast_limits,
)
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._run.uncertainty import UNCERTAINTY_MEANING
from napari_tf_deblur._storage.record_file import METADATA_KEY

UNCERTAINTY_SUFFIX = " standard deviation"

_uncertainty_layers: WeakKeyDictionary[Layer, tuple[ReferenceType[Image], Any]] = (
    WeakKeyDictionary()
)
"""For results of this session, the layer of the standard deviations, and the record at that time:
a result that is replaced by another run has another record."""


def make_uncertainty_layer(
    source: Source, uncertainty: NDArray[np.float32], result: Image
) -> Image:
    """Make the layer of standard deviations, at the position of the source; zero is black.

    Parameters
    ----------
    source : Source
        The image that was deblurred.
    uncertainty : ndarray of float32
        The standard deviations, with the axes of the layer; for a colour image, of each colour.
    result : napari.layers.Image
        The layer of the result, with its record.

    Returns
    -------
    napari.layers.Image
        The layer, not yet in any viewer. For a colour image, it shows the root mean square over
        the colours. It belongs to the result as long as that is not replaced.
    """
    values = uncertainty
    if source.rgb:
        values = np.sqrt(np.mean(np.square(uncertainty), axis=-1))
    state = {key: value for key, value in source.state.items() if key not in SOURCE_DISPLAY_KEYS}
    layer = Image(
        values,
        name=result.name + UNCERTAINTY_SUFFIX,
        metadata={
            METADATA_KEY: {
                "kind": "uncertainty",
                "source": source.name,
                "result": result.name,
                "unit": INTENSITY_UNIT,
                "meaning": UNCERTAINTY_MEANING,
            }
        },
        contrast_limits=(0.0, max(fit_contrast_limits(values)[1], 1e-12)),
        rgb=False,
        multiscale=False,
        **state,
    )
    _uncertainty_layers[result] = ref(layer), find_result_record(result)
    return layer


def find_uncertainty_layer(result: Image | None) -> Image | None:
    """Return the layer of the standard deviations of a result of this session; None if none."""
    if result is None or result not in _uncertainty_layers:
        return None
    layer, record = _uncertainty_layers[result]
    return layer() if find_result_record(result) is record else None
