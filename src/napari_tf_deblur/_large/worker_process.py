"""A worker of dask.distributed in a process of its own, which ends with the one that started it."""

import asyncio
import json
import os
import sys

from distributed.deploy.subprocess import SubprocessWorker

QUIET_ENVIRONMENT = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
"""Environment in which workers say nothing of themselves: what fails, the caller says."""

RESTART_DELAY = 1.0
"""Seconds until a process that ended is started again. Set by hand."""


class QuietWorker(SubprocessWorker):
    """A worker and its nanny, which replaces it if it ends or takes too much memory.

    The nanny gives up where the worker ends while it starts; then both are started again.
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
        watched = {**self.worker_kwargs, "preload_nanny": ["napari_tf_deblur._large.parent_watch"]}
        spec = json.dumps({"cls": self.worker_class, "opts": watched})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler, "--spec", spec]
        self.process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | QUIET_ENVIRONMENT
        )

    async def _keep_alive(self) -> None:
        while self.process is not None:
            await self.process.wait()
            await asyncio.sleep(RESTART_DELAY)
            await self._start()
