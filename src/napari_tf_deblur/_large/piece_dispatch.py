"""Send pieces to workers, collect the results, and repeat failed pieces in smaller parts."""

import time
from collections.abc import Generator
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import PiecesFailedError
from napari_tf_deblur._core.steps import Step, map_steps
from napari_tf_deblur._large.cluster import WorkerPool
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.level_updates import LevelUpdater
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.piece_summary import (
    JournalEntries,
    PieceSummary,
    describe_failures,
    verify_entries,
)
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._large.progress import Progress
from napari_tf_deblur._large.task_errors import (
    describe_task_error,
    is_disk_full,
    is_killed_worker,
    is_memory_error,
    report_full_disk,
)
from napari_tf_deblur._large.tasks import PieceTask, TaskMaker, run_piece_task
from napari_tf_deblur._large.written_image import GrowingImage
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.zarr_image import ZarrImage

TASKS_PER_WORKER = 2
"""Pieces that are sent to each worker in advance, so that no worker waits. Derived: one that is
solved, and the next."""

EMPTY_ARRAY = np.zeros(0, np.float32)
"""Array that stands for no pixels. Definition: of a step without an image."""


class PieceDispatcher:
    """Sends pieces to workers until all are done.

    A worker can be killed because of another piece that it holds. So all pieces of a killed worker
    are tried again, each alone. A piece that fails alone is cut into smaller parts.

    Parameters
    ----------
    image : LargeImage
        The image.
    piece_solver : PieceSolver
        Deblurs each piece.
    piece_grid : PieceGrid
        The pieces.
    output : str
        Folder of the OME-Zarr.
    worker_pool : WorkerPool
        The workers.
    stop : threading.Event
        Ends the run.
    loss_history : ndarray of float32, optional
        Losses of the samples, for the plot.

    Attributes
    ----------
    seconds : float
        Duration of the work on pieces.
    """

    def __init__(
        self,
        image: LargeImage,
        piece_solver: PieceSolver,
        piece_grid: PieceGrid,
        output: str,
        worker_pool: WorkerPool,
        stop: Event,
        loss_history: NDArray[np.float32] = EMPTY_ARRAY,
    ) -> None:
        self._loss_history = loss_history
        self._piece_grid = piece_grid
        self._output, self._worker_pool, self._stop = output, worker_pool, stop
        self._task_maker = TaskMaker(
            image, piece_solver, piece_grid, output, worker_pool.thread_limit
        )
        self._journal = Journal.for_image(output)
        self._written = GrowingImage(output)
        self._levels = LevelUpdater(worker_pool, output)
        self._entries: JournalEntries = {}
        self._failures: dict[int, str] = {}
        self._disk_is_full = False
        self._halvings = 0  # that new pieces begin with: earlier ones took too much memory
        self._suspects: list[PieceTask] = []  # tasks of killed workers, to be tried alone
        self._exclusive_piece: int | None = None  # number of the suspect that is running alone
        self.seconds = 0.0

    @property
    def summary(self) -> PieceSummary:
        """Verdicts and warnings of the pieces that are done."""
        return PieceSummary(self._entries, len(self._piece_grid))

    def steps(self) -> Generator[Step, None, None]:
        """Do all pieces that are not done.

        Raises
        ------
        PiecesFailedError
            If some pieces failed. The message names them; all others are done if possible.
        """
        start_time = time.perf_counter()
        image = open_image(self._output)
        image.remove_leftovers()
        self._journal.remove_leftovers()
        progress = Progress(len(self._piece_grid))
        check = verify_entries(self._journal, self._piece_grid, image, self._stop)
        try:
            with report_full_disk(self._output):
                self._journal.reopen()
            self._entries = yield from map_steps(check, lambda _: self._make_step(progress))
            self._levels.add([p.output_region for p in self._piece_grid if self._is_done(p)])
            yield from self._dispatch_pieces()
            if self._drop_missing_entries(image):
                yield from self._dispatch_pieces()
            all_done = len(self._entries) == len(self._piece_grid)
            if not self._failures and all_done and self._levels.is_current:
                with report_full_disk(self._output):
                    self._journal.finish()
        finally:
            self.seconds = time.perf_counter() - start_time
        if self._failures:
            raise PiecesFailedError(
                describe_failures(
                    self._failures, self._piece_grid, len(self._entries), self._output
                )
            )

    def _is_done(self, piece: Piece) -> bool:
        return piece.number in self._entries

    def _dispatch_pieces(self) -> Generator[Step, None, None]:
        """Send all pieces that are not done to workers, a few at a time, and wait for them."""
        progress = Progress(len(self._piece_grid), len(self._entries))
        waiting = iter([piece for piece in self._piece_grid if not self._is_done(piece)])
        running: dict[Any, PieceTask] = {}
        try:
            while True:
                workers = self._worker_pool.count_workers()
                if self._suspects and not (running or self._levels.future or self._should_end):
                    suspect = self._suspects.pop()
                    running[self._submit_task(suspect)] = suspect
                    self._exclusive_piece = suspect.piece.number
                while len(running) < self._max_running(workers):
                    piece = next(waiting, None)
                    if piece is None:
                        break
                    try:
                        task = self._task_maker.make_task(piece, self._halvings)
                    except PiecesFailedError as error:  # the region was read in this process
                        self._failures[piece.number] = str(error)
                        continue
                    running[self._submit_task(task)] = task
                is_busy = running or self._suspects or not self._levels.is_current
                if self._should_end or not is_busy:
                    break
                self._collect_results(running)
                self._update_levels(is_last=not (running or self._suspects))
                progress.done_count = len(self._entries)
                yield self._make_step(progress)
                self._stop.wait(REPORT_INTERVAL)
        finally:
            futures = [*running, self._levels.future]
            self._worker_pool.cancel([future for future in futures if future is not None])

    def _max_running(self, workers: int) -> int:
        """Return how many pieces may be with workers; while a suspect runs alone, no other one."""
        if self._should_end or self._exclusive_piece is not None:
            return 0
        return TASKS_PER_WORKER * max(1, workers)

    @property
    def _should_end(self) -> bool:
        return self._stop.is_set() or self._disk_is_full

    def _drop_missing_entries(self, image: ZarrImage) -> bool:
        """Forget pieces that are no longer in the file; return whether there were any.

        A worker of an earlier run may have been killed late, while it wrote a piece again.
        """
        missing = [
            piece
            for piece in self._piece_grid
            if self._is_done(piece) and not image.is_written(piece.output_region)
        ]
        for piece in missing:
            del self._entries[piece.number]
            self._written.mark_changed()
        return bool(missing)

    def _submit_task(self, task: PieceTask) -> Any:
        return self._worker_pool.client.submit(run_piece_task, task, pure=False, retries=0)

    def _collect_results(self, running: dict[Any, PieceTask]) -> None:
        """Take results of tasks that have ended; send those that took too much memory again."""
        for future in [future for future in running if future.done()]:
            task = running.pop(future)
            error = future.exception() if future.status != "cancelled" else None
            was_alone, self._exclusive_piece = self._exclusive_piece == task.piece.number, None
            if error is None and future.status == "finished":
                self._entries[task.piece.number] = future.result()
                self._levels.add([task.piece.output_region])
                self._written.mark_changed()
                self._halvings = max(self._halvings, task.halvings)
            elif is_killed_worker(error) and not was_alone:
                self._suspects.append(task)
            elif is_memory_error(error) and task.can_split:
                smaller = task.split_further()
                self._exclusive_piece = task.piece.number if was_alone else None
                running[self._submit_task(smaller)] = smaller
            else:
                self._failures[task.piece.number] = describe_task_error(error)
                self._disk_is_full |= is_disk_full(error)  # all others would fail, too
            future.release()

    def _update_levels(self, is_last: bool) -> None:
        """Update the coarser resolutions, but not beside a suspect that runs alone."""
        has_ended = self._levels.collect()
        has_started = self._exclusive_piece is None and self._levels.start(at_once=is_last)
        if has_ended or has_started:
            self._written.mark_changed()

    def _make_step(self, progress: Progress) -> Step:
        return Step(
            "pieces",
            progress.message(),
            progress.fraction(),
            self._loss_history,
            self._written,
            seconds_left=progress.seconds_left(),
            pieces_done=len(self._entries),
        )
