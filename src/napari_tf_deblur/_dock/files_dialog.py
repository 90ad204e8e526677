"""The dialog that deblurs many files with the settings of the dock."""

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_tf_deblur._core.durations import format_duration
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.files_dialog_layout import FilesDialogLayout, make_row_item
from napari_tf_deblur._dock.files_worker import FilesWorker
from napari_tf_deblur._dock.panel import PROGRESS_STEPS
from napari_tf_deblur._dock.reporting import report_error
from napari_tf_deblur._files.batch_options import BatchOptions, BatchStep
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import BatchTable


class FilesDialog(FilesDialogLayout):
    """Asks for files and a folder, deblurs the files, and lists the outcome of each image.

    Parameters
    ----------
    parent : QWidget
        The dock.
    settings : callable
        Returns the settings that the dock shows.
    """

    def __init__(self, parent: QWidget, settings: Callable[[], Settings]) -> None:
        super().__init__(parent)
        self._settings = settings
        self._worker: FilesWorker | None = None
        self._table: BatchTable | None = None
        self._is_closed = False
        self.connect_buttons(
            {
                self.start: self.begin,
                self.stop: self.end,
                self.open_report: self._open_report,
                self.add_files: self._ask_files,
                self.add_folder: self._ask_folder,
                self.clear: self.files.clear,
                self.choose_output: self._ask_output,
            }
        )
        self.show_running(False, has_report=False)

    def add(self, paths: Sequence[str]) -> None:
        """Add files or folders, each once. By default the results go beside the first of them."""
        present = self._paths()
        for path in filter(None, paths):
            if path not in present:
                self.files.addItem(path)
        if any(paths) and not self.output.text():
            first = Path(next(filter(None, paths)))
            self.output.setText(str((first if first.is_dir() else first.parent) / "deblurred"))

    def begin(self) -> None:
        """Start to deblur the files in the list; nothing if a batch runs already."""
        if self._worker is not None:
            return
        try:
            settings, paths, output = self._read_inputs()
        except Exception as error:  # an exception that leaves a slot would end the process
            self._fail(error)
            return
        options = BatchOptions(
            resume=self.resume.isChecked(),
            max_projection=self.projection.isChecked(),
            file_format=self.file_format.currentData(),
        )
        self.rows.clear()
        self._table = None
        self._worker = FilesWorker(paths, output, settings, options, self._on_step, self._on_end)
        self.show_running(True, has_report=False)
        self.status.set_message("Looking for files.")
        self._worker.start()

    def end(self) -> None:
        """Stop after the current step; finished results are kept."""
        if self._worker is not None:
            self.status.set_message("Stopping after this step. Finished results are kept.")
            self._worker.stop()

    def abandon(self) -> None:
        """Stop without touching the dialog again, because the window is closing."""
        self._is_closed = True
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None

    def _read_inputs(self) -> tuple[Settings, list[str], str]:
        """Return the settings, the paths of the images, and the folder for the results."""
        paths = self._paths()
        if not paths:
            raise InvalidValueError("There are no files: add files, or a folder.")
        if not self.output.text().strip():
            raise InvalidValueError("There is no folder for the results: choose one.")
        return self._settings(), paths, self.output.text().strip()

    def _paths(self) -> list[str]:
        items = [self.files.item(k) for k in range(self.files.count())]
        return [item.text() for item in items if item is not None]

    def _on_step(self, step: BatchStep) -> None:
        if self._is_closed:
            return
        self.progress.setRange(0, PROGRESS_STEPS)
        self.progress.setValue(int(PROGRESS_STEPS * step.fraction))
        remaining = step.seconds_left
        self.progress.setFormat(
            "%p %" if remaining is None else f"%p %, {format_duration(remaining)} left"
        )
        self.status.set_message(
            f"{step.file.name} ({step.number} of {step.count}): {step.message}."
        )
        if step.row is not None:
            self.rows.addItem(make_row_item(step.row))
            self.rows.scrollToBottom()

    def _on_end(self, outcome: BatchTable | Exception) -> None:
        self._worker = None
        if self._is_closed:
            return
        if isinstance(outcome, Exception):
            self.show_running(False, has_report=False)
            self._fail(outcome)
            return
        self._table = outcome
        self.show_running(False, has_report=True)
        self.status.set_message(f"{outcome.summarize()} The results are in {outcome.output}.")

    def _fail(self, error: Exception) -> None:
        self.status.set_message(str(error))
        report_error(error)

    def _open_report(self) -> None:
        if self._table is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._table.report.absolute())))

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Images to deblur")
        self.add(paths)

    def _ask_folder(self) -> None:
        self.add([QFileDialog.getExistingDirectory(self, "Folder of images to deblur")])

    def _ask_output(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if folder:
            self.output.setText(folder)
