"""The buttons for a result: compare it, keep it, use or copy its settings."""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import ReferenceType, ref

from magicgui.widgets import CheckBox, PushButton
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tf_deblur._dock.compare import CompareRow
from napari_tf_deblur._dock.reporting import report_error, report_errors
from napari_tf_deblur._dock.results import ResultRecord
from napari_tf_deblur._dock.wrapping_grid import WrappingGrid
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.script import write_script

UNCERTAINTY_TOOLTIP = (
    "Find how far the noise of the image moves each pixel of this result: the image is deblurred "
    "seven times, and a layer of standard deviations is added. The profile shows them as a band"
)
NO_UNCERTAINTY = (
    "Only for results of this session with one PSF that were not stopped and not done in pieces: "
    "deblur again to find how sure they are"
)

Restore = Callable[[Mapping[str, Any]], list[str]]


class ResultRow(QWidget):
    """Buttons for the chosen result; hidden as long as there is none.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    restore : callable
        Sets the fields to the settings of a record; returns a sentence for each that failed.
    on_lost : callable
        Called when the result, or its source, was removed.
    find_uncertainty : callable
        Called with a result and its record, to find its standard deviations.

    Attributes
    ----------
    compare : CompareRow
        Buttons that compare the result with its source.
    keep : CheckBox
        Whether the next run adds a layer instead of changing this result.
    uncertainty : PushButton
        Finds the standard deviations of the result.
    settings, copy_settings, copy : PushButton
        Use the settings of the result; copy them as text; copy a script that repeats the result.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        restore: Restore,
        on_lost: Callable[[], None],
        find_uncertainty: Callable[[Image, ResultRecord], None],
    ) -> None:
        super().__init__()
        self._restore, self._find_uncertainty = restore, find_uncertainty
        self._on_lost = QTimer(self)  # runs after napari has removed the layer everywhere
        self._on_lost.setSingleShot(True)
        self._on_lost.timeout.connect(report_errors(on_lost))
        self._result_record: ResultRecord | None = None
        self._layer: ReferenceType[Image] | None = None
        self._viewer = viewer
        self.compare = CompareRow(viewer)
        self.keep = CheckBox(
            text="Keep",
            tooltip="Keep this result: the next run adds a new layer instead of changing it",
        )
        self.uncertainty = PushButton(text="Uncertainty")
        self.settings = PushButton(
            text="Use its settings", tooltip="Set the fields to the settings of this result"
        )
        self.copy_settings = PushButton(
            text="Copy settings",
            tooltip="Copy the settings of this result as text. Paste them into a file; the command "
            "line applies that file to many images (--settings FILE)",
        )
        self.copy = PushButton(
            text="Copy Python",
            tooltip="Copy a Python script that repeats this result. Paste it into a file",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.compare)
        buttons = QWidget()
        row = WrappingGrid(buttons)
        for widget in (self.keep, self.uncertainty, self.settings, self.copy_settings, self.copy):
            row.addWidget(widget.native)
        column.addWidget(buttons)
        self.uncertainty.changed.connect(self._on_uncertainty)
        self.settings.changed.connect(self._use_settings)
        self.copy_settings.changed.connect(self._copy_settings)
        self.copy.changed.connect(self._copy)
        viewer.layers.events.removed.connect(self._on_removed)
        self.setVisible(False)

    def show_result(self, layer: Image, record: ResultRecord) -> None:
        """Show the buttons for a result.

        Parameters
        ----------
        layer : napari.layers.Image
            The result.
        record : ResultRecord
            The record of the result, its source and its residual.
        """
        self._result_record, self._layer = record, ref(layer)
        source = record.source
        self.compare.set_pair(source if isinstance(source, Image) else None, layer, record.residual)
        can_repeat = record.uncertainty_job is not None
        self.uncertainty.enabled = can_repeat
        self.uncertainty.tooltip = UNCERTAINTY_TOOLTIP if can_repeat else NO_UNCERTAINTY
        self.setVisible(True)

    def end(self) -> None:
        """Disconnect from the viewer, because the window is closing."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self.compare.end()

    def clear_result(self) -> None:
        """Hide the buttons, because no result is chosen."""
        self._result_record = self._layer = None
        self.compare.set_pair(None, None, None)
        self.setVisible(False)

    def _on_removed(self, event: object) -> None:
        removed = getattr(event, "value", None)
        if self._layer is None or self._result_record is None:
            return
        if removed is self._layer():
            self.clear_result()
            self._on_lost.start(0)
        elif removed is not None and removed is self._result_record.source:
            self._on_lost.start(0)

    def _on_uncertainty(self, *_: object) -> None:
        layer = None if self._layer is None else self._layer()
        if isinstance(layer, Image) and self._result_record is not None:
            self._find_uncertainty(layer, self._result_record)

    def _use_settings(self, *_: object) -> None:
        if self._result_record is not None:
            for sentence in self._restore(self._result_record.record):
                show_warning(sentence)

    def _copy_settings(self, *_: object) -> None:
        if self._result_record is not None:
            record = self._result_record.record
            _copy_text(
                lambda: Settings.from_record(record).as_json(),
                "The settings of this result are copied: paste them into a file.",
            )

    def _copy(self, *_: object) -> None:
        layer = None if self._layer is None else self._layer()
        if layer is not None and self._result_record is not None:
            record = {**self._result_record.record, "name": layer.name}
            _copy_text(
                lambda: write_script(record),
                "A Python script that repeats this result is copied: paste it into a file.",
            )


def _copy_text(write: Callable[[], str], message: str) -> None:
    """Copy a text to the clipboard and show a message; report an error if there is one."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is None:
        return
    try:
        text = write()
    except Exception as error:  # a record from a file may hold anything
        report_error(error)
    else:
        clipboard.setText(text)
        show_info(message)
