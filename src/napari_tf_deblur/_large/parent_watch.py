"""End the workers of this machine when the process that started them ends, even if it is killed.

dask.distributed loads this module in the nanny, the process that watches a worker. Without it, a
worker would first finish its piece, which may take a minute, and would keep its memory until then.
"""

import os
import threading
import time
from typing import Any

WATCH_INTERVAL = 0.5
"""Time between two checks, in seconds. Limit: of the time until a lost process is noticed."""

WORKER_GRACE = 3.0
"""Time without a worker, in seconds, after which this process ends. Guard: the nanny replaces a
worker at once, or has given up; ``tests/large/test_processes.py``."""


def dask_setup(nanny: Any) -> None:
    """Start to watch the parent process and the worker; dask calls this function by its name.

    Parameters
    ----------
    nanny : distributed.Nanny
        The nanny of the worker.
    """
    parent = os.getppid()
    watch = threading.Thread(
        target=_exit_after_parent, args=(parent, nanny), name="watch", daemon=True
    )
    watch.start()


def _exit_after_parent(parent: int, nanny: Any) -> None:
    """End this process when its parent has ended, or when it has no worker any more."""
    last_alive = time.monotonic()
    while os.getppid() == parent and time.monotonic() - last_alive < WORKER_GRACE:
        if nanny.status.name != "running" or nanny.is_alive():
            last_alive = time.monotonic()
        time.sleep(WATCH_INTERVAL)
    os._exit(1)  # the worker watches this process, and ends, too
