"""Workers of this machine end with the process that started them, even if that is killed.

dask.distributed loads this module in the process that looks after a worker. Without it, a worker
first ends its piece, which may take a minute, and takes memory until then.
"""

import os
import threading
import time
from typing import Any

WATCH_INTERVAL = 0.5
"""Seconds between two looks. Set by hand: a lost worker is noticed as soon."""

WORKER_GRACE = 3.0
"""Seconds without a worker after which none comes. Guard: one that ended was replaced at once;
``tests/large/test_processes.py``."""


def dask_setup(nanny: Any) -> None:
    """Watch the process that started this one, and the worker, from now on."""
    caller = os.getppid()
    watch = threading.Thread(
        target=_exit_after_parent, args=(caller, nanny), name="watch", daemon=True
    )
    watch.start()


def _exit_after_parent(caller: int, nanny: Any) -> None:
    """End this process after its caller, or where it has given up its worker."""
    seen = time.monotonic()
    while os.getppid() == caller and time.monotonic() - seen < WORKER_GRACE:
        if nanny.status.name != "running" or nanny.is_alive():
            seen = time.monotonic()
        time.sleep(WATCH_INTERVAL)
    os._exit(1)  # the worker watches this process
