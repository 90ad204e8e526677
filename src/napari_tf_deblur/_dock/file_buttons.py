"""Buttons that apply metadata of a file which its reader did not pass on to napari."""

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
    """Two buttons for the chosen image; a button is hidden if it would change nothing.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer of the image.
    on_read : callable
        Called when the metadata of a file were read in the background.

    Attributes
    ----------
    scale, split : PushButton
        Set the scale of the layer from its file; make a layer of each channel.
    """

    def __init__(self, viewer: ViewerModel, on_read: Callable[[], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._on_read = on_read
        self._layer: Image | None = None
        self.scale = PushButton(
            text="Set scale from file",
            tooltip="Give the layer the scale, the units and the axis names from its file, so that "
            "the viewer uses them, too. The dock uses them in any case",
        )
        self.split = PushButton(
            text="Split channels",
            tooltip="Replace the layer by one layer for each channel. Each channel has its own "
            "wavelength, and therefore its own blur",
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
        """Show the buttons that are useful for an image."""
        self._layer = layer
        is_useful = (False, False)
        if layer is not None and not is_own_layer(layer):
            source = read_source(layer)
            is_useful = lacks_scale(source), find_channel_axis(source) is not None
            if is_being_read(layer):
                self._timer.start()
        for button, visible in zip((self.scale, self.split), is_useful):
            button.native.setVisible(visible)
        self.setVisible(any(is_useful))

    def _poll_file(self) -> None:
        """Check whether the file has been read."""
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
