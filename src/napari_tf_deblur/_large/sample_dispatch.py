"""Deblur the samples of a large image on a worker."""

from collections.abc import Generator
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._core.steps import RunStage, Step, StoredImage
from napari_tf_deblur._large.cluster import WorkerPool
from napari_tf_deblur._large.sample_calibration import raise_if_stopped
from napari_tf_deblur._large.task_errors import describe_task_error, is_memory_error
from napari_tf_deblur._large.tasks import solve_samples
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution


def solve_samples_on_worker(
    worker_pool: WorkerPool, arguments: Arguments, stop: Event
) -> Generator[Step, None, "Deconvolution"]:
    """Let a worker deblur samples, so that the calling process need not load TensorFlow.

    Parameters
    ----------
    worker_pool : WorkerPool
        The workers.
    arguments : Arguments
        What is asked of the samples; see `build_sample_arguments`.
    stop : threading.Event
        Ends the run.

    Returns
    -------
    Deconvolution
        The samples, deblurred.

    Raises
    ------
    OutOfMemoryError
        If the samples take too much memory.
    InvalidValueError
        If the run is stopped.
    """
    stage: RunStage = "deblurred by a worker"
    no_losses = np.zeros(0, np.float32)
    client = worker_pool.client
    future = client.submit(solve_samples, arguments, worker_pool.thread_limit, pure=False)
    try:
        while not future.done():
            raise_if_stopped(stop)
            worker_pool.count_workers()
            yield Step(stage, stage, 0.0, no_losses, StoredImage(np.asarray(arguments.image)))
            stop.wait(REPORT_INTERVAL)
    finally:
        if not future.done():
            worker_pool.cancel([future])
    error = future.exception()
    if is_memory_error(error):
        raise OutOfMemoryError(
            f"Samples of the image could not be deblurred: {describe_task_error(error)}"
        )
    result: Deconvolution = future.result()
    return result
