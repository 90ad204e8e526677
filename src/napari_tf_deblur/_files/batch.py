"""Deblur many files, one after another. If one fails, the others are done all the same."""

import os
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from napari_tf_deblur._core.durations import estimate_seconds_left
from napari_tf_deblur._files.batch_options import BatchOptions, BatchStep
from napari_tf_deblur._files.file_processor import FileProcessor
from napari_tf_deblur._files.inputs import find_inputs
from napari_tf_deblur._files.report import MAX_PICTURES, REPORT_HEADER, render_report
from napari_tf_deblur._files.rows import describe_file_error
from napari_tf_deblur._files.saving import create_format
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import (
    COLUMNS,
    BatchTable,
    Row,
    check_replaceable,
    format_csv,
    replace_text,
)
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver

TABLE_INTERVAL = 1.0
"""Least time in seconds between two updates of the table's file. Set by eye."""


def run_batch(
    paths: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    settings: Settings | None = None,
    options: BatchOptions | None = None,
    stop: Event | None = None,
    solver: Solver = THIS_PROCESS,
) -> Generator[BatchStep, None, BatchTable]:
    """Deblur many files, step by step. Nothing is done before the first ``next``.

    Parameters
    ----------
    paths : sequence of path
        Files, folders and patterns; see `find_inputs`.
    output : path
        Folder of the results, of ``summary.csv`` and of ``report.html``. It is created if it does
        not exist.
    settings : Settings, optional
        How each image is deblurred.
    options : BatchOptions, optional
        The options of the batch.
    stop : threading.Event, optional
        If it is set, the batch ends at its next step. Finished results stay.
    solver : Solver, optional
        Where the images are deblurred; by default in this process.

    Yields
    ------
    BatchStep
        The progress; with a row if an image is finished.

    Returns
    -------
    BatchTable
        One row for each image.

    Raises
    ------
    ValueError
        If a file does not exist, or if a file in the folder of the results would be overwritten
        that was not written by a batch. Nothing is done then.
    """
    batch = _Batch(Path(output), settings or Settings(), options or BatchOptions())
    return (yield from batch.steps(paths, stop or Event(), solver))


class _Batch:
    """The state of a batch that is running."""

    def __init__(self, output: Path, settings: Settings, options: BatchOptions) -> None:
        create_format(options.file_format)  # raises if its packages are missing
        self._output, self._settings, self._options = output, settings, options
        self._rows: list[Row] = []
        self._table_time = 0.0
        self._write_errors: dict[Path, str] = {}
        self._start_time = time.monotonic()

    def steps(
        self, paths: Sequence[str | os.PathLike[str]], stop: Event, solver: Solver
    ) -> Generator[BatchStep, None, BatchTable]:
        """Process the files; see `run_batch`."""
        inputs = find_inputs(paths, self._output)
        sources = frozenset(file.path.resolve() for file in inputs)
        processor = FileProcessor(
            self._output, self._settings, self._options, sources, stop, solver
        )
        table = self._table()
        if not self._options.dry_run:
            check_replaceable(table.summary, ",".join(COLUMNS))
            check_replaceable(table.report, REPORT_HEADER)
            self._output.mkdir(parents=True, exist_ok=True)
        remaining = 0
        try:
            for number, file in enumerate(inputs):
                if stop.is_set():
                    remaining = len(inputs) - number
                    break
                for message, part, row in processor.process_file(file):
                    if row is not None:
                        self._add_row(row, table.summary)
                    fraction = (number + part) / len(inputs)
                    yield BatchStep(
                        number + 1,
                        len(inputs),
                        file.path,
                        message,
                        fraction,
                        estimate_seconds_left(time.monotonic() - self._start_time, fraction),
                        row,
                    )
        finally:
            self._write(table.summary, format_csv(self._rows))
            report = render_report(self._table(remaining), self._settings.to_text())
            self._write(table.report, report)
        return self._table(remaining)

    def _add_row(self, row: Row, summary: Path) -> None:
        """Add a row; write the table's file unless that was done less than a second ago."""
        if len(self._rows) >= MAX_PICTURES:
            row = replace(row, pictures=())
        self._rows.append(row)
        if time.monotonic() - self._table_time > TABLE_INTERVAL:
            self._write(summary, format_csv(self._rows))
            self._table_time = time.monotonic()

    def _table(self, remaining: int = 0) -> BatchTable:
        errors = tuple(self._write_errors.values())
        return BatchTable(tuple(self._rows), self._output, remaining, errors)

    def _write(self, path: Path, text: str) -> None:
        """Write the table or the report; an error is kept for the end of the batch."""
        if self._options.dry_run:
            return
        self._write_errors.pop(path, None)
        try:
            replace_text(path, text)
        except OSError as error:
            self._write_errors[path] = (
                f"'{path}' could not be written. {describe_file_error(error)}"
            )
