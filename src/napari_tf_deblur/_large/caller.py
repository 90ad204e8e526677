"""Workers of this machine end with the process that started them, even if that is killed.

dask.distributed loads this module in the process that looks after a worker. Without it, a worker
first ends its piece, which may take a minute, and takes memory until then.
"""

import os
import threading
import time
from typing import Any

LOOK = 0.5
"""Seconds between two looks."""


def dask_setup(_nanny: Any) -> None:
    """Watch the process that started this one, from now on."""
    caller = os.getppid()
    threading.Thread(target=_end_after, args=(caller,), name="watch caller", daemon=True).start()


def _end_after(caller: int) -> None:
    while os.getppid() == caller:
        time.sleep(LOOK)
    os._exit(1)  # the worker watches this process
