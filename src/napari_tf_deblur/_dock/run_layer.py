"""Shows the present image of a run in a layer, and restores the layers if the run fails."""

from collections.abc import Iterator
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur._dock.results import EarlierResults
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise
from napari_tf_deblur._layers.layer_order import find_insert_index, hides_layers_below
from napari_tf_deblur._layers.record import find_result_record
from napari_tf_deblur._layers.result import Result, make_result_layer
from napari_tf_deblur._layers.result_names import choose_distinct_name
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._layers.view_state import VisibilityState
from napari_tf_deblur._storage.record_file import METADATA_KEY


class RunLayer:
    """The layer of the result of one run.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the layer is added to.
    source : Source
        The image that is deblurred.
    earlier : EarlierResults
        Earlier results of the same source. If one is to be replaced, its layer shows the new
        result, and gets its old data back if the run fails. Otherwise a layer is added.

    Attributes
    ----------
    layer : napari.layers.Image or None
        The layer; None before the first image.
    """

    def __init__(self, viewer: ViewerModel, source: Source, earlier: EarlierResults) -> None:
        self._viewer, self._source = viewer, source
        self._active = viewer.layers.selection.active
        self.layer = layer = earlier.replaced
        self._others = [ref(other) for other in earlier.others]
        self._former = None if layer is None else (layer.data, dict(layer.metadata))
        # The name that the layer has; the user may change it.
        self._name = (find_result_record(layer) or {}).get("name")
        self._visibility = VisibilityState(viewer)
        self._image: Any = None  # the image in the layer
        # Limits of a result that is filled in piece by piece, and those that this run has set.
        self._limits: tuple[float, float] | None = None
        self._applied_limits: tuple[float, ...] = ()

    def show_update(self, update: Update) -> Iterator[bool | None]:
        """Show the image of an update, in steps of a task of `TaskQueue`."""
        self._limits = update.limits or self._limits
        if update.image is not None and update.image is not self._image:
            self._image = update.image
            if self.layer is None:
                self.layer = make_result_layer(self._source, update.image, self._limits)
                self._applied_limits = tuple(self.layer.contrast_limits)
                yield from self._add_layer(self.layer)
            else:
                self.layer.data = update.image
            yield None

    def write_result(self, result: Result) -> Iterator[bool | None]:
        """Write the result and its record into the layer, in steps of a task of `TaskQueue`."""
        layer, record = self.layer, result.record
        others = [r for other in self._others if (r := find_result_record(other()))]
        name = choose_distinct_name(record, others)
        if layer is None:
            self.layer = layer = make_result_layer(self._source, result.data, result.limits)
            layer.metadata, layer.name = {METADATA_KEY: record}, name
            yield from self._add_layer(layer)
            record["name"] = layer.name
            return
        if layer.name == self._name:  # else the user has renamed it
            layer.name = name
        record["name"] = layer.name
        layer.metadata = {METADATA_KEY: record}
        layer.data = result.data
        # Limits that the user has changed stay.
        if not layer.rgb and tuple(layer.contrast_limits) == self._applied_limits:
            layer.contrast_limits = result.limits

    def _add_layer(self, layer: Image) -> Iterator[bool | None]:
        """Add the layer, and hide its source and older results below it."""
        source = self._source.layer()
        others = [x for other in self._others if (x := other()) is not None]
        index = find_insert_index(self._viewer, source, others)
        for paint_separately in add_layer_stepwise(self._viewer, layer, index=index):
            if self._name is None and layer in self._viewer.layers:
                self._name = layer.name
            yield paint_separately
        for below in (source, *others):
            if below in self._viewer.layers and not hides_layers_below(layer):
                self._visibility.set_visible(below, False)

    def keep_picture(self) -> None:
        """Keep the last picture of a run that ended without a result; it has no verdict.

        An earlier result that the run replaced comes back.
        """
        if self.layer is None or self._former is not None:
            self.restore()
        elif self.layer.name == self._name:
            self.layer.name = f"{self._name} (stopped)"

    def restore(self) -> None:
        """Restore the layers to their state before the run."""
        layers = self._viewer.layers
        layer, self.layer = self.layer, None
        self._visibility.leave()
        if layer is None or layer not in layers:
            return
        if self._former is not None:
            layer.data, layer.metadata = self._former
            return
        layers.remove(layer)
        if self._active in layers:
            layers.selection.active = self._active

    def forget_arrays(self) -> None:
        """Let go of all arrays, because the run has ended."""
        self._former = self._image = None
