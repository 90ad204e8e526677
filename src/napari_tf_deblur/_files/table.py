"""The table of a batch, one row for each image, also as CSV."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._files.before_after import BeforeAfter

Status = Literal["done", "there already", "failed", "stopped", "planned"]

COLUMNS = (
    "file",
    "image",
    "status",
    "result",
    "verdict",
    "sentence",
    "warnings",
    "blur",
    "settings",
    "shape",
    "seconds",
)
"""Columns of the CSV file. By the line of their names, a batch recognises its file."""


@dataclass(frozen=True)
class Row:
    """The result of one image, or the reason why there is none.

    Attributes
    ----------
    file : Path
        The file of the image.
    status : str
        "done"; "there already" for the result of an earlier batch; "failed"; "stopped" before it
        was finished; "planned" in a dry run.
    sentence : str
        The verdict in sentences, or what went wrong.
    image : str
        Name of the image; empty if the file holds only one.
    result : Path or None
        Path of the result, also in a dry run.
    verdict : str
        Kind of the verdict; empty if there is none.
    warnings : tuple of str
        Warnings for the user.
    blur, settings, shape : str
        The PSF, the settings, and the size and dtype of the image, in words.
    seconds : float
        Duration in seconds; in a dry run, an estimate.
    gigabytes : float
        Estimate of the memory in GB, in a dry run.
    pictures : tuple of BeforeAfter
        Pictures of each channel, before and after.
    """

    file: Path
    status: Status
    sentence: str
    image: str = ""
    result: Path | None = None
    verdict: str = ""
    warnings: tuple[str, ...] = ()
    blur: str = ""
    settings: str = ""
    shape: str = ""
    seconds: float = 0.0
    gigabytes: float = 0.0
    pictures: tuple[BeforeAfter, ...] = field(default=(), repr=False)

    @property
    def is_success(self) -> bool:
        """Whether nothing went wrong."""
        return self.status not in ("failed", "stopped")


@dataclass(frozen=True)
class BatchTable:
    """The rows of a batch.

    Attributes
    ----------
    rows : tuple of Row
        One for each image, in the order of processing.
    output : Path
        The folder of the results.
    remaining : int
        Number of files that were not begun, because the batch was stopped.
    write_errors : tuple of str
        Why table or report could not be written, in sentences.
    """

    rows: tuple[Row, ...]
    output: Path
    remaining: int = 0
    write_errors: tuple[str, ...] = ()

    @property
    def summary(self) -> Path:
        """Path of the table as CSV."""
        return self.output / "summary.csv"

    @property
    def report(self) -> Path:
        """Path of the report as HTML."""
        return self.output / "report.html"

    @property
    def has_all_results(self) -> bool:
        """Whether every file has its result."""
        return not (self.remaining or self.write_errors) and all(
            row.is_success for row in self.rows
        )

    def summarize(self) -> str:
        """Return the number of images of each status, in a sentence."""
        counts = Counter(row.status for row in self.rows)
        parts = [f"{counts[status]} {status}" for status in get_args(Status) if counts[status]]
        parts += [f"{self.remaining} not begun"] if self.remaining else []
        return " ".join((f"{', '.join(parts) or 'Nothing'}.", *self.write_errors))


def format_csv(rows: Iterable[Row]) -> str:
    """Format rows as CSV, with the names of the columns in the first line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = {
            **{name: getattr(row, name) for name in COLUMNS},
            "result": row.result or "",
            "warnings": " ".join(row.warnings),
            "seconds": f"{row.seconds:.2f}",
        }
        writer.writerow([_escape_formula(str(values[name])) for name in COLUMNS])
    return text.getvalue()


def check_replaceable(path: Path, begins_with: str) -> None:
    """Refuse to replace a file that was not written by a batch.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    begins_with : str
        The beginning of a file that was written by a batch.

    Raises
    ------
    ValueError
        If the file exists and begins otherwise.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8") as file:
            is_replaceable = file.read(len(begins_with)) == begins_with
    except (OSError, UnicodeDecodeError):
        is_replaceable = False
    if not is_replaceable:
        raise InvalidValueError(
            f"'{path}' exists already and was not written by napari-tf-deblur, so it is not "
            "replaced. Choose another folder for the results."
        )


def replace_text(path: Path, text: str) -> None:
    """Write a text file; an existing one is replaced when the new one is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, "utf-8", newline="\n")
        os.replace(part, path)  # noqa: PTH105 - a test replaces this function
    finally:
        part.unlink(missing_ok=True)


def _escape_formula(text: str) -> str:
    """Return text that spreadsheets do not read as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
