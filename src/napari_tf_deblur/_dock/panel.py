"""The part of the dock that is always in view: begin, stop, how far it is, what came of it."""

from magicgui.widgets import PushButton
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from napari_tf_deblur._core.durations import format_duration
from napari_tf_deblur._dock.form import WrappingLabel
from napari_tf_deblur._dock.updates import Update

SHORTCUT = "Ctrl+Return"
READY_TEXT = "Ready."
"""Said where there is nothing to say of the image."""

PROGRESS_STEPS = 1000
"""Steps of the progress bar. Definition: of its unit."""


class Panel(QWidget):
    """Buttons and a progress bar in a row; the words are to be placed apart.

    Attributes
    ----------
    deblur_button, stop_button, files_button : PushButton
        Begin a run; end it and keep the best image so far; ask for files to deblur alike.
    progress : QProgressBar
        How far the runs are, and how long the rest takes.
    status : Words
        What is going on, or whether to believe the result; where the time went in its tooltip.
    """

    def __init__(self) -> None:
        super().__init__()
        self.deblur_button = PushButton(text="Deblur")
        keys = QKeySequence(SHORTCUT).toString(QKeySequence.SequenceFormat.NativeText)
        self.deblur_button.tooltip = (
            f"Deblur the image; the result is a new layer and the image stays as it is ({keys})"
        )
        self.deblur_button.native.setShortcut(QKeySequence(SHORTCUT))
        self.stop_button = PushButton(
            text="Stop", enabled=False, tooltip="End now and keep the best image so far"
        )
        self.files_button = PushButton(
            text="Batch...",
            tooltip="Deblur many files with these settings, and save the results in a folder",
        )
        self.progress = QProgressBar()
        self.progress.setToolTip("How much is done, and about how long the rest takes")
        self.progress.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.status = WrappingLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        for button in (self.deblur_button, self.stop_button, self.files_button):
            row.addWidget(button.native)
        row.addWidget(self.progress, 1)
        self.set_message(READY_TEXT)
        self.end()

    def begin(self) -> None:
        """Show that a run is about to begin."""
        self._set_running(True)
        self.progress.setRange(0, 0)  # busy, until there is news
        self.progress.setFormat("")
        self.set_message("Preparing.")

    def end(self) -> None:
        """Show that nothing is going on."""
        self._set_running(False)
        self.progress.setRange(0, PROGRESS_STEPS)
        self.progress.setValue(0)
        self.progress.setFormat("")

    def show_progress(self, update: Update) -> None:
        """Show how far the runs are."""
        if update.fraction > 0:
            self.progress.setRange(0, PROGRESS_STEPS)
            self.progress.setValue(int(PROGRESS_STEPS * update.fraction))
            left = update.seconds_left
            self.progress.setFormat(
                "%p %" if left is None else f"%p %, {format_duration(left)} left"
            )
        self.set_message(f"{update.message[:1].upper()}{update.message[1:]}.")

    def set_message(self, words: str, tooltip: str = "") -> None:
        """Say what is going on."""
        self.status.set_message(words, tooltip)

    def _set_running(self, running: bool) -> None:
        self.deblur_button.enabled = not running
        self.stop_button.enabled = running
        self.files_button.native.setVisible(not running)  # the bar needs the room
