"""Buttons that give an image what its file says and its reader dropped."""

from collections.abc import Callable

from magicgui.widgets import PushButton
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.wrapping_grid import WrappingGrid
from napari_tf_deblur._layers.acquisition import is_being_read
from napari_tf_deblur._layers.file_scale import (
    apply_file_scale,
    find_channel_axis,
    lacks_scale,
    split_channels,
)
from napari_tf_deblur._layers.source import is_own_layer, read_source

POLL_INTERVAL_MS = 200
"""Milliseconds between two checks of whether a file was read. Set by eye."""


class FileButtons(QWidget):
    """Buttons for the image that is chosen; only those are shown that would change something.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer of the image.
    on_read : callable
        Called when a file that took long is read.

    Attributes
    ----------
    scale, split : PushButton
        Set the scale of the layer; make a layer of each channel.
    """

    def __init__(self, viewer: ViewerModel, on_read: Callable[[], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._on_read = on_read
        self._layer: Image | None = None
        self.scale = PushButton(
            text="Set scale from file",
            tooltip="Give the layer the scale, the units and the names of axes that its file says, "
            "so that the viewer shows them, too. The dock uses them either way",
        )
        self.split = PushButton(
            text="Split channels",
            tooltip="Replace the layer by one layer for each channel. Each has its own wavelength, "
            "and so its own blur",
        )
        row = WrappingGrid(self)
        for button in (self.scale, self.split):
            row.addWidget(button.native)
        self.scale.changed.connect(self._on_scale)
        self.split.changed.connect(self._on_split)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_INTERVAL_MS)
        self._timer.timeout.connect(self._poll_file)
        self.choose(None)

    def choose(self, layer: Image | None) -> None:
        """Offer what suits an image."""
        self._layer = layer
        wanted = (False, False)
        if layer is not None and not is_own_layer(layer):
            source = read_source(layer)
            wanted = lacks_scale(source), find_channel_axis(source) is not None
            if is_being_read(layer):
                self._timer.start()
        for button, visible in zip((self.scale, self.split), wanted):
            button.native.setVisible(visible)
        self.setVisible(any(wanted))

    def _poll_file(self) -> None:
        """See whether the file is read by now."""
        if self._layer is None or not is_being_read(self._layer):
            self._timer.stop()
            if self._layer is not None:
                self._on_read()

    def _on_scale(self) -> None:
        if self._layer is not None:
            apply_file_scale(self._layer)
            if len(self._viewer.layers) == 1:
                self._viewer.reset_view()

    def _on_split(self) -> None:
        layer, layers = self._layer, self._viewer.layers
        if layer is None or layer not in layers or not (channels := split_channels(layer)):
            return
        place = layers.index(layer)
        layers.remove(layer)  # first: napari warns of units of layers with other axes
        for channel in reversed(channels):
            layers.insert(place, channel)
        layers.selection = set(channels)
