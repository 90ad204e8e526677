"""The work on pieces: given to workers, waited for, and done again smaller where memory ran out."""

import errno
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import OutOfMemoryError, PiecesFailedError
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, StoredImage, map_steps
from napari_tf_deblur._large.cluster import WorkerPool
from napari_tf_deblur._large.large_image import LargeImage, RegionReader
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.piece_summary import (
    JournalEntries,
    PieceSummary,
    format_place,
    verify_entries,
)
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._large.progress import Progress
from napari_tf_deblur._large.sample_calibration import raise_if_stopped
from napari_tf_deblur._large.tasks import (
    PieceTask,
    read_region_or_explain,
    run_piece_task,
    solve_samples,
    update_levels,
)
from napari_tf_deblur._large.written_image import WrittenImage
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur._storage.zarr_image import ZarrImage

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

TASKS_PER_WORKER = 2
"""Pieces that are given out for each worker, so that none waits. Derived: one that is solved, and
the next."""

LEVEL_UPDATE_INTERVAL = 5.0
"""Least seconds between two updates of the coarser resolutions. Limit: of time."""

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk, a user's part of it or a file that has no room."""

MAX_LEVEL_RESTARTS = 5
"""Times that coarser resolutions are begun again whose worker ended. Guard: against a piece that
ends workers."""

MAX_REPORTED_FAILURES = 3
"""Most failed pieces that are named. Set by eye."""

EMPTY_ARRAY = np.zeros(0, np.float32)
"""Array that stands for no pixels. Definition: of a step without an image."""


def solve_samples_on_worker(
    worker_pool: WorkerPool, asked: Arguments, stop: Event
) -> Generator[Step, None, "Deconvolution"]:
    """Let a worker deblur samples; the process that asks never loads TensorFlow."""
    words: RunStage = "deblurred by a worker"
    future = worker_pool.client.submit(solve_samples, asked, worker_pool.thread_limit, pure=False)
    try:
        while not future.done():
            raise_if_stopped(stop)
            worker_pool.count_workers()
            yield Step(words, words, 0.0, EMPTY_ARRAY, StoredImage(np.asarray(asked.image)))
            stop.wait(REPORT_INTERVAL)
    finally:
        if not future.done():
            worker_pool.cancel([future])
    error = future.exception()
    if _is_memory_error(error):
        raise OutOfMemoryError(
            f"Samples of the image could not be deblurred: {_describe_task_error(error)}"
        )
    done: Deconvolution = future.result()
    return done


class PieceDispatcher(ImageSource):
    """Gives pieces to workers until all are done, and the image as it is in the file.

    Parameters
    ----------
    image : LargeImage
        The image.
    recipe : Recipe
        How each piece is deblurred.
    cut : Cut
        The pieces.
    output : str
        Folder of the OME-Zarr.
    crew : Crew
        The workers.
    stop : threading.Event
        Ends it.
    losses : ndarray of float32, optional
        Of the samples, to be shown.

    Attributes
    ----------
    outcome : Outcome
        What is done.
    seconds : float
        Duration.
    """

    def __init__(
        self,
        image: LargeImage,
        recipe: PieceSolver,
        cut: PieceGrid,
        output: str,
        crew: WorkerPool,
        stop: Event,
        losses: NDArray[np.float32] = EMPTY_ARRAY,
    ) -> None:
        self._losses = losses
        self._image, self._recipe, self._cut, self._output = image, recipe, cut, output
        self._crew, self._stop = crew, stop
        self._journal = Journal.for_image(output)
        self._entries: JournalEntries = {}
        self._disk_is_full = False
        self._is_transferable: bool | None = None
        self._halvings = 0  # with which pieces were done for which memory did not suffice
        self._suspects: list[PieceTask] = []  # that were with workers that ended
        self._exclusive_piece: int | None = None  # the suspect that is done with no other piece
        self._level_regions: list[Region] = []
        self._level_restarts = 0
        self._failed: dict[int, str] = {}
        self._stale_regions: list[Region] = []
        self._level_future: Any = None
        self._level_start_time = time.monotonic()
        self._shown_version: tuple[int, float] | None = None
        self._shown_levels: list[Any] = []
        self.seconds = 0.0

    @property
    def outcome(self) -> PieceSummary:
        """What is done."""
        return PieceSummary(self._entries, len(self._cut))

    def steps(self) -> Generator[Step, None, None]:
        """Do all pieces that are not done.

        Raises
        ------
        PiecesFailedError
            If some failed, which the message names; the others are done, as far as they can be.
        """
        began = time.perf_counter()
        image = open_image(self._output)
        image.remove_leftovers()
        self._journal.remove_leftovers()
        progress = Progress(len(self._cut))
        held = verify_entries(self._journal, self._cut, image, self._stop)
        try:
            with report_full_disk(self._output):
                self._journal.reopen()
            self._entries = yield from map_steps(held, lambda _: self._make_step(progress))
            self._stale_regions = [
                piece.output_region for piece in self._cut if piece.number in self._entries
            ]
            yield from self._dispatch_pieces()
            if self._drop_missing_entries(image):
                yield from self._dispatch_pieces()
            if (
                not self._failed
                and len(self._entries) == len(self._cut)
                and not self._stale_regions
            ):
                with report_full_disk(self._output):
                    self._journal.finish()
        finally:
            self.seconds = time.perf_counter() - began
        if self._failed:
            raise PiecesFailedError(self._describe_failures())

    def _dispatch_pieces(self) -> Generator[Step, None, None]:
        """Give all pieces that are not done to workers, some at a time, until they are."""
        progress = Progress(len(self._cut), len(self._entries))
        waiting = iter(piece for piece in self._cut if piece.number not in self._entries)
        out: dict[Any, PieceTask] = {}
        try:
            while True:
                workers = self._crew.count_workers()
                if self._suspects and not (out or self._level_future or self._should_end):
                    suspect = self._suspects.pop()
                    out[self._submit_task(suspect)] = suspect
                    self._exclusive_piece = suspect.piece.number
                while len(out) < self._max_pending(workers):
                    piece = next(waiting, None)
                    if piece is None:
                        break
                    try:
                        task = self._make_task(piece)
                    except PiecesFailedError as error:  # read in this process
                        self._failed[piece.number] = str(error)
                        continue
                    out[self._submit_task(task)] = task
                if self._should_end or not (out or self._suspects or self._has_stale_levels()):
                    break
                self._collect_results(out)
                self._update_levels(last=not (out or self._suspects))
                progress.done_count = len(self._entries)
                yield self._make_step(progress)
                self._stop.wait(REPORT_INTERVAL)
        finally:
            self._crew.cancel([*out, *([self._level_future] if self._level_future else [])])

    def _max_pending(self, workers: int) -> int:
        """Return how many pieces may be out; a suspect is alone."""
        if self._should_end or self._exclusive_piece is not None:
            return 0
        return TASKS_PER_WORKER * max(1, workers)

    @property
    def _should_end(self) -> bool:
        return self._stop.is_set() or self._disk_is_full

    def _drop_missing_entries(self, image: ZarrImage) -> bool:
        """Forget pieces that are in the file no longer.

        A late worker of an earlier run may have been ended while it wrote one of them again.
        """
        lost = [
            piece
            for piece in self._cut
            if piece.number in self._entries and not image.is_written(piece.output_region)
        ]
        for piece in lost:
            del self._entries[piece.number]
        return bool(lost)

    def _make_task(self, piece: Piece) -> PieceTask:
        axes = self._image.frame_axes(self._recipe.psf.ndim)
        part = self._image.get_region_reader(piece.input_region, piece.gap)
        if self._is_transferable is None:
            self._is_transferable = part.is_transferable
        if not self._is_transferable:
            part = RegionReader(*read_region_or_explain(part))
        threads = self._crew.thread_limit
        return PieceTask(
            piece, part, self._recipe, self._cut, axes, self._output, threads, self._halvings
        )

    def _submit_task(self, task: PieceTask) -> Any:
        return self._crew.client.submit(run_piece_task, task, pure=False, retries=0)

    def _collect_results(self, out: dict[Any, PieceTask]) -> None:
        """Note what is done, and what failed; give out again, smaller, what took too much."""
        for future in [future for future in out if future.done()]:
            task = out.pop(future)
            error = future.exception() if future.status != "cancelled" else None
            was_alone, self._exclusive_piece = self._exclusive_piece == task.piece.number, None
            if error is None and future.status == "finished":
                self._entries[task.piece.number] = future.result()
                self._stale_regions.append(task.piece.output_region)
                self._halvings = max(self._halvings, task.halvings)
            elif _is_killed_worker(error) and not was_alone:
                self._suspects.append(task)
            elif _is_memory_error(error) and task.can_split:
                smaller = task.split_further()
                self._exclusive_piece = task.piece.number if was_alone else None
                out[self._submit_task(smaller)] = smaller
            else:
                self._failed[task.piece.number] = _describe_task_error(error)
                self._disk_is_full |= is_disk_full(error)  # every other would fail, too
            future.release()

    def _has_stale_levels(self) -> bool:
        return bool(self._stale_regions or self._level_future)

    def _update_levels(self, last: bool) -> None:
        """Bring the coarser resolutions up to date, in one task at a time, every few seconds."""
        if self._level_future is not None and self._level_future.done():
            error = self._level_future.exception()
            if _is_killed_worker(error) and self._level_restarts < MAX_LEVEL_RESTARTS:
                self._level_restarts += 1
                self._stale_regions += self._level_regions
            elif error is not None:
                raise PiecesFailedError(
                    f"The coarser resolutions could not be written: {_describe_task_error(error)} The full "
                    "one is kept; ask for the same again to go on."
                )
            self._level_future, self._shown_version = None, None
        due = last or time.monotonic() - self._level_start_time > LEVEL_UPDATE_INTERVAL
        if (
            self._level_future is None
            and self._stale_regions
            and due
            and self._exclusive_piece is None
        ):
            self._level_future = self._crew.client.submit(
                update_levels, self._output, self._stale_regions, pure=False
            )
            self._level_regions, self._stale_regions = self._stale_regions, []
            self._level_start_time = time.monotonic()

    def _make_step(self, progress: Progress) -> Step:
        return Step(
            "pieces",
            progress.message(),
            progress.fraction(),
            self._losses,
            self,
            seconds_left=progress.seconds_left(),
            pieces_done=len(self._entries),
        )

    def current_image(self) -> list[Any]:
        """Return the result as it is now: the same arrays until there is something new."""
        version = (len(self._entries), self._level_start_time)
        if version != self._shown_version:
            self._shown_version, self._shown_levels = (
                version,
                open_image(self._output).dask_levels(),
            )
        return self._shown_levels

    def __reduce__(self) -> Any:
        """Pickle as the place of the file."""
        return WrittenImage, (self._output,)

    def _describe_failures(self) -> str:
        numbers = sorted(self._failed)
        places = {
            piece.number: piece.output_region for piece in self._cut if piece.number in self._failed
        }
        named = " ".join(
            f"At {format_place([part.start for part in places[number]])}, {self._failed[number]}"
            for number in numbers[:MAX_REPORTED_FAILURES]
        )
        more = len(numbers) - MAX_REPORTED_FAILURES
        named += f" So did {more} more." if more > 0 else ""
        return (
            f"{len(numbers)} of {len(self._cut)} pieces failed. {named} "
            f"{len(self._entries)} are done and kept in {self._output}: ask for the same again to "
            "go on."
        )


def _is_killed_worker(error: BaseException | None) -> bool:
    """Whether workers ended that had a task, maybe because of another one."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker)


def _is_memory_error(error: BaseException | None) -> bool:
    """Whether a piece ended a worker, as one does that takes too much memory, or said so."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker | MemoryError)


def _describe_task_error(error: BaseException | None) -> str:
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            "its worker ended again and again, as where memory runs out; allow more memory, or "
            "close other programs."
        )
    if isinstance(error, MemoryError) and not str(error):
        return "there is not enough memory; allow more, or close other programs."
    if is_disk_full(error):
        return "the disk is full."
    words = "it was given up" if error is None else str(error).rstrip(".")
    return f"{words or type(error).__name__}."


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a disk is full, or as full as its user may fill it."""
    return isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS


@contextmanager
def report_full_disk(path: str | Path) -> Iterator[None]:
    """Say it in a sentence if a disk is full."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise PiecesFailedError(
            f"The disk is full, and {path} cannot be written: make room, and ask for the same "
            "again to go on."
        ) from error
