"""The dialog that deblurs many files with the settings of the dock."""

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.files_worker import FilesWorker
from napari_tf_deblur._dock.form import WrappingLabel
from napari_tf_deblur._dock.panel import PROGRESS_STEPS, format_time_left
from napari_tf_deblur._dock.reporting import report_error
from napari_tf_deblur._files.batch_options import BatchOptions, BatchStep
from napari_tf_deblur._files.saving import FormatName
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import BatchTable, Row

DIALOG_TEXT = (
    "Deblurs each image by itself, with the settings that the dock shows. What the file of an "
    "image says of its optics and pixels is used, as in the dock; layers that mark pixels are not."
)

FORMAT_TITLES: dict[str, FormatName] = {"OME-TIFF": "ome-tiff", "OME-Zarr": "ome-zarr"}
"""What results can be saved as."""

DIALOG_SIZE = (620, 520)
"""Width and height of the dialog in pixels, where there is room. Set by eye."""


class FilesDialog(QDialog):
    """Asks for files and a folder, deblurs them, and says what came of each.

    Parameters
    ----------
    parent : QWidget
        The dock.
    settings : callable
        Returns the settings that the dock shows.

    Attributes
    ----------
    files, rows : QListWidget
        The files and folders that are deblurred; what came of each image.
    output : QLineEdit
        The folder of the results.
    file_format : QComboBox
        In which format results are saved.
    resume, projection : QCheckBox
        Leave results that are there; save the maximum of volumes, too.
    start, stop, open_report : QPushButton
        Begin; end after the current step; show the report in a browser.
    progress : QProgressBar
        How far it is.
    status : Words
        What is going on, or how it ended.
    """

    def __init__(self, parent: QWidget, settings: Callable[[], Settings]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Deblur many files")
        self._settings = settings
        self._worker: FilesWorker | None = None
        self._table: BatchTable | None = None
        self._is_closed = False
        self.files, self.rows = QListWidget(), QListWidget()
        self.files.setToolTip("Files, and folders of which every image is taken")
        self.rows.setWordWrap(True)
        self.rows.setToolTip("What came of each image")
        self.output = QLineEdit()
        self.output.setPlaceholderText("Folder of the results")
        self.resume = QCheckBox("Leave results that are there already")
        self.resume.setToolTip(
            "Results that were made of the same file with the same settings are not made again"
        )
        self.projection = QCheckBox("Save the maximum along z, too")
        self.projection.setToolTip("Of each volume, as a file of its own")
        self.file_format = QComboBox()
        for title, name in FORMAT_TITLES.items():
            self.file_format.addItem(title, name)
        self.file_format.setToolTip(
            "OME-TIFF for one file per image; OME-Zarr for large images, in several resolutions"
        )
        self.progress = QProgressBar()
        self.status = WrappingLabel(DIALOG_TEXT)
        self.start = self._button("Deblur", self.begin)
        self.start.setDefault(True)
        self.stop = self._button("Stop", self.end)
        self.open_report = self._button("Open report", self._open_report)
        self._add_files = self._button("Add files...", self._ask_files)
        self._add_folder = self._button("Add folder...", self._ask_folder)
        self._clear = self._button("Clear", self.files.clear)
        self._choose = self._button("Choose...", self._ask_output)
        self._arrange()
        self._show_running(False)

    def add(self, paths: Sequence[str]) -> None:
        """Add files or folders, each once; the results go into a folder beside the first."""
        known = self._paths()
        for path in filter(None, paths):
            if path not in known:
                self.files.addItem(path)
        if any(paths) and not self.output.text():
            first = Path(next(filter(None, paths)))
            self.output.setText(str((first if first.is_dir() else first.parent) / "deblurred"))

    def begin(self) -> None:
        """Deblur the files that are chosen."""
        if self._worker is not None:
            return
        try:
            settings, paths, output = self._read_inputs()
        except Exception as error:  # one that leaves a slot would end the process
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
        self._show_running(True)
        self.status.set_message("Looking for files.")
        self._worker.start()

    def end(self) -> None:
        """End after the current step; what is finished stays."""
        if self._worker is not None:
            self.status.set_message("Stopping after this step. What is finished stays.")
            self._worker.stop()

    def abandon(self) -> None:
        """Stop without touching the dialog again, for the window is closing."""
        self._is_closed = True
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None

    def _read_inputs(self) -> tuple[Settings, list[str], str]:
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
        left = step.seconds_left
        self.progress.setFormat("%p %" if left is None else f"%p %, {format_time_left(left)} left")
        self.status.set_message(
            f"{step.file.name} ({step.number} of {step.count}): {step.message}."
        )
        if step.row is not None:
            self.rows.addItem(_item(step.row))
            self.rows.scrollToBottom()

    def _on_end(self, outcome: BatchTable | Exception) -> None:
        self._worker = None
        if self._is_closed:
            return
        self._show_running(False)
        if isinstance(outcome, Exception):
            self._fail(outcome)
            return
        self._table = outcome
        self.open_report.setEnabled(True)
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
        folder = QFileDialog.getExistingDirectory(self, "Folder of the results")
        if folder:
            self.output.setText(folder)

    def _show_running(self, running: bool) -> None:
        self.stop.setEnabled(running)
        self.open_report.setEnabled(self._table is not None and not running)
        own = (self.start, self._add_files, self._add_folder, self._clear, self._choose)
        for widget in (
            *own,
            self.files,
            self.output,
            self.file_format,
            self.resume,
            self.projection,
        ):
            widget.setEnabled(not running)
        self.progress.setRange(0, 0 if running else PROGRESS_STEPS)
        self.progress.setFormat("")
        if not running:
            self.progress.setValue(0)

    def _button(self, text: str, do: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda *_: do())
        return button

    def _arrange(self) -> None:
        grid = QGridLayout()
        beside = QVBoxLayout()
        for button in (self._add_files, self._add_folder, self._clear):
            beside.addWidget(button)
        beside.addStretch(1)
        right = QWidget()
        right.setLayout(beside)
        beside.setContentsMargins(0, 0, 0, 0)
        lines: tuple[tuple[str, QWidget, QWidget], ...] = (
            ("Images", self.files, right),
            ("Results in", self.output, self._choose),
            ("Saved as", self.file_format, QWidget()),
        )
        for row, (words, field, button_or_more) in enumerate(lines):
            label = QLabel(words)
            label.setBuddy(field)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(field, row, 1)
            grid.addWidget(button_or_more, row, 2)
        buttons = QHBoxLayout()
        for part in (self.start, self.stop):
            buttons.addWidget(part)
        buttons.addWidget(self.progress, 1)
        buttons.addWidget(self.open_report)
        column = QVBoxLayout(self)
        column.addLayout(grid, 1)
        for box in (self.resume, self.projection):
            column.addWidget(box)
        column.addLayout(buttons)
        column.addWidget(self.status)
        column.addWidget(self.rows, 2)
        self.resize(*DIALOG_SIZE)


def _item(row: Row) -> QListWidgetItem:
    """One line of what came of an image; all that was said of it in the tooltip."""
    image = f", {row.image}" if row.image else ""
    item = QListWidgetItem(f"{row.file.name}{image}: {row.status}. {row.sentence}")
    item.setToolTip("\n".join((str(row.file), *row.warnings)))
    return item
