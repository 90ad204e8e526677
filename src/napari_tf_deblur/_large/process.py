"""A worker of dask.distributed in a process of its own, which ends with the one that started it."""

import asyncio
import json
import os
import sys

from distributed.deploy.subprocess import SubprocessWorker

QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
"""Environment in which workers say nothing of themselves: what fails, the caller says."""


class QuietWorker(SubprocessWorker):
    """A worker and its nanny, which replaces it if it ends or takes too much memory."""

    async def _start(self) -> None:
        watched = {**self.worker_kwargs, "preload_nanny": ["napari_tf_deblur._large.caller"]}
        spec = json.dumps({"cls": self.worker_class, "opts": watched})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler, "--spec", spec]
        self.process = await asyncio.create_subprocess_exec(*command, env=os.environ | QUIET)
