"""Plan the workers of this machine: how many processes, and how much memory for each."""

import os
from collections.abc import Sequence

import numpy as np

from napari_tf_deblur._core.gaussian_psf import gaussian_psf
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.margins import piece_margin
from napari_tf_deblur._large.plan import Plan, estimate_piece_bytes, plan_pieces
from napari_tf_deblur.methods import Method

WORKER_BYTES = 960 * 2**20
"""Bytes of a worker without a piece, and of the process that watches it. Limit: of memory.
TensorFlow takes 680 MiB, 250 more after samples were deblurred by several methods, and the other
process 60; `EXTRA_COPIES` names the command that measures the sum."""

CLIENT_BYTES = 300 * 2**20
"""Bytes of the calling process, with dask and its scheduler. Limit: of memory; `EXTRA_COPIES`
names the command that measures the sum."""

EFFICIENT_PIECE_SIZE = {1: 2**16, 2: 768, 3: 96}
"""Smallest side, in pixels, of a piece that is not mostly margin, by number of axes. Limit: of
time."""

TYPICAL_SIGMA = (2.0, 1.5, 1.5)
"""Sigmas in pixels along z, y and x of a typical PSF, for estimates before the PSF is known. Limit:
of the memory and time that are announced; a wider PSF needs more."""

WIDE_PSF_SIZE = 33
"""Pixels per axis of a wide PSF, for the workers that are started before the PSF is known. It is
wider than that of `TYPICAL_SIGMA`, because each worker must have enough memory for any PSF, and
workers cannot be changed later. Limit: of their number; with a larger PSF, each has more memory."""


def plan_workers(
    ndim: int, channels: int, psf: PSF, method: Method, budget: int, cores: int
) -> tuple[int, int]:
    """Choose the number of worker processes, and the memory of each.

    Processes of one thread each have the highest throughput. But each needs its own TensorFlow,
    and with little memory, pieces become so small that most of their pixels are margin.

    Parameters
    ----------
    ndim, channels : int
        Number of deblurred axes, and of colours.
    psf : ndarray of float32
        PSF of sum 1.
    method : Method
        The method.
    budget : int
        Memory of all processes together, in bytes.
    cores : int
        Number of cores of this machine.

    Returns
    -------
    workers : int
        Number of processes.
    worker_bytes : int
        Memory of each process, in bytes.
    """
    margin = piece_margin(psf, method)
    input_size = [EFFICIENT_PIECE_SIZE[ndim] + 2 * m for m in margin]
    worker_bytes = WORKER_BYTES + estimate_piece_bytes(input_size, channels, psf, method)
    workers = max(1, min(cores, (budget - CLIENT_BYTES) // worker_bytes))
    return workers, (budget - CLIENT_BYTES) // workers


def make_wide_psf(ndim: int) -> PSF:
    """Return a wide PSF that stands for one that is not known yet.

    Parameters
    ----------
    ndim : int
        Number of axes.

    Returns
    -------
    ndarray of float32
        PSF of sum 1, equal everywhere.
    """
    return check_psf(np.ones((WIDE_PSF_SIZE,) * ndim))


def make_typical_psf(ndim: int) -> PSF:
    """Return a Gaussian PSF of typical width, which stands for one that is not known yet.

    Parameters
    ----------
    ndim : int
        Number of axes.

    Returns
    -------
    ndarray of float32
        PSF of sum 1.
    """
    return gaussian_psf(TYPICAL_SIGMA[-ndim:])


def estimate_plan(
    shape: Sequence[int],
    frame_axes: Sequence[int],
    channel_axis: int | None,
    method: Method,
    budget: int,
) -> Plan:
    """Estimate the plan for workers on this machine, before the PSF and the method are known.

    The PSF is a typical one. The method of the run may still be "auto". The plan assumes the method
    given here; with another one the pieces may be larger or smaller.

    Parameters
    ----------
    shape, frame_axes, channel_axis, method, budget
        See :func:`plan_pieces`.

    Returns
    -------
    Plan
        The plan.
    """
    ndim = len(frame_axes)
    psf = make_typical_psf(ndim)
    channels = 1 if channel_axis is None else shape[channel_axis]
    cores = os.cpu_count() or 1
    workers, _ = plan_workers(ndim, channels, psf, method, budget, cores)
    overhead = CLIENT_BYTES + workers * WORKER_BYTES
    threads = max(1, cores // workers)
    return plan_pieces(
        shape, frame_axes, channel_axis, psf, method, budget, workers, threads, overhead
    )
