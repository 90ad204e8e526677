"""Connect to workers of dask.distributed, or start workers on this machine."""

import gc
import threading
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

CLOSE_TIMEOUT = 10
"""Time that workers of this machine have to end, in seconds. Limit: of time."""

WORKER_TIMEOUT = 120.0
"""Time without any worker, in seconds, after which a run gives up. Limit: of time."""

TASK_LOG_LENGTH = 20
"""Number of events of tasks that the scheduler keeps in its log. Limit: of memory."""

ALLOWED_FAILURES = 1
"""Number of workers that may die while they hold a piece. When one more dies, dask blames the piece
(KilledWorker). Guard: against pieces that end their workers; ``tests/large/test_processes.py``."""

_closing_threads: list[threading.Thread] = []
"""Threads that are ending the workers of earlier runs."""


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


@contextmanager
def start_local_workers(workers: int, threads: int, memory: int) -> Iterator[WorkerPool]:
    """Start workers on this machine, each in its own process; end them in the background.

    The processes are started by a command and not by `multiprocessing`. So a script needs no
    ``if __name__ == "__main__"``, and no state of a window is copied. The scheduler runs in this
    process.

    Parameters
    ----------
    workers, threads : int
        Number of processes, and of threads in each.
    memory : int
        Memory of each process, in bytes. A process that takes more is replaced.

    Yields
    ------
    WorkerPool
        The workers.
    """
    require_packages("distributed")
    import dask
    from distributed import Client, Scheduler, SpecCluster

    for thread in tuple(_closing_threads):  # their workers still use memory
        thread.join(CLOSE_TIMEOUT)
    worker = {"cls": _worker_class(), "options": _worker_options(memory)}
    start_settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.admin.log-format": "%(message)s",
    }
    run_settings = {
        # Logs keep the arguments of tasks, which contain regions of the image; by default those of
        # the last 1000 tasks, in the scheduler and in the messages of the client and to workers.
        "distributed.admin.low-level-log-length": TASK_LOG_LENGTH,
        "distributed.diagnostics.computations.max-history": 1,
        # On a busy machine, a new worker may need more than the default 15 seconds to start.
        "distributed.deploy.lost-worker-timeout": f"{WORKER_TIMEOUT} s",
    }
    with dask.config.set(run_settings):
        with dask.config.set(start_settings):
            cluster = SpecCluster(
                scheduler={"cls": Scheduler, "options": _SCHEDULER_OPTIONS},
                workers=dict.fromkeys(range(workers), worker),
                worker=worker,
                name="napari-tf-deblur",
                silence_logs=50,
            )
        client = Client(cluster, set_as_default=False)
        try:
            yield WorkerPool(client, workers, threads, memory, is_local=True)
        finally:
            thread = threading.Thread(target=_close, args=(client, cluster), name="close workers")
            _closing_threads.append(thread)
            thread.start()


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


_SCHEDULER_OPTIONS = {"dashboard": False, "dashboard_address": ":0", "host": "127.0.0.1"}


def _worker_class() -> Any:
    from distributed.compatibility import WINDOWS

    if WINDOWS:
        from distributed import Nanny

        return Nanny
    from napari_tf_deblur._large.worker_process import QuietWorker

    return QuietWorker


def _worker_options(memory: int) -> dict[str, Any]:
    from distributed.compatibility import WINDOWS

    options = {
        "nthreads": 1,
        "memory_limit": memory,
        "dashboard": False,
        "host": "127.0.0.1",
        "silence_logs": 50,
        # A worker that pauses at 80 % of its memory would wait for ever, because TensorFlow frees
        # none. The profile of its threads, taken 100 times per second, is not used.
        "config": {"distributed.worker.profile.enabled": False}
        | {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")},
    }
    return options if WINDOWS else {"worker_kwargs": options}


def _close(client: Any, cluster: Any) -> None:
    with suppress(Exception):  # what cannot be closed ends with this process
        client.close(timeout=2)
    with suppress(Exception):
        cluster.close(timeout=CLOSE_TIMEOUT)
    _closing_threads.remove(threading.current_thread())
