"""The widgets of the dialog "Deblur many files": their texts, layout and enabling."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
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

from napari_tf_deblur._dock.form import WrappingLabel
from napari_tf_deblur._dock.panel import PROGRESS_STEPS
from napari_tf_deblur._files.saving import FormatName
from napari_tf_deblur._files.table import Row

DIALOG_TEXT = (
    "Deblurs each image separately, with the settings in the dock. As in the dock, the optics and "
    "the pixel size are read from the file of each image. A layer that marks pixels to ignore is "
    "not used."
)

FORMAT_TITLES: dict[str, FormatName] = {"OME-TIFF": "ome-tiff", "OME-Zarr": "ome-zarr"}
"""Formats of the results, by the title that the dialog shows."""

DIALOG_SIZE = (620, 520)
"""Width and height of the dialog in pixels, where there is room. Set by eye."""


class FilesDialogLayout(QDialog):
    """Widgets that ask for files and a folder, and list the results. They do nothing yet.

    Parameters
    ----------
    parent : QWidget
        The dock.

    Attributes
    ----------
    files, rows : QListWidget
        The files and folders that are deblurred; the outcome of each image.
    output : QLineEdit
        The folder for the results.
    file_format : QComboBox
        The format of the results.
    resume, projection : QCheckBox
        Skip images that have a result; also save the maximum of volumes along z.
    start, stop, open_report : QPushButton
        Start; stop after the current step; show the report in a browser.
    add_files, add_folder, clear, choose_output : QPushButton
        Add files; add a folder; empty the list; choose the folder for the results.
    progress : QProgressBar
        Progress of the batch.
    status : WrappingLabel
        The current step, or how the batch ended.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Deblur many files")
        self.files, self.rows = QListWidget(), QListWidget()
        self.files.setToolTip("Files, and folders; every image in a folder is deblurred")
        self.rows.setWordWrap(True)
        self.rows.setToolTip("The outcome of each image")
        self.output = QLineEdit()
        self.output.setPlaceholderText("Folder for the results")
        self.resume = QCheckBox("Skip images that have a result already")
        self.resume.setToolTip(
            "A result that was made from the same file with the same settings is not made again"
        )
        self.projection = QCheckBox("Also save the maximum along z")
        self.projection.setToolTip("The maximum projection of each volume, as a separate file")
        self.file_format = QComboBox()
        for title, name in FORMAT_TITLES.items():
            self.file_format.addItem(title, name)
        self.file_format.setToolTip(
            "OME-TIFF: one file per image. OME-Zarr: for large images, in several resolutions"
        )
        self.progress = QProgressBar()
        self.status = WrappingLabel(DIALOG_TEXT)
        self.start, self.stop = _make_button("Deblur"), _make_button("Stop")
        self.start.setDefault(True)
        self.open_report = _make_button("Open report")
        self.add_files, self.add_folder = (
            _make_button("Add files..."),
            _make_button("Add folder..."),
        )
        self.clear, self.choose_output = _make_button("Clear"), _make_button("Choose...")
        self._arrange()

    def connect_buttons(self, slots: dict[QPushButton, Callable[[], None]]) -> None:
        """Connect each button with a function without arguments."""
        for button, slot in slots.items():
            button.clicked.connect(lambda *_, slot=slot: slot())

    def show_running(self, running: bool, has_report: bool) -> None:
        """Enable the widgets that can be used while a batch runs, or while none runs.

        Parameters
        ----------
        running : bool
            Whether a batch runs.
        has_report : bool
            Whether there is a report to open.
        """
        self.stop.setEnabled(running)
        self.open_report.setEnabled(has_report and not running)
        for widget in (
            self.start,
            self.add_files,
            self.add_folder,
            self.clear,
            self.choose_output,
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

    def _arrange(self) -> None:
        file_buttons = QWidget()
        right = QVBoxLayout(file_buttons)
        right.setContentsMargins(0, 0, 0, 0)
        for button in (self.add_files, self.add_folder, self.clear):
            right.addWidget(button)
        right.addStretch(1)
        grid = QGridLayout()
        lines: tuple[tuple[str, QWidget, QWidget], ...] = (
            ("Images", self.files, file_buttons),
            ("Results in", self.output, self.choose_output),
            ("Saved as", self.file_format, QWidget()),
        )
        for row, (text, field, beside) in enumerate(lines):
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(field, row, 1)
            grid.addWidget(beside, row, 2)
        buttons = QHBoxLayout()
        for button in (self.start, self.stop):
            buttons.addWidget(button)
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


def make_row_item(row: Row) -> QListWidgetItem:
    """Return a list item with the outcome of an image; its path and warnings are in the tooltip."""
    image = f", {row.image}" if row.image else ""
    item = QListWidgetItem(f"{row.file.name}{image}: {row.status}. {row.sentence}")
    item.setToolTip("\n".join((str(row.file), *row.warnings)))
    return item


def _make_button(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    return button
