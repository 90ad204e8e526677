"""The part of the dock that is always visible: buttons, progress bar and status text."""

from magicgui.widgets import PushButton
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from napari_tf_deblur._core.durations import format_duration
from napari_tf_deblur._dock.form import WrappingLabel
from napari_tf_deblur._dock.updates import Update

SHORTCUT = "Ctrl+Return"
READY_TEXT = "Ready."
"""Status text if there is nothing else to report."""

PROGRESS_STEPS = 1000
"""Steps of the progress bar. Definition: of its unit."""


class Panel(QWidget):
    """Buttons and a progress bar in a row; the status text is placed elsewhere by the dock.

    Attributes
    ----------
    deblur_button, stop_button, files_button : PushButton
        Start a run; stop it and keep the best image so far; open the dialog for many files.
    progress : QProgressBar
        Progress of the runs, and the remaining time.
    status : WrappingLabel
        The current step, or the verdict on the result; its tooltip lists the time of each stage.
    """

    def __init__(self) -> None:
        super().__init__()
        self.deblur_button = PushButton(text="Deblur")
        keys = QKeySequence(SHORTCUT).toString(QKeySequence.SequenceFormat.NativeText)
        self.deblur_button.tooltip = (
            f"Deblur the image; the result is a new layer, the image does not change ({keys})"
        )
        self.deblur_button.native.setShortcut(QKeySequence(SHORTCUT))
        self.stop_button = PushButton(
            text="Stop", enabled=False, tooltip="Stop now and keep the best image so far"
        )
        self.files_button = PushButton(
            text="Batch...",
            tooltip="Deblur many files with these settings, and save the results in a folder",
        )
        self.progress = QProgressBar()
        self.progress.setToolTip("Progress, and the approximate remaining time")
        self.progress.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.status = WrappingLabel()
        # Its height follows from its width alone: lines of a narrower label would move the buttons.
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        for button in (self.deblur_button, self.stop_button, self.files_button):
            row.addWidget(button.native)
        row.addWidget(self.progress, 1)
        self.set_message(READY_TEXT)
        self.end()

    def begin(self) -> None:
        """Show that a run starts."""
        self._set_running(True)
        self.progress.setRange(0, 0)  # busy until the first update
        self.progress.setFormat("")
        self.set_message("Preparing.")

    def end(self) -> None:
        """Show that no run is in progress."""
        self._set_running(False)
        self.progress.setRange(0, PROGRESS_STEPS)
        self.progress.setValue(0)
        self.progress.setFormat("")

    def show_progress(self, update: Update) -> None:
        """Show the progress and the message of an update."""
        if update.fraction > 0:
            self.progress.setRange(0, PROGRESS_STEPS)
            self.progress.setValue(int(PROGRESS_STEPS * update.fraction))
            remaining = update.seconds_left
            self.progress.setFormat(
                "%p %" if remaining is None else f"%p %, {format_duration(remaining)} left"
            )
        self.set_message(f"{update.message[:1].upper()}{update.message[1:]}.")

    def set_message(self, text: str, tooltip: str = "") -> None:
        """Show a status text and its tooltip."""
        self.status.set_message(text, tooltip)

    def _set_running(self, running: bool) -> None:
        self.deblur_button.enabled = not running
        self.stop_button.enabled = running
        self.files_button.native.setVisible(not running)  # the progress bar needs its width
