"""Find the scheduler of dask.distributed that is to be used, and check that it answers."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from napari_tf_deblur._core.packages import require_packages

SCHEDULER_VARIABLE = "NAPARI_TF_DEBLUR_SCHEDULER"
"""Environment variable that holds the address of the scheduler."""

CONNECT_TIMEOUT = 5.0
"""Time to wait for the answer of a scheduler, in seconds. Limit: of time."""


def scheduler_address(option: str) -> str:
    """Return the address of the scheduler that is to be used.

    Parameters
    ----------
    option : str
        The option `scheduler` of the run. If it is empty, the environment variable counts.

    Returns
    -------
    str
        The address; empty if there is none.
    """
    return option.strip() or os.environ.get(SCHEDULER_VARIABLE, "").strip()


def active_client() -> Any:
    """Return the active client of dask.distributed; None if there is none."""
    require_packages("distributed")
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def describe_external_workers(option: str) -> str:
    """Describe the workers of a scheduler or of the active client; empty if there are none.

    Parameters
    ----------
    option : str
        The option `scheduler` of the run.
    """
    if address := scheduler_address(option):
        return f"the workers of the scheduler of dask at {address}"
    is_there = "distributed" in sys.modules and active_client() is not None
    return "the workers of the active client of dask" if is_there else ""


def is_reachable(address: str) -> bool:
    """Whether a scheduler of dask answers at an address.

    This is checked first, because a Client waits for ever if another program answers.
    """
    from distributed.comm.core import connect
    from distributed.security import Security

    async def ask() -> None:
        secured = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, CONNECT_TIMEOUT, **secured), CONNECT_TIMEOUT)
        comm.abort()

    with ThreadPoolExecutor(
        1
    ) as thread:  # the present thread may have an event loop, as in a notebook
        return thread.submit(asyncio.run, ask()).exception() is None
