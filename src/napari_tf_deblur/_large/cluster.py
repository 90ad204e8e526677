"""Connect to the workers of a scheduler of dask.distributed."""

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError, PiecesFailedError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._large.scheduler import (
    CONNECT_TIMEOUT,
    active_client,
    is_reachable,
    scheduler_address,
)

WORKER_TIMEOUT = 120.0
"""Time without any worker, in seconds, after which a run gives up. Limit: of time."""


@dataclass(frozen=True)
class WorkerPool:
    """The workers of a run.

    Attributes
    ----------
    client : distributed.Client
        Client to which tasks are submitted.
    workers, threads : int
        Number of workers, and of threads in each.
    memory : int or None
        Memory of each worker, in bytes; None if it is not known.
    is_local : bool
        Whether the workers were started for this run, on this machine.
    shares_process : bool
        Whether the workers are threads of this process.
    """

    client: Any
    workers: int
    threads: int
    memory: int | None
    is_local: bool = False
    shares_process: bool = False
    _last_alive: list[float] = field(default_factory=lambda: [time.monotonic()], repr=False)

    @property
    def thread_limit(self) -> int | None:
        """Threads that TensorFlow may use in a worker; None if the worker is in this process."""
        return None if self.shares_process else self.threads

    def count_workers(self) -> int:
        """Return the present number of workers.

        Raises
        ------
        PiecesFailedError
            If there has been none for `WORKER_TIMEOUT` seconds, or the scheduler has ended.
        """
        workers = 0
        if self.client.status == "running":
            with suppress(OSError):
                workers = len(self.client.scheduler_info(n_workers=-1).get("workers", ()))
        now = time.monotonic()
        if workers:
            self._last_alive[0] = now
        elif self.client.status == "closed" or now - self._last_alive[0] > WORKER_TIMEOUT:
            raise PiecesFailedError(
                "The scheduler of dask, or its last worker, has ended and was not replaced. Their "
                "terminals may show why. The pieces that are done are kept; start the same run "
                "again to continue."
            )
        return workers

    def cancel(self, futures: Iterable[Any]) -> None:
        """Cancel tasks that are no longer needed."""
        if self.client.status == "running":
            with suppress(OSError):
                self.client.cancel(list(futures))


@contextmanager
def connect_workers(option: str) -> Iterator[WorkerPool | None]:
    """Connect to the workers of a scheduler, or of the active client of dask.

    Parameters
    ----------
    option : str
        The option `scheduler` of the run; see `scheduler_address`.

    Yields
    ------
    WorkerPool or None
        The workers; None if there is neither a scheduler nor an active client.

    Raises
    ------
    InvalidValueError
        If no scheduler answers within `CONNECT_TIMEOUT` seconds, or it has no workers.
    """
    require_packages("distributed")
    from distributed import Client

    address = scheduler_address(option)
    client = None if address else active_client()
    if not address and client is None:
        yield None
        return
    is_new = client is None
    if client is None and is_reachable(address):
        with suppress(OSError, ValueError, TypeError):
            client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    if client is None:
        gc.collect()  # deletes a client that failed; at the exit, it would wait to close itself
        raise InvalidValueError(
            f"No scheduler of dask answers at '{address}'. Start one with 'dask scheduler', "
            "and workers with 'dask worker', or leave the address empty."
        )
    try:
        yield _inspect_workers(client)
    finally:
        if is_new:
            client.close()


def _inspect_workers(client: Any) -> WorkerPool:
    """Describe the workers that a client has now."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    shares_process = any(address.startswith("inproc://") for address in workers)
    infos = workers.values()
    if not infos:
        raise InvalidValueError(
            "The scheduler of dask has no workers. Start some with 'dask worker ADDRESS' first."
        )
    limits = [int(one["memory_limit"]) for one in infos if one.get("memory_limit")]
    threads = min(int(one["nthreads"]) for one in infos)
    return WorkerPool(
        client, len(infos), threads, min(limits) if limits else None, shares_process=shares_process
    )
