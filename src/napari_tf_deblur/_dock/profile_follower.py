"""Keeps the plot of profiles up to date with the line, the layers and the sliders."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image, Shapes
from qtpy.QtCore import QTimer

from napari_tf_deblur._dock.profile_plot import ProfilePlot
from napari_tf_deblur._layers.profile import Profiles, profiles
from napari_tf_deblur._layers.profile_line import find_line, is_like, keep_last, new_line
from napari_tf_deblur._layers.record import pixel_length, result_record
from napari_tf_deblur._layers.view_state import Added

PAUSE_MS = 20
"""Milliseconds within which several changes are drawn as one. Set by eye."""

CHANGES = ("data", "set_data", "scale", "translate", "rotate", "shear", "affine", "units")
"""What a layer emits when its content or its place changes."""


class ProfileFollower:
    """Plots the profiles of a source and its result along a line, as long as it is asked to.

    It is the line of the selected layer of shapes, or of the uppermost one that is shown. If
    there is none, a layer with a line is added, in which the user can draw another; it is
    removed at the end, and comes back with the same line for the same source.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers are.
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
        self._own: Shapes | None = None
        self._own_for: Callable[[], Image | None] = lambda: None
        self._added: Added | None = None
        self._is_drawn = False  # another line in the layer that was added
        self._watched: list[tuple[Any, Callable[..., None]]] = []
        self._timer = QTimer(plot)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._draw)

    def begin(self, source: Image, result: Image) -> None:
        """Plot profiles of these from now on, in place of those that were plotted so far."""
        if self._images and self._images[0]() is not source:
            self.end()
        self._images = [ref(source), ref(result)]
        self._line = find_line(self._viewer, self._line)
        if self._line is None:
            self._line = self._add_line(source)
        layers = self._viewer.layers
        if self._line is self._own:  # a result may have been added above it
            layers.move(layers.index(self._line), len(layers))
        self._watch()
        self._draw()

    def end(self) -> None:
        """Plot no more, and remove the line if it was added here."""
        self._unwatch()
        self._images, self._line = [], None
        added, self._added = self._added, None
        if added is not None:
            added.undo()

    def _add_line(self, image: Image) -> Shapes:
        another = new_line(self._viewer, image)
        if self._own is None or self._own_for() is not image or not is_like(self._own, another):
            self._own, self._own_for = another, ref(image)
        self._own.visible = True
        self._added = Added(self._viewer, self._own, select=True)
        self._own.mode = "add_line"
        return self._own

    def _watch(self) -> None:
        self._unwatch()
        layers, dims = self._viewer.layers, self._viewer.dims
        emitters = [dims.events.point, dims.events.order, dims.events.ndisplay]
        emitters += [layers.selection.events.changed]
        emitters += [layers.events.inserted, layers.events.removed]
        watched: list[Any] = [self._line, *(image() for image in self._images)]
        for layer in watched:
            if layer is not None:
                emitters += [getattr(layer.events, name) for name in CHANGES]
        self._watched = [(emitter, self._later) for emitter in emitters]
        if self._line is not None:
            events: Any = self._line.events
            self._watched.append((events.highlight, self._later))  # of selected shapes
            if self._line is self._own:
                self._watched.append((events.data, self._note_drawn))
        for emitter, follow in self._watched:
            emitter.connect(follow)

    def _unwatch(self) -> None:
        for emitter, follow in self._watched:
            emitter.disconnect(follow)
        self._watched = []

    def _later(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _note_drawn(self, event: Any) -> None:
        """Note that the user has finished drawing a line; in mid-drawing none may be removed."""
        self._is_drawn |= str(getattr(event, "action", "")) == "added"

    def _draw(self) -> None:
        if not self._watched:  # it has ended
            return
        if self._is_drawn and self._own is not None:
            self._is_drawn = False
            keep_last(self._own)
        line = find_line(self._viewer, self._line) or self._line
        if line is None or line not in self._viewer.layers:
            self._plot.show_profiles(None)
            self._on_lost()
            return
        if line is not self._line:
            self._line = line
            self._watch()
        images = [image for image in (image() for image in self._images) if image is not None]
        if len(images) == len(self._images) and all(x in self._viewer.layers for x in images):
            self._plot.show_profiles(self._profiles(line, images))

    def _profiles(self, line: Shapes, images: list[Image]) -> Profiles | None:
        try:
            size = pixel_length(result_record(images[-1]))
            return profiles(self._viewer, line, images, size)
        except Exception:  # of a file that cannot be read, say: napari tells of that
            return None
