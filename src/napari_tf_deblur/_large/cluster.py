"""Workers of dask.distributed: those of a scheduler, of the active client, or of this machine."""

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
"""Seconds that workers of this machine have to end. Limit: of time."""

WORKER_TIMEOUT = 120.0
"""Seconds without any worker after which none is awaited. Limit: of time."""

TASK_LOG_LENGTH = 20
"""Changes of tasks that the scheduler keeps. Limit: of memory."""

ALLOWED_FAILURES = 1
"""Workers that a piece may outlive before it counts as what ended them. Guard: against pieces that
end their workers; ``tests/large/test_processes.py``."""

_closing_threads: list[threading.Thread] = []
"""What ends the workers of earlier runs."""


@dataclass(frozen=True)
class WorkerPool:
    """Workers to be had.

    Attributes
    ----------
    client : distributed.Client
        To give work to.
    workers, threads : int
        Processes, and threads of each.
    memory : int or None
        Bytes that each may take; None if that is not known.
    is_local : bool
        Whether they were started for this run, on this machine.
    is_here : bool
        Whether they are threads of this process.
    """

    client: Any
    workers: int
    threads: int
    memory: int | None
    is_local: bool = False
    shares_process: bool = False
    _last_seen: list[float] = field(default_factory=lambda: [time.monotonic()], repr=False)

    @property
    def thread_limit(self) -> int | None:
        """Threads that TensorFlow may use in a worker; None where it shares this process."""
        return None if self.shares_process else self.threads

    def count_workers(self) -> int:
        """Return how many workers there are now.

        Raises
        ------
        PiecesFailedError
            If there have been none for a while, or the scheduler has ended.
        """
        found = 0
        if self.client.status == "running":
            with suppress(OSError):
                found = len(self.client.scheduler_info(n_workers=-1).get("workers", ()))
        now = time.monotonic()
        if found:
            self._last_seen[0] = now
        elif self.client.status == "closed" or now - self._last_seen[0] > WORKER_TIMEOUT:
            raise PiecesFailedError(
                "The scheduler of dask, or its last worker, has ended, and none has come instead: "
                "look at what they say in their terminals. What is done is kept; ask for the same "
                "again to go on."
            )
        return found

    def cancel(self, futures: Iterable[Any]) -> None:
        """Let workers not begin what is not needed any more."""
        if self.client.status == "running":
            with suppress(OSError):
                self.client.cancel(list(futures))


@contextmanager
def connect_workers(given: str) -> Iterator[WorkerPool | None]:
    """Give the workers of a scheduler that is named, or of the active client; None for neither.

    Raises
    ------
    InvalidValueError
        If no scheduler answers within some seconds, or it has no workers.
    """
    require_packages("distributed")
    from distributed import Client

    address = scheduler_address(given)
    client = None if address else active_client()
    if not address and client is None:
        yield None
        return
    mine = client is None
    if client is None and is_reachable(address):
        with suppress(OSError, ValueError, TypeError):
            client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    if client is None:
        gc.collect()  # a client that failed closes itself, for which it would wait at the exit
        raise InvalidValueError(
            f"No scheduler of dask answers at '{address}': start one with 'dask scheduler', "
            "and workers with 'dask worker', or leave the address empty."
        )
    try:
        yield _inspect_workers(client)
    finally:
        if mine:
            client.close()


@contextmanager
def start_local_workers(workers: int, threads: int, memory: int) -> Iterator[WorkerPool]:
    """Start workers on this machine, each a process; end them in the background.

    They are started by a command of their own and not by `multiprocessing`, so that a script needs
    no ``if __name__ == "__main__"``, and nothing of a window is copied. The scheduler runs in this
    process.

    Parameters
    ----------
    workers, threads : int
        Processes, and threads of each.
    memory : int
        Bytes that each may take: one that takes more is replaced.
    """
    require_packages("distributed")
    import dask
    from distributed import Client, Scheduler, SpecCluster

    for thread in tuple(_closing_threads):  # whose workers still take memory
        thread.join(CLOSE_TIMEOUT)
    worker = {"cls": _worker_class(), "options": _worker_options(memory)}
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.admin.log-format": "%(message)s",
    }
    while_they_run = {
        # Logs keep what tasks were given, regions of an image, by default the last 1000: those of
        # the scheduler, and of the messages of the client and to each worker, when it comes.
        "distributed.admin.low-level-log-length": TASK_LOG_LENGTH,
        "distributed.diagnostics.computations.max-history": 1,
        # A worker that ended comes again, on a busy machine after more than the usual 15 seconds.
        "distributed.deploy.lost-worker-timeout": f"{WORKER_TIMEOUT} s",
    }
    with dask.config.set(while_they_run):
        with dask.config.set(settings):
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
    is_here = any(address.startswith("inproc://") for address in workers)
    found = workers.values()
    if not found:
        raise InvalidValueError(
            "The scheduler of dask has no workers: start some with 'dask worker ADDRESS' first."
        )
    limits = [int(one["memory_limit"]) for one in found if one.get("memory_limit")]
    threads = min(int(one["nthreads"]) for one in found)
    return WorkerPool(
        client, len(found), threads, min(limits) if limits else None, shares_process=is_here
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
        # A worker that pauses at 80 % of its memory waits for ever: TensorFlow gives none back.
        # Its profile of what threads do, a hundred times a second, is looked at by nobody.
        "config": {"distributed.worker.profile.enabled": False}
        | {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")},
    }
    return options if WINDOWS else {"worker_kwargs": options}


def _close(client: Any, cluster: Any) -> None:
    with suppress(Exception):  # whatever is left is ended with this process
        client.close(timeout=2)
    with suppress(Exception):
        cluster.close(timeout=CLOSE_TIMEOUT)
    _closing_threads.remove(threading.current_thread())
