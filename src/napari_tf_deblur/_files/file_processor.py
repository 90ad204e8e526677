"""Process one file of a batch: open it, deblur its images, and save the results."""

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError, StoppedError, UserError
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._files.batch_options import BatchOptions
from napari_tf_deblur._files.before_after import render_before_after, render_saved_result
from napari_tf_deblur._files.channel_results import (
    find_depth_axis,
    merge_channel_results,
    project_maximum,
)
from napari_tf_deblur._files.inputs import Input
from napari_tf_deblur._files.opening import FileImage, open_images
from napari_tf_deblur._files.partial_result import PartialResult
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
    create_format,
    read_existing_stamp,
)
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import Row
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._layers.stage import Stage
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver
from napari_tf_deblur._storage.record_file import METADATA_KEY

STOPPED_SENTENCE = "Stopped before it was finished: nothing was saved."
STOPPED_PIECES_SENTENCE = (
    "Stopped before it was finished: the finished pieces are kept, and are not computed again."
)

_log = logging.getLogger(__name__)


class FileProcessor:
    """Processes the files of a batch, one at a time.

    Parameters
    ----------
    output : Path
        Folder of the results.
    settings : Settings
        How each image is deblurred.
    options : BatchOptions
        The options of the batch.
    sources : frozenset of Path
        All files of the batch, which are never overwritten.
    stop : threading.Event
        If it is set, processing ends at the next step.
    solver : Solver, optional
        Where the images are deblurred.
    """

    def __init__(
        self,
        output: Path,
        settings: Settings,
        options: BatchOptions,
        sources: frozenset[Path],
        stop: Event,
        solver: Solver = THIS_PROCESS,
    ) -> None:
        self._solver = solver
        self._output, self._settings, self._options = output, settings, options
        self._sources, self._stop = sources, stop
        self._format: Format = create_format(options.file_format)

    def process_file(self, file: Input) -> Iterator[tuple[str, float, Row | None]]:
        """Deblur all images of a file.

        Parameters
        ----------
        file : Input
            The file.

        Yields
        ------
        message : str
            What is done now.
        fraction : float
            Part of the file that is done, 0 to 1.
        row : Row or None
            The row of an image that is finished; else None.
        """
        yield "opening", 0.0, None
        try:
            pictures = open_images(file.path, self._options.reader)
            stamp = make_stamp(file.path, self._settings, self._options.reader)
        except Exception as error:  # of any reader, or of the disk
            yield "failed", 1.0, Row(file.path, "failed", describe_file_error(error))
            return
        for number, picture in enumerate(pictures):
            name, stem = "", file.result_stem
            if len(pictures) > 1:
                name, stem = picture.layer.name, stem.with_name(f"{stem.name} {number}")
            row = Row(file.path, "failed", "", name, shape=describe_shape(picture))
            work = self._process_image(
                picture, self._output / stem, {**stamp, "image": number}, row
            )
            try:
                while True:
                    message, fraction = next(work)
                    yield message, (number + fraction) / len(pictures), None
            except StopIteration as end:
                row = end.value
            except Exception as error:
                if not isinstance(error, UserError):
                    _log.debug("A file failed", exc_info=True)
                row = replace(row, sentence=describe_file_error(error))
            yield row.status, (number + 1) / len(pictures), row
            if self._stop.is_set():
                return

    def _process_image(
        self, picture: FileImage, stem: Path, stamp: dict[str, Any], row: Row
    ) -> Generator[tuple[str, float], None, Row]:
        """Deblur one image, save its result, and return its row."""
        start_time = time.monotonic()
        target = stem.with_name(f"{stem.name}{RESULT_ENDING}{self._format.suffix}")
        projection = stem.with_name(f"{stem.name}{RESULT_ENDING}_max{self._format.suffix}")
        has_projection = (
            self._options.max_projection and find_depth_axis(read_source(picture.layer)) is not None
        )
        row = replace(row, result=target)
        paths = [target, projection] if has_projection else [target]
        self._check_not_sources(paths)
        stamps = [read_existing_stamp(path, self._format) for path in paths]
        if self._options.resume and all(existing == stamp for existing in stamps):
            record = self._format.read_record(target) or {}
            row = fill_result_row(row, record, "there already", 0.0)
            return replace(row, pictures=tuple(render_saved_result(picture, target, record)))
        jobs = self._settings.jobs(picture)
        for job in jobs:
            job.check()
        if self._options.dry_run:
            return fill_planned_row(row, jobs)
        partial_result = PartialResult(stem, stamp)
        jobs = partial_result.assign_outputs(jobs)
        results: list[Result] = []
        for number, job in enumerate(jobs):
            result = yield from self._run_job(job, number, picture, len(jobs))
            if result is None:
                sentence = STOPPED_SENTENCE if job.output is None else STOPPED_PIECES_SENTENCE
                return replace(row, status="stopped", sentence=sentence)
            results.append(result)
        yield "saving", 1.0
        layer = merge_channel_results(picture, jobs, results, stamp)
        target.parent.mkdir(parents=True, exist_ok=True)
        maximum = project_maximum(layer, read_source(picture.layer)) if has_projection else None
        if maximum is not None:
            self._format.write(projection, maximum)
        if jobs[0].output is None:
            self._format.write(target, layer)
        else:
            self._format.save_from_zarr(partial_result.assemble(layer, jobs), target)
        names = picture.channels or (row.image or "image",)
        pictures = tuple(
            render_before_after(
                name, job.source, result.data, result.limits, result.deconvolution.background
            )
            for name, job, result in zip(names, jobs, results)
        )
        partial_result.delete()
        seconds = time.monotonic() - start_time
        row = fill_result_row(row, layer.metadata[METADATA_KEY], "done", seconds)
        return replace(row, pictures=pictures)

    def _check_not_sources(self, paths: list[Path]) -> None:
        """Refuse to overwrite an image of the batch."""
        for path in paths:
            if path.resolve() in self._sources:
                raise InvalidValueError(
                    f"'{path}' is one of the images, and no image is overwritten: choose another "
                    "folder for the results."
                )

    def _run_job(
        self, job: Job, number: int, picture: FileImage, count: int
    ) -> Generator[tuple[str, float], None, Result | None]:
        """Run one job; return its result, or None if it was stopped."""
        channel = f"{picture.channels[number]}: " if count > 1 else ""
        work: Generator[Stage | Step, None, Result | None] = job.steps(self._stop, self._solver)
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: Result | None = end.value
                return None if result is None or result.record["stopped"] else result
            except StoppedError:
                return None
            message = step.name if isinstance(step, Stage) else step.message
            fraction = step.fraction if isinstance(step, Step) else 0.0
            yield f"{channel}{message}", (number + fraction) / count
