"""Updates the plot of the profiles when the line, the layers or the sliders change."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image, Shapes
from qtpy.QtCore import QTimer

from napari_tf_deblur._dock.profile_plot import ProfilePlot
from napari_tf_deblur._layers.profile import Profiles, sample_profiles
from napari_tf_deblur._layers.profile_line import (
    create_line_layer,
    find_line_layer,
    has_same_axes,
    remove_former_shapes,
)
from napari_tf_deblur._layers.record import find_result_record, read_pixel_length
from napari_tf_deblur._layers.uncertainty_layer import find_uncertainty_layer
from napari_tf_deblur._layers.view_state import TemporaryLayer

REDRAW_DELAY_MS = 20
"""Milliseconds within which several changes are drawn as one. Set by eye."""

WATCHED_EVENTS = ("data", "set_data", "scale", "translate", "rotate", "shear", "affine", "units")
"""Events of a layer after which its profile may have changed."""


class ProfileFollower:
    """Plots the profiles of a source and its result along a line.

    If a layer of the viewer has the standard deviations of the result, they are plotted as a band.

    The line is in the selected shapes layer, or in the uppermost visible one. If there is none, a
    layer with a line is added, in which the user can draw another line. This layer is removed at
    the end, and added again with the same line for the same source.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds the layers.
    plot : ProfilePlot
        The plot.
    on_lost : callable
        Called when the user has removed the layer of the line and there is no other.
    """

    def __init__(self, viewer: ViewerModel, plot: ProfilePlot, on_lost: Callable[[], None]) -> None:
        self._viewer = viewer
        self._plot = plot
        self._on_lost = on_lost
        self._images: list[ref[Image]] = []
        self._line: Shapes | None = None
        self._line_layer: Shapes | None = None
        self._get_line_image: Callable[[], Image | None] = lambda: None
        self._added: TemporaryLayer | None = None
        self._is_drawn = False  # the user has drawn another line in the added layer
        self._watched: list[tuple[Any, Callable[..., None]]] = []
        self._timer = QTimer(plot)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_DELAY_MS)
        self._timer.timeout.connect(self._draw)

    def begin(self, source: Image, result: Image) -> None:
        """Start to plot the profiles of a source and its result, instead of those of others."""
        if self._images and self._images[0]() is not source:
            self.end()
        self._images = [ref(source), ref(result)]
        self._line = find_line_layer(self._viewer, self._line)
        if self._line is None:
            self._line = self._add_line(source)
        layers = self._viewer.layers
        if self._line is self._line_layer:  # a result may have been added above it
            layers.move(layers.index(self._line), len(layers))
        self._watch()
        self._draw()

    def end(self) -> None:
        """Stop plotting, and remove the layer of the line if it was added here."""
        self._unwatch()
        self._images, self._line = [], None
        added, self._added = self._added, None
        if added is not None:
            added.remove()

    def _add_line(self, image: Image) -> Shapes:
        new_layer = create_line_layer(self._viewer, image)
        if (
            self._line_layer is None
            or self._get_line_image() is not image
            or not has_same_axes(self._line_layer, new_layer)
        ):
            self._line_layer, self._get_line_image = new_layer, ref(image)
        self._line_layer.visible = True
        self._added = TemporaryLayer(self._viewer, self._line_layer, select=True)
        self._line_layer.mode = "add_line"
        return self._line_layer

    def _watch(self) -> None:
        self._unwatch()
        layers, dims = self._viewer.layers, self._viewer.dims
        emitters = [dims.events.point, dims.events.order, dims.events.ndisplay]
        emitters += [layers.selection.events.changed]
        emitters += [layers.events.inserted, layers.events.removed]
        layers_to_watch: list[Any] = [self._line, *(image() for image in self._images)]
        for layer in layers_to_watch:
            if layer is not None:
                emitters += [getattr(layer.events, name) for name in WATCHED_EVENTS]
        self._watched = [(emitter, self._schedule_draw) for emitter in emitters]
        if self._line is not None:
            events: Any = self._line.events
            self._watched.append(
                (events.highlight, self._schedule_draw)
            )  # when other shapes are selected
            if self._line is self._line_layer:
                self._watched.append((events.data, self._on_line_data))
        for emitter, callback in self._watched:
            emitter.connect(callback)

    def _unwatch(self) -> None:
        for emitter, callback in self._watched:
            emitter.disconnect(callback)
        self._watched = []

    def _schedule_draw(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_line_data(self, event: Any) -> None:
        """Note that the user has finished a line; no shape may be removed before that."""
        self._is_drawn |= str(getattr(event, "action", "")) == "added"

    def _draw(self) -> None:
        if not self._watched:  # it has ended
            return
        if self._is_drawn and self._line_layer is not None:
            self._is_drawn = False
            remove_former_shapes(self._line_layer)
        line = find_line_layer(self._viewer, self._line) or self._line
        if line is None or line not in self._viewer.layers:
            self._plot.show_profiles(None)
            self._on_lost()
            return
        if line is not self._line:
            self._line = line
            self._watch()
        images = [image for image in (image() for image in self._images) if image is not None]
        if len(images) == len(self._images) and all(x in self._viewer.layers for x in images):
            self._plot.show_profiles(self._sample(line, images))

    def _sample(self, line: Shapes, images: list[Image]) -> Profiles | None:
        try:
            size = read_pixel_length(find_result_record(images[-1]))
            deviations = find_uncertainty_layer(images[-1])
            if deviations not in self._viewer.layers:
                deviations = None
            return sample_profiles(self._viewer, line, images, size, deviations)
        except Exception:  # such as a file that cannot be read; napari reports it
            return None
