"""Many files, one after another: opened, deblurred, saved. One that fails stops no other."""

import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._files.before_after import render_before_after, render_saved_result
from napari_tf_deblur._files.channel_results import (
    find_depth_axis,
    merge_channel_results,
    project_maximum,
)
from napari_tf_deblur._files.inputs import Input, find_inputs
from napari_tf_deblur._files.opening import FileImage, open_images
from napari_tf_deblur._files.partial_result import PartialResult
from napari_tf_deblur._files.report import MAX_PICTURES, REPORT_HEADER, render_report
from napari_tf_deblur._files.result_stamp import make_stamp
from napari_tf_deblur._files.rows import (
    describe_file_error,
    describe_shape,
    fill_planned_row,
    fill_result_row,
)
from napari_tf_deblur._files.saving import (
    RESULT_ENDING,
    Format,
    FormatName,
    create_format,
    read_existing_stamp,
)
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import (
    COLUMNS,
    BatchTable,
    Row,
    check_replaceable,
    format_csv,
    replace_text,
)
from napari_tf_deblur._layers.job import Job, Stage
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.source import METADATA_KEY, read_source

MIN_FRACTION_TO_ESTIMATE = 0.03
"""Smallest part of the work that must be done before the remaining time is shown. Set by eye:
earlier the time jumps."""

TABLE_INTERVAL = 1.0
"""Seconds between two times that the table is written. Set by eye."""

STOPPED_SENTENCE = "Stopped before it was done: nothing is saved of it."
STOPPED_PIECES_SENTENCE = (
    "Stopped before it was done: the pieces that are done are kept, and are not done again."
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchStep:
    """Where a batch stands.

    Attributes
    ----------
    number, count : int
        Which file it is, from 1, and of how many.
    file : Path
        The file.
    message : str
        What is going on.
    fraction : float
        Part of all the work that is done, 0 to 1.
    seconds_left : float or None
        How long the rest takes, once that can be told.
    row : Row or None
        What came of an image, once that is known.
    """

    number: int
    count: int
    file: Path
    message: str
    fraction: float
    seconds_left: float | None = None
    row: Row | None = None


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is done, besides the settings of each run.

    Attributes
    ----------
    resume : bool
        Whether a result that is there already is left as it is, if it was made of the same file
        with the same settings by the same version.
    dry_run : bool
        Whether it is only said what would be done.
    max_projection : bool
        Whether the maximum of each volume along z is saved, too.
    file_format : {"ome-tiff"}
        In which format results are saved.
    reader : str, optional
        Name of the napari plugin that reads the files; by default the first that can.
    """

    resume: bool = False
    dry_run: bool = False
    max_projection: bool = False
    file_format: FormatName = "ome-tiff"
    reader: str | None = None


def run_batch(
    paths: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    settings: Settings | None = None,
    options: BatchOptions | None = None,
    stop: Event | None = None,
) -> Generator[BatchStep, None, BatchTable]:
    """Deblur many files, step by step. Nothing happens before the first ``next``.

    Parameters
    ----------
    paths : sequence of path
        Files, folders, patterns; see `find_inputs`.
    output : path
        Folder of the results, of ``summary.csv`` and of ``report.html``; it is made if need be.
    settings : Settings, optional
        What is done with each image.
    options : BatchOptions, optional
        How.
    stop : threading.Event, optional
        Once it is set, the batch ends at its next step. What is finished stays.

    Yields
    ------
    BatchStep
        With a row where an image is finished.

    Returns
    -------
    BatchTable
        One row for each image.

    Raises
    ------
    ValueError
        If there is no such file, or a file of the results' folder would be overwritten that no
        batch has written. Nothing is done then.
    """
    batch = _Batch(Path(output), settings or Settings(), options or BatchOptions(), stop or Event())
    return (yield from batch.steps(paths))


class _Batch:
    """One batch, while it goes on."""

    def __init__(
        self, output: Path, settings: Settings, options: BatchOptions, stop: Event
    ) -> None:
        self._output, self._settings, self._options = output, settings, options
        self._stop = stop
        self._format: Format = create_format(options.file_format)
        self._rows: list[Row] = []
        self._table_time = 0.0
        self._write_errors: dict[Path, str] = {}
        self._sources: frozenset[Path] = frozenset()
        self._began = time.monotonic()

    def steps(
        self, paths: Sequence[str | os.PathLike[str]]
    ) -> Generator[BatchStep, None, BatchTable]:
        """See `run_batch`."""
        inputs = find_inputs(paths, self._output)
        self._sources = frozenset(one.path.resolve() for one in inputs)
        table = self._table()
        if not self._options.dry_run:
            check_replaceable(table.summary, ",".join(COLUMNS))
            check_replaceable(table.report, REPORT_HEADER)
            self._output.mkdir(parents=True, exist_ok=True)
        left = 0
        try:
            for number, one in enumerate(inputs):
                if self._stop.is_set():
                    left = len(inputs) - number
                    break
                for message, part, row in self._process_file(one):
                    if row is not None:
                        self._add_row(row, table.summary)
                    done = (number + part) / len(inputs)
                    yield BatchStep(
                        number + 1,
                        len(inputs),
                        one.path,
                        message,
                        done,
                        self._estimate_seconds_left(done),
                        row,
                    )
        finally:
            self._write(table.summary, format_csv(self._rows))
            self._write(table.report, render_report(self._table(left), self._settings.to_text()))
        return self._table(left)

    def _add_row(self, row: Row, summary: Path) -> None:
        """Keep what came of an image, in the table's file too, unless that was just written."""
        if len(self._rows) >= MAX_PICTURES:
            row = replace(row, pictures=())
        self._rows.append(row)
        if time.monotonic() - self._table_time > TABLE_INTERVAL:
            self._write(summary, format_csv(self._rows))
            self._table_time = time.monotonic()

    def _table(self, left: int = 0) -> BatchTable:
        return BatchTable(tuple(self._rows), self._output, left, tuple(self._write_errors.values()))

    def _write(self, path: Path, text: str) -> None:
        """Write the table or the report; what keeps it from that stops no file."""
        if self._options.dry_run:
            return
        self._write_errors.pop(path, None)
        try:
            replace_text(path, text)
        except OSError as error:
            self._write_errors[path] = (
                f"'{path}' could not be written. {describe_file_error(error)}"
            )

    def _estimate_seconds_left(self, done: float) -> float | None:
        spent = time.monotonic() - self._began
        return spent * (1 - done) / done if done > MIN_FRACTION_TO_ESTIMATE else None

    def _process_file(self, one: Input) -> Iterator[tuple[str, float, Row | None]]:
        """Do the images of one file; yield what is going on, the part done, and what came of it."""
        yield "opening", 0.0, None
        try:
            found = open_images(one.path, self._options.reader)
            stamp = make_stamp(one.path, self._settings, self._options.reader)
        except Exception as error:  # of any reader, or of the disk
            yield "failed", 1.0, Row(one.path, "failed", describe_file_error(error))
            return
        for number, picture in enumerate(found):
            several = len(found) > 1
            name = picture.layer.name if several else ""
            place = (
                one.result_stem.with_name(f"{one.result_stem.name} {number}")
                if several
                else one.result_stem
            )
            row = Row(one.path, "failed", "", name, shape=describe_shape(picture))
            work = self._process_image(
                picture, self._output / place, {**stamp, "image": number}, row
            )
            try:
                while True:
                    message, part = next(work)
                    yield message, (number + part) / len(found), None
            except StopIteration as end:
                row = end.value
            except Exception as error:
                if not isinstance(error, UserError):
                    _log.debug("A file failed", exc_info=True)
                row = replace(row, sentence=describe_file_error(error))
            yield row.status, (number + 1) / len(found), row
            if self._stop.is_set():
                return

    def _process_image(
        self, picture: FileImage, place: Path, stamp: dict[str, Any], row: Row
    ) -> Generator[tuple[str, float], None, Row]:
        """Do one image; return what came of it."""
        began = time.monotonic()
        target = place.with_name(f"{place.name}{RESULT_ENDING}{self._format.suffix}")
        flat = place.with_name(f"{place.name}{RESULT_ENDING}_max{self._format.suffix}")
        flattens = (
            self._options.max_projection and find_depth_axis(read_source(picture.layer)) is not None
        )
        wanted = [target, flat] if flattens else [target]
        row = replace(row, result=target)
        for path in wanted:
            if path.resolve() in self._sources:
                raise InvalidValueError(
                    f"'{path}' is one of the images, and no image is overwritten: choose another "
                    "folder for the results."
                )
        there = [read_existing_stamp(path, self._format) for path in wanted]
        if self._options.resume and all(found == stamp for found in there):
            record = self._format.read_record(target) or {}
            row = fill_result_row(row, record, "there already", 0.0)
            return replace(row, pictures=tuple(render_saved_result(picture, target, record)))
        jobs = self._settings.jobs(picture)
        for job in jobs:
            job.check()
        if self._options.dry_run:
            return fill_planned_row(row, jobs)
        unfinished = PartialResult(place, stamp)
        jobs = unfinished.assign_outputs(jobs)
        results: list[Result] = []
        for number, job in enumerate(jobs):
            result = yield from self._run_job(job, number, picture, len(jobs))
            if result is None:
                words = STOPPED_SENTENCE if job.output is None else STOPPED_PIECES_SENTENCE
                return replace(row, status="stopped", sentence=words)
            results.append(result)
        yield "saving", 1.0
        layer = merge_channel_results(picture, jobs, results, stamp)
        target.parent.mkdir(parents=True, exist_ok=True)
        maximum = project_maximum(layer, read_source(picture.layer)) if flattens else None
        if maximum is not None:
            self._format.write(flat, maximum)
        if jobs[0].output is None:
            self._format.write(target, layer)
        else:
            self._format.save_from_zarr(unfinished.assemble(layer, jobs), target)
        names = picture.channels or (row.image or "image",)
        shown = tuple(
            render_before_after(
                name, job.source, each.data, each.limits, each.deconvolution.background
            )
            for name, job, each in zip(names, jobs, results)
        )
        unfinished.delete()
        row = fill_result_row(row, layer.metadata[METADATA_KEY], "done", time.monotonic() - began)
        return replace(row, pictures=shown)

    def _run_job(
        self, job: Job, number: int, picture: FileImage, count: int
    ) -> Generator[tuple[str, float], None, Result | None]:
        """Do one job; return its result, or None if it was stopped."""
        before = f"{picture.channels[number]}: " if count > 1 else ""
        work: Generator[Stage | Step, None, Result | None] = job.steps(self._stop)
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: Result | None = end.value
                return None if result is None or result.record["stopped"] else result
            message = step.name if isinstance(step, Stage) else step.message
            part = step.fraction if isinstance(step, Step) else 0.0
            yield f"{before}{message}", (number + part) / count
