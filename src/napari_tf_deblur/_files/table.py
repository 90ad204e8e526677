"""What came of each file of a batch: a table, also as CSV."""

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
"""Of the CSV file; it is known by them."""


@dataclass(frozen=True)
class Row:
    """What came of one image.

    Attributes
    ----------
    file : Path
        The file that it is in.
    status : str
        Whether there is a result: "done", "there already" of a former batch, "failed", "stopped"
        before it was done, "planned" where nothing was to be done.
    sentence : str
        Whether to believe the result, or what went wrong.
    image : str
        Name of the image, where the file holds several.
    result : Path or None
        Where the result is, or would be.
    verdict : str
        The verdict in a word; empty where there is none.
    warnings : tuple of str
        What the user should know.
    blur, settings, shape : str
        In words: the PSF, what was set, and how large the image is.
    seconds : float
        How long it took; of what is planned, how long it takes.
    gigabytes : float
        Memory that it takes, of what is planned.
    pictures : tuple of Pictures
        Before and after; of each channel.
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
    """What came of a batch.

    Attributes
    ----------
    rows : tuple of Row
        One for each image, in the order in which they were done.
    output : Path
        The folder of the results.
    left : int
        Number of files that were not begun, because the batch was stopped.
    unwritten : tuple of str
        Why there is no table or report, in sentences.
    """

    rows: tuple[Row, ...]
    output: Path
    remaining: int = 0
    write_errors: tuple[str, ...] = ()

    @property
    def summary(self) -> Path:
        """The table as CSV."""
        return self.output / "summary.csv"

    @property
    def report(self) -> Path:
        """The report, for a browser."""
        return self.output / "report.html"

    @property
    def has_all_results(self) -> bool:
        """Whether every file has its result."""
        return not (self.remaining or self.write_errors) and all(
            row.is_success for row in self.rows
        )

    def summarize(self) -> str:
        """Say how many images are done, and how many are not."""
        counts = Counter(row.status for row in self.rows)
        parts = [f"{counts[status]} {status}" for status in get_args(Status) if counts[status]]
        parts += [f"{self.remaining} not begun"] if self.remaining else []
        return " ".join((f"{', '.join(parts) or 'Nothing'}.", *self.write_errors))


def format_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV, with a line of the columns' names."""
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
    """Refuse to replace a file of this name that no batch has written.

    Raises
    ------
    ValueError
        If there is such a file.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8") as file:
            own = file.read(len(begins_with)) == begins_with
    except (OSError, UnicodeDecodeError):
        own = False
    if not own:
        raise InvalidValueError(
            f"'{path}' is there already and was not written by napari-tf-deblur: it is left as it "
            "is. Choose another folder for the results."
        )


def replace_text(path: Path, text: str) -> None:
    """Write a text file; one of the same name is replaced when the new one is whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, "utf-8", newline="\n")
        os.replace(part, path)  # noqa: PTH105 - which a test can watch
    finally:
        part.unlink(missing_ok=True)


def _escape_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
