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
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, StoredImage, mapped
from napari_tf_deblur._large.calibration import refuse_stopped
from napari_tf_deblur._large.cluster import Crew
from napari_tf_deblur._large.outcome import Entries, Outcome, entries_that_hold, place
from napari_tf_deblur._large.pieces import Cut, Piece
from napari_tf_deblur._large.progress import Progress
from napari_tf_deblur._large.recipe import Recipe
from napari_tf_deblur._large.source import LargeImage, Part
from napari_tf_deblur._large.tasks import (
    PieceTask,
    build_levels,
    do_piece,
    do_samples,
    read_in_words,
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

AHEAD = 2
"""Pieces that are given out for each worker, so that none waits. Derived: one that is solved, and
the next."""

LEVELS_EVERY = 5.0
"""Least seconds between two updates of the coarser resolutions. Limit: of time."""

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk, a user's part of it or a file that has no room."""

MOST_KILLED = 5
"""Times that coarser resolutions are begun again whose worker ended. Guard: against a piece that
ends workers."""

MOST_NAMED = 3
"""Most failed pieces that are named. Set by eye."""

NOTHING = np.zeros(0, np.float32)
"""Array that stands for no pixels. Definition: of a step without an image."""


def wait_for(crew: Crew, asked: Arguments, stop: Event) -> Generator[Step, None, "Deconvolution"]:
    """Let a worker deblur samples; the process that asks never loads TensorFlow."""
    words: RunStage = "deblurred by a worker"
    future = crew.client.submit(do_samples, asked, crew.thread_limit, pure=False)
    try:
        while not future.done():
            refuse_stopped(stop)
            crew.count()
            yield Step(words, words, 0.0, NOTHING, StoredImage(np.asarray(asked.image)))
            stop.wait(REPORT_INTERVAL)
    finally:
        if not future.done():
            crew.cancel([future])
    error = future.exception()
    if _is_of_memory(error):
        raise OutOfMemoryError(f"Samples of the image could not be deblurred: {_in_words(error)}")
    done: Deconvolution = future.result()
    return done


class PieceWork(ImageSource):
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
        recipe: Recipe,
        cut: Cut,
        output: str,
        crew: Crew,
        stop: Event,
        losses: NDArray[np.float32] = NOTHING,
    ) -> None:
        self._losses = losses
        self._image, self._recipe, self._cut, self._output = image, recipe, cut, output
        self._crew, self._stop = crew, stop
        self._journal = Journal.of_image(output)
        self._entries: Entries = {}
        self._is_hopeless = False
        self._travels: bool | None = None
        self._halvings = 0  # with which pieces were done for which memory did not suffice
        self._suspects: list[PieceTask] = []  # that were with workers that ended
        self._alone: int | None = None  # the suspect that is done with no other piece
        self._in_levels: list[Region] = []
        self._killed_levels = 0
        self._failed: dict[int, str] = {}
        self._stale: list[Region] = []
        self._leveling: Any = None
        self._leveled = time.monotonic()
        self._seen: tuple[int, float] | None = None
        self._shown: list[Any] = []
        self.seconds = 0.0

    @property
    def outcome(self) -> Outcome:
        """What is done."""
        return Outcome(self._entries, len(self._cut))

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
        held = entries_that_hold(self._journal, self._cut, image, self._stop)
        try:
            with disk_in_words(self._output):
                self._journal.reopen()
            self._entries = yield from mapped(held, lambda _: self._step(progress))
            self._stale = [piece.write for piece in self._cut if piece.number in self._entries]
            yield from self._give_out()
            if self._forget_lost(image):
                yield from self._give_out()
            if not self._failed and len(self._entries) == len(self._cut) and not self._stale:
                with disk_in_words(self._output):
                    self._journal.finish()
        finally:
            self.seconds = time.perf_counter() - began
        if self._failed:
            raise PiecesFailedError(self._about_failures())

    def _give_out(self) -> Generator[Step, None, None]:
        """Give all pieces that are not done to workers, some at a time, until they are."""
        progress = Progress(len(self._cut), len(self._entries))
        waiting = iter(piece for piece in self._cut if piece.number not in self._entries)
        out: dict[Any, PieceTask] = {}
        try:
            while True:
                workers = self._crew.count()
                if self._suspects and not (out or self._leveling or self._is_over):
                    suspect = self._suspects.pop()
                    out[self._give(suspect)] = suspect
                    self._alone = suspect.piece.number
                while len(out) < self._room(workers):
                    piece = next(waiting, None)
                    if piece is None:
                        break
                    try:
                        task = self._task(piece)
                    except PiecesFailedError as error:  # read in this process
                        self._failed[piece.number] = str(error)
                        continue
                    out[self._give(task)] = task
                if self._is_over or not (out or self._suspects or self._must_level()):
                    break
                self._take_in(out)
                self._level(last=not (out or self._suspects))
                progress.done = len(self._entries)
                yield self._step(progress)
                self._stop.wait(REPORT_INTERVAL)
        finally:
            self._crew.cancel([*out, *([self._leveling] if self._leveling else [])])

    def _room(self, workers: int) -> int:
        """Return how many pieces may be out; a suspect is alone."""
        if self._is_over or self._alone is not None:
            return 0
        return AHEAD * max(1, workers)

    @property
    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_hopeless

    def _forget_lost(self, image: ZarrImage) -> bool:
        """Forget pieces that are in the file no longer.

        A late worker of an earlier run may have been ended while it wrote one of them again.
        """
        lost = [
            piece
            for piece in self._cut
            if piece.number in self._entries and not image.is_written(piece.write)
        ]
        for piece in lost:
            del self._entries[piece.number]
        return bool(lost)

    def _task(self, piece: Piece) -> PieceTask:
        axes = self._image.frame_axes(self._recipe.psf.ndim)
        part = self._image.part(piece.read, piece.gap)
        if self._travels is None:
            self._travels = part.travels
        if not self._travels:
            part = Part(*read_in_words(part))
        threads = self._crew.thread_limit
        return PieceTask(
            piece, part, self._recipe, self._cut, axes, self._output, threads, self._halvings
        )

    def _give(self, task: PieceTask) -> Any:
        return self._crew.client.submit(do_piece, task, pure=False, retries=0)

    def _take_in(self, out: dict[Any, PieceTask]) -> None:
        """Note what is done, and what failed; give out again, smaller, what took too much."""
        for future in [future for future in out if future.done()]:
            task = out.pop(future)
            error = future.exception() if future.status != "cancelled" else None
            was_alone, self._alone = self._alone == task.piece.number, None
            if error is None and future.status == "finished":
                self._entries[task.piece.number] = future.result()
                self._stale.append(task.piece.write)
                self._halvings = max(self._halvings, task.halvings)
            elif _is_of_killed_worker(error) and not was_alone:
                self._suspects.append(task)
            elif _is_of_memory(error) and task.can_be_smaller:
                smaller = task.smaller()
                self._alone = task.piece.number if was_alone else None
                out[self._give(smaller)] = smaller
            else:
                self._failed[task.piece.number] = _in_words(error)
                self._is_hopeless |= is_full(error)  # every other would fail, too
            future.release()

    def _must_level(self) -> bool:
        return bool(self._stale or self._leveling)

    def _level(self, last: bool) -> None:
        """Bring the coarser resolutions up to date, in one task at a time, every few seconds."""
        if self._leveling is not None and self._leveling.done():
            error = self._leveling.exception()
            if _is_of_killed_worker(error) and self._killed_levels < MOST_KILLED:
                self._killed_levels += 1
                self._stale += self._in_levels
            elif error is not None:
                raise PiecesFailedError(
                    f"The coarser resolutions could not be written: {_in_words(error)} The full "
                    "one is kept; ask for the same again to go on."
                )
            self._leveling, self._seen = None, None
        due = last or time.monotonic() - self._leveled > LEVELS_EVERY
        if self._leveling is None and self._stale and due and self._alone is None:
            self._leveling = self._crew.client.submit(
                build_levels, self._output, self._stale, pure=False
            )
            self._in_levels, self._stale = self._stale, []
            self._leveled = time.monotonic()

    def _step(self, progress: Progress) -> Step:
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
        version = (len(self._entries), self._leveled)
        if version != self._seen:
            self._seen, self._shown = version, open_image(self._output).dask_levels()
        return self._shown

    def __reduce__(self) -> Any:
        """Pickle as the place of the file."""
        return WrittenImage, (self._output,)

    def _about_failures(self) -> str:
        numbers = sorted(self._failed)
        places = {piece.number: piece.write for piece in self._cut if piece.number in self._failed}
        named = " ".join(
            f"At {place([part.start for part in places[number]])}, {self._failed[number]}"
            for number in numbers[:MOST_NAMED]
        )
        more = len(numbers) - MOST_NAMED
        named += f" So did {more} more." if more > 0 else ""
        return (
            f"{len(numbers)} of {len(self._cut)} pieces failed. {named} "
            f"{len(self._entries)} are done and kept in {self._output}: ask for the same again to "
            "go on."
        )


def _is_of_killed_worker(error: BaseException | None) -> bool:
    """Whether workers ended that had a task, maybe because of another one."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker)


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether a piece ended a worker, as one does that takes too much memory, or said so."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker | MemoryError)


def _in_words(error: BaseException | None) -> str:
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            "its worker ended again and again, as where memory runs out; allow more memory, or "
            "close other programs."
        )
    if isinstance(error, MemoryError) and not str(error):
        return "there is not enough memory; allow more, or close other programs."
    if is_full(error):
        return "the disk is full."
    words = "it was given up" if error is None else str(error).rstrip(".")
    return f"{words or type(error).__name__}."


def is_full(error: BaseException | None) -> bool:
    """Whether a disk is full, or as full as its user may fill it."""
    return isinstance(error, OSError) and error.errno in FULL


@contextmanager
def disk_in_words(path: str | Path) -> Iterator[None]:
    """Say it in a sentence if a disk is full."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise PiecesFailedError(
            f"The disk is full, and {path} cannot be written: make room, and ask for the same "
            "again to go on."
        ) from error
