"""What can be done with a result: compare it, repeat it, take its settings."""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import ReferenceType, ref

from magicgui.widgets import CheckBox, PushButton
from napari.components import ViewerModel
from napari.layers import Image, Layer
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

Restore = Callable[[Mapping[str, Any]], list[str]]


class ResultRow(QWidget):
    """Buttons for the result that is looked at; there are none before there is a result.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    restore : callable
        Puts the settings of a record back into the fields; returns what it could not, in words.
    on_lost : callable
        Called when the result, or its source, is removed.

    Attributes
    ----------
    compare : CompareRow
        Shows the result beside its source.
    keep : CheckBox
        Whether the next run leaves this result alone.
    settings, copy_settings, copy : PushButton
        Put back what made the result; copy it as text; copy a script that makes the result.
    """

    def __init__(self, viewer: ViewerModel, restore: Restore, on_lost: Callable[[], None]) -> None:
        super().__init__()
        self._restore = restore
        self._on_lost = QTimer(self)  # after napari has removed it everywhere
        self._on_lost.setSingleShot(True)
        self._on_lost.timeout.connect(report_errors(on_lost))
        self._result_record: ResultRecord | None = None
        self._layer: ReferenceType[Layer] | None = None
        self._viewer = viewer
        self.compare = CompareRow(viewer)
        self.keep = CheckBox(
            text="Keep",
            tooltip="Leave this result as it is: the next run adds another layer instead of "
            "changing this one",
        )
        self.settings = PushButton(
            text="Use its settings", tooltip="Put the settings that made this result back"
        )
        self.copy_settings = PushButton(
            text="Copy settings",
            tooltip="Copy the settings that made this result, to paste into a file: the command "
            "line takes it for many images (--settings)",
        )
        self.copy = PushButton(
            text="Copy Python",
            tooltip="Copy a script that makes this result again, to paste into a file",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.compare)
        buttons = QWidget()
        row = WrappingGrid(buttons)
        for widget in (self.keep, self.settings, self.copy_settings, self.copy):
            row.addWidget(widget.native)
        column.addWidget(buttons)
        self.settings.changed.connect(self._use_settings)
        self.copy_settings.changed.connect(self._copy_settings)
        self.copy.changed.connect(self._copy)
        viewer.layers.events.removed.connect(self._on_removed)
        self.setVisible(False)

    def show_result(self, layer: Image, made: ResultRecord) -> None:
        """Offer what can be done with a result.

        Parameters
        ----------
        layer : napari.layers.Image
            The result.
        made : Made
            What made it.
        """
        self._result_record, self._layer = made, ref(layer)
        source = made.source
        self.compare.set_pair(source if isinstance(source, Image) else None, layer, made.residual)
        self.setVisible(True)

    def end(self) -> None:
        """Let go of the viewer, for the window is closing."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self.compare.end()

    def clear_result(self) -> None:
        """Offer nothing, for no result is looked at."""
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

    def _use_settings(self, *_: object) -> None:
        if self._result_record is not None:
            for words in self._restore(self._result_record.record):
                show_warning(words)

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


def _copy_text(write: Callable[[], str], done: str) -> None:
    """Copy what is written, and say so; or say what is wrong."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is None:
        return
    try:
        text = write()
    except Exception as error:  # the record of a file may be of any kind
        report_error(error)
    else:
        clipboard.setText(text)
        show_info(done)
