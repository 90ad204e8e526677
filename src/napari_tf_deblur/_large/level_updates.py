"""Update the coarser resolutions of a result during a run."""

import time
from typing import Any

from napari_tf_deblur._core.errors import PiecesFailedError
from napari_tf_deblur._large.cluster import WorkerPool
from napari_tf_deblur._large.task_errors import describe_task_error, is_killed_worker
from napari_tf_deblur._large.tasks import update_levels
from napari_tf_deblur._storage.regions import Region

LEVEL_UPDATE_INTERVAL = 5.0
"""Shortest time, in seconds, between two updates of the coarser resolutions. Limit: of time."""

MAX_LEVEL_RESTARTS = 5
"""How often an update is started again after its worker was killed. Guard: against a piece that
ends workers."""


class LevelUpdater:
    """Keeps the coarser resolutions of a result up to date, in one task at a time.

    Parameters
    ----------
    worker_pool : WorkerPool
        The workers.
    output : str
        Folder of the OME-Zarr.

    Attributes
    ----------
    future : distributed.Future or None
        The update that is running.
    """

    def __init__(self, worker_pool: WorkerPool, output: str) -> None:
        self._worker_pool, self._output = worker_pool, output
        self._stale_regions: list[Region] = []
        self._running_regions: list[Region] = []
        self._restarts = 0
        self.future: Any = None
        self._start_time = time.monotonic()

    @property
    def is_current(self) -> bool:
        """Whether all resolutions show what has been written."""
        return not (self._stale_regions or self.future)

    def add(self, regions: list[Region]) -> None:
        """Note regions of the full resolution that have been written."""
        self._stale_regions += regions

    def collect(self) -> bool:
        """Take the result of an update that has ended; return whether one has.

        Raises
        ------
        PiecesFailedError
            If the update failed, and its worker was not killed.
        """
        if self.future is None or not self.future.done():
            return False
        error = self.future.exception()
        if is_killed_worker(error) and self._restarts < MAX_LEVEL_RESTARTS:
            self._restarts += 1
            self._stale_regions += self._running_regions
        elif error is not None:
            raise PiecesFailedError(
                f"The coarser resolutions could not be written: {describe_task_error(error)} The "
                "full resolution is kept; start the same run again to continue."
            )
        self.future = None
        return True

    def start(self, at_once: bool) -> bool:
        """Start an update if there is something to do and none is running.

        Parameters
        ----------
        at_once : bool
            Whether to start before `LEVEL_UPDATE_INTERVAL` has passed since the latest update.

        Returns
        -------
        bool
            Whether an update was started.
        """
        is_due = at_once or time.monotonic() - self._start_time > LEVEL_UPDATE_INTERVAL
        if self.future is not None or not self._stale_regions or not is_due:
            return False
        self.future = self._worker_pool.client.submit(
            update_levels, self._output, self._stale_regions, pure=False
        )
        self._running_regions, self._stale_regions = self._stale_regions, []
        self._start_time = time.monotonic()
        return True
