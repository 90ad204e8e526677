"""Estimate the time and memory of a run before it begins."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from napari_tf_deblur._core.durations import format_duration
from napari_tf_deblur._core.scene_grid import Boundary, Grid
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._large.memory_budget import GB, get_memory_budget
from napari_tf_deblur._large.scheduler import describe_external_workers
from napari_tf_deblur._large.worker_plan import WORKER_BYTES, make_typical_psf
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import estimate_job_plan, is_large, iterate_output_paths
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur.methods import METHODS

SEARCH_FFT_PAIRS, RUN_FFT_PAIRS, ITERATION_FFT_PAIRS = 560, 70, {1: 6, 2: 6, 3: 12}
"""Pairs of forward and inverse FFTs: of a run that searches for its weight or method; of any other
run, without its iterations; and of one iteration, by number of axes. Chosen by
``benchmarks/cost.py``, which counts them."""

TYPICAL_ITERATIONS = {1: 20, 2: 20, 3: 35}
"""Typical number of iterations until a method converges, by number of axes. Chosen by
``benchmarks/cost.py``, which counts them; pieces took 19 on average in
``benchmarks/piece_iterations.py``."""

START_SECONDS, SAMPLE_SECONDS = 8.0, 15.0
"""Seconds that a process with TensorFlow needs to start, and that the samples of a large image
take, with compilation. Chosen by ``benchmarks/cost.py --start``: 23 s in all on two busy cores."""


@dataclass(frozen=True)
class Cost:
    """Estimated time and memory of a run, correct to about a factor of two.

    Attributes
    ----------
    seconds : float
        Time in seconds. The start of TensorFlow counts in workers, but not in this process.
    gigabytes : float
        Memory of the whole process, in GB.
    scene : tuple of int
        Size of the arrays of the computation, in pixels per axis.
    """

    seconds: float
    gigabytes: float
    scene: tuple[int, ...]


def estimate_cost(job: Job) -> Cost:
    """Estimate the cost of a job from sizes and options, without reading pixels."""
    if is_large(job):
        return _estimate_piecewise_cost(job)
    source, method = job.source, job.method
    frame = source.frame(job.psf.ndim)
    axes = len(frame.shape)
    boundary: Boundary = "periodic" if job.options.boundary == "periodic" else "unknown"
    scene = _typical_scene(job, frame.shape, boundary)
    colours = source.data.shape[-1] if source.rgb else 1
    pixels = math.prod(source.shape) * colours
    planes = pixels / math.prod(frame.shape)
    if isinstance(method, str):
        copies, searches = max(one().working_copies(axes) for one in METHODS), True
    else:
        copies = method.working_copies(axes)
        searches = isinstance(getattr(method, "weight", None), str)
    pairs = SEARCH_FFT_PAIRS if searches else RUN_FFT_PAIRS
    pairs += _count_iteration_pairs(job, axes)
    bytes_each = np.dtype(source.data.dtype).itemsize
    arrays, working = pixels * (bytes_each + 4 * 4), 4 * copies * colours * math.prod(scene)
    memory = WORKER_BYTES + arrays + min(working, get_memory_budget(job.options))
    return Cost(planes * pairs * _measure_pair_seconds(scene), memory / 2**30, scene)


def describe_large_jobs(jobs: Sequence[Job]) -> str:
    """Describe how images that are larger than memory are deblurred.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs.

    Returns
    -------
    str
        One line for each such job; empty if there are none.
    """
    lines = []
    for job in filter(is_large, jobs):
        if workers := describe_external_workers(job.options.scheduler):
            way = f"in pieces, by {workers}"
        else:
            plan, cost = estimate_job_plan(job), _estimate_piecewise_cost(job)
            size = " x ".join(str(n) for n in plan.piece_grid.size if n > 1)
            count = len(plan.piece_grid)
            pieces = f"in about {count} pieces of {size} pixels" if count > 1 else "in one piece"
            way = f"{pieces}, {format_duration(cost.seconds)}, {cost.gigabytes:.1f} GB"
        path = next(iterate_output_paths(job))
        lines.append(f"Larger than memory: {way}. The result is written to {path}.")
    return "\n".join(lines)


def _estimate_piecewise_cost(job: Job) -> Cost:
    """Estimate the cost of a job that is done in pieces: samples, then the pieces.

    A worker uses about one core, however many threads it has. A piece of 2078 x 2078 pixels took 75
    to 85 FFT pairs of one core with `TotalVariation` (11 iterations), and about 200 with
    `PoissonLikelihood` (40 iterations).
    """
    plan, ndim = estimate_job_plan(job), job.psf.ndim
    read = [n for n, m in zip(plan.piece_grid.input_size, plan.piece_grid.margin) if m]
    scene = _typical_scene(job, read, "unknown")
    pairs = _count_iteration_pairs(job, ndim)
    colours = job.source.data.shape[-1] if job.source.rgb else 1
    rounds = math.ceil(len(plan.piece_grid) / max(1, plan.workers))
    seconds = rounds * colours * pairs * _measure_pair_seconds(scene, one_core=True)
    return Cost(START_SECONDS + SAMPLE_SECONDS + seconds, plan.total_bytes / GB, scene)


def _typical_scene(job: Job, frame: Sequence[int], boundary: Boundary) -> tuple[int, ...]:
    """Return the size of the scene for a PSF of typical width."""
    reach = 1 if isinstance(job.method, str) else job.method.reach
    psf = make_typical_psf(len(frame))
    return Grid.around(tuple(frame), psf, boundary, PSF_LIGHT_KEPT, reach).scene


def _count_iteration_pairs(job: Job, axes: int) -> int:
    """Return the FFT pairs of all iterations, at most those of the method."""
    limit, typical = getattr(job.method, "iterations", None), TYPICAL_ITERATIONS[axes]
    return ITERATION_FFT_PAIRS[axes] * (min(limit, typical) if isinstance(limit, int) else typical)


@lru_cache(maxsize=64)
def _measure_pair_seconds(scene: tuple[int, ...], one_core: bool = False) -> float:
    """Measure the time of an FFT pair in seconds; for large sizes, scale that of a smaller one.

    With `one_core`, time that other programs use the core does not count.
    """
    workers = 1 if one_core else fft_workers()
    clock = time.thread_time if one_core else time.perf_counter
    small = tuple(min(n, 1024 if len(scene) < 3 else 96) for n in scene)
    values = np.ones(small, np.float32)
    times = []
    for _ in range(3):
        began = clock()
        fft.irfftn(fft.rfftn(values, workers=workers), small, workers=workers)
        times.append(clock() - began)
    return min(times) * math.prod(scene) / math.prod(small)
