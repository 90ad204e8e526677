"""Which scheduler of dask.distributed is to be used, and whether it answers."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from napari_tf_deblur._core.packages import require_packages

SCHEDULER_VARIABLE = "NAPARI_TF_DEBLUR_SCHEDULER"

CONNECT_TIMEOUT = 5.0
"""Seconds after which a scheduler that does not answer counts as missing. Limit: of time."""


def scheduler_address(given: str) -> str:
    """Return the address of the scheduler to use: what is given, or what the environment says."""
    return given.strip() or os.environ.get(SCHEDULER_VARIABLE, "").strip()


def active_client() -> Any:
    """Return the active client of dask.distributed; None if there is none."""
    require_packages("distributed")
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def describe_external_workers(given: str) -> str:
    """Say whose workers do what is done in pieces; empty for processes of this machine."""
    if address := scheduler_address(given):
        return f"the workers of the scheduler of dask at {address}"
    is_there = "distributed" in sys.modules and active_client() is not None
    return "the workers of the active client of dask" if is_there else ""


def is_reachable(address: str) -> bool:
    """Whether a scheduler of dask answers; a Client waits for ever where anything else does."""
    from distributed.comm.core import connect
    from distributed.security import Security

    async def ask() -> None:
        secured = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, CONNECT_TIMEOUT, **secured), CONNECT_TIMEOUT)
        comm.abort()

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already, as in a notebook
        return thread.submit(asyncio.run, ask()).exception() is None
