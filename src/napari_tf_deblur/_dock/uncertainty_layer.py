"""Shows the standard deviations of a result in a layer, at the end of the run that finds them."""

from collections.abc import Iterator
from dataclasses import replace
from weakref import ref

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.results import NO_RESULTS
from napari_tf_deblur._dock.run_layer import RunLayer
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.source import Source, read_source
from napari_tf_deblur._layers.uncertainty_layer import make_uncertainty_layer
from napari_tf_deblur._run.uncertainty import UNCERTAINTY_MEANING

STOPPED_TEXT = "Stopped; no standard deviations were found."
RESULT_DELETED_TEXT = "The result was deleted; its standard deviations are not shown."
CHANGED_TEXT = (
    "The image, or the result, is no longer what it was: the standard deviations would not be "
    "those of this result. Deblur the image again first."
)

LARGEST_COMPARED = 1_000_000
"""Largest number of pixels that are compared. Limit: of time."""

SAME_RESULT = 1e-3
"""Largest difference of two equal results, relative to the range. Guard: against rounding, which
differs between machines and threads; ``tests/dock/test_uncertainty.py``."""


def renew_job(job: Job) -> Job:
    """Return the job of a result with the image as it is now.

    Parameters
    ----------
    job : Job
        The job, without the pixels of its image.

    Raises
    ------
    InvalidValueError
        If the image was removed.
    """
    layer = job.source.layer()
    if not isinstance(layer, Image):
        raise InvalidValueError("The image of this result was removed: open it again and deblur.")
    return replace(job, source=read_source(layer))


class UncertaintyLayer(RunLayer):
    """The layer of the standard deviations of one result; the result does not change.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the layer is added to.
    source : Source
        The image that was deblurred.
    result : napari.layers.Image
        The layer of the result.

    Attributes
    ----------
    message : str
        How the run has ended.
    """

    def __init__(self, viewer: ViewerModel, source: Source, result: Image) -> None:
        super().__init__(viewer, source, NO_RESULTS)
        self._result = ref(result)
        self.message = STOPPED_TEXT

    def show_update(self, update: Update) -> Iterator[bool | None]:
        """Show nothing: the first values come at the end."""
        yield None

    def write_result(self, result: Result) -> Iterator[bool | None]:
        """Add the layer above that of the result, in steps of a task of `TaskQueue`."""
        yield None
        layer = self._result()
        if result.uncertainty is None:
            return
        if layer is None or layer not in self._viewer.layers:
            self.message = RESULT_DELETED_TEXT
        elif not _is_same(layer, result):
            self.message = CHANGED_TEXT
        else:
            self.layer = make_uncertainty_layer(self._source, result.uncertainty, layer)
            index = self._viewer.layers.index(layer) + 1
            yield from add_layer_stepwise(self._viewer, self.layer, index=index, select=False)
            self.message = UNCERTAINTY_MEANING


def _is_same(layer: Image, result: Result) -> bool:
    """Whether a layer shows a result, as far as a sample of its pixels tells."""
    shown = layer.data[0] if layer.multiscale else layer.data
    made = result.data[0] if isinstance(result.data, list) else result.data
    if np.shape(shown) != np.shape(made):
        return False
    step = max(1, made.size // LARGEST_COMPARED)
    first, second = (np.ravel(x)[::step].astype(np.float64) for x in (shown, made))
    unit = np.ptp(second[np.isfinite(second)], axis=None) if second.size else 0.0
    return bool(np.allclose(first, second, rtol=0, atol=SAME_RESULT * unit, equal_nan=True))
