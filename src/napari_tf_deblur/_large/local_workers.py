"""Start workers of dask.distributed on this machine, and end them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._large.cluster import WORKER_TIMEOUT, WorkerPool

CLOSE_TIMEOUT = 10
"""Time that workers of this machine have to end, in seconds. Limit: of time."""

TASK_LOG_LENGTH = 20
"""Number of events of tasks that the scheduler keeps in its log. Limit: of memory."""

ALLOWED_FAILURES = 1
"""Number of workers that may die while they hold a piece. When one more dies, dask blames the piece
(KilledWorker). Guard: against pieces that end their workers; ``tests/large/test_processes.py``."""

_closing_threads: list[threading.Thread] = []
"""Threads that are ending the workers of earlier runs."""


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
