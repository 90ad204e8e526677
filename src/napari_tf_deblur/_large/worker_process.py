"""Run a worker of dask.distributed in a process that ends with the process that started it."""

import asyncio
import json
import os
import sys

from distributed.deploy.subprocess import SubprocessWorker

QUIET_ENVIRONMENT = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
"""Environment variables that stop the log messages of workers. Errors reach the caller."""

RESTART_DELAY = 1.0
"""Time until a process that ended is started again, in seconds. Limit: of the processor time that
a process takes which ends at each start."""


class QuietWorker(SubprocessWorker):
    """A worker without log messages, and its nanny.

    The nanny replaces a worker that ends or takes too much memory. It gives up if a worker ends
    during its start; then both are started again.
    """

    _watch: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        await super().start()
        self._watch = asyncio.create_task(self._keep_alive())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await super().close()

    async def _start(self) -> None:
        options = {**self.worker_kwargs, "preload_nanny": ["napari_tf_deblur._large.parent_watch"]}
        spec = json.dumps({"cls": self.worker_class, "opts": options})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler, "--spec", spec]
        self.process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | QUIET_ENVIRONMENT
        )

    async def _keep_alive(self) -> None:
        while self.process is not None:
            await self.process.wait()
            await asyncio.sleep(RESTART_DELAY)
            await self._start()
