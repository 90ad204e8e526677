"""Estimate how far the noise of the image moves each pixel of a result.

This is a parametric bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993). The
result blurred again is a model of the image without noise. New noise is added to it, with the
variance that was found at each brightness, and each of these images is deblurred with the same
calibration. Noise is not added to the image itself, because it would then have twice the variance.
But a part of the residual is kept: the model lacks the detail that the method has smoothed away,
and structure without it would seem too sure.

A few runs give a rough value at each pixel. The mean absolute deviation is used in place of the
mean square, because light that is never negative makes most errors in the dark small and a few
large, and because it is averaged over the neighbours of a pixel.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Event

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.steps import RunStage, Step, StoredImage, map_steps
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.equivariant_random import iterate_normal
from napari_tf_deblur._noise.noise import fit_measured_line
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.prediction_error import fit_channel_lines, variance_by_value
from napari_tf_deblur._solvers.run import solve_batches

UNCERTAINTY_RUNS = 6
"""Number of runs with new noise. Chosen by ``benchmarks/uncertainty.py --development``: with fewer,
the value of a pixel is rougher; more cost time."""

KEPT_RESIDUAL = 0.5
"""Part of the residual that is added to the result blurred again. Chosen by
``benchmarks/uncertainty.py --development``: without it, too few errors at structures lie within the
standard deviations; with all of it, methods differ more."""

POOLING_SIGMA = 0.5
"""Sigma, in pixels of the finest axis, of the Gaussian over which deviations are averaged. Chosen
by ``benchmarks/uncertainty.py --development``."""

NORMAL_RATIO = math.sqrt(math.pi / 2)
"""Ratio of standard deviation and mean absolute deviation. Derived: of the normal distribution."""

UNCERTAINTY_MEANING = (
    "Standard deviation of what the noise of the image does to each pixel of the result, in "
    "intensities of the image. It contains noise only: not the bias of the method, which smooths "
    "detail away, nor the error of a wrong PSF, nor noise that neighbouring pixels share, as after "
    "JPEG or interpolation."
)
"""What the values contain, for users."""

RUN_SHARE = 1 / (1 + UNCERTAINTY_RUNS)
"""Part of the progress bar for one run. Derived: all take about the same time."""


def estimate_uncertainty(
    arguments: Arguments, result: Deconvolution, stop: Event | None = None
) -> Generator[Step, None, Float32Array | None]:
    """Deblur images with new noise, and return how much their results differ.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run that made the result.
    result : Deconvolution
        The result. Its calibration is used.
    stop : threading.Event, optional
        If it is set, the runs end at the next step.

    Yields
    ------
    Step
        The progress; its image is that of the result.

    Returns
    -------
    ndarray of float32 or None
        Standard deviations in intensity units, in the shape of the residual; 0 in planes that were
        not deblurred. None if the runs were stopped.
    """
    known = replace(arguments, method=result.calibration, smoothing=1.0, uncertainty=False)
    prepared = PreparedRun.from_arguments(known, result.blur)
    used = prepared.used_planes
    values, valid = prepared.values[used], prepared.valid
    if valid is not None and len(valid) > 1:
        valid = valid[used]
    residual = prepared.planes.split_array(result.residual, transparency=False)[used]
    if prepared.brightness:
        residual = residual / prepared.brightness.factors[used]
    clean = values - residual
    counted = None if valid is None else np.broadcast_to(valid, values.shape)
    lines = fit_channel_lines(values, counted, fit_measured_line)
    deviation = np.sqrt(variance_by_value(clean, lines))
    if valid is not None:
        deviation *= valid
    model = clean + np.float32(KEPT_RESIDUAL) * residual
    source, results = StoredImage(result.image), []
    drawn = iterate_normal(values, prepared.psf.ndim)
    for number in range(UNCERTAINTY_RUNS if deviation.any() else 0):
        noisy = prepared.values.copy()
        noisy[used] = model + deviation * next(drawn)
        solved = yield from map_steps(
            solve_batches(replace(prepared, values=noisy), stop),
            _describe_run(number, source, result.loss_history),
        )
        if stop is not None and stop.is_set():
            return None
        results.append(prepared.planes.split_array(solved.image)[used])
    uncertainty = np.zeros_like(prepared.values)
    if results:
        uncertainty[used] = pool_deviations(results, prepared.spacing)
    return prepared.planes.join_planes(uncertainty, transparency=False)


def pool_deviations(
    results: list[Float32Array], spacing: tuple[float, ...], sigma: float = POOLING_SIGMA
) -> Float32Array:
    """Return the standard deviation of some results at each pixel, averaged over its neighbours.

    Parameters
    ----------
    results : list of ndarray of float32
        At least two, of shape (planes, channels, *frame).
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    sigma : float, optional
        Sigma of the Gaussian of neighbours, in pixels of the finest axis.

    Returns
    -------
    ndarray of float32
        Shape of one result.
    """
    count = len(results)
    mean, absolute = np.zeros_like(results[0]), np.zeros_like(results[0])
    for one in results:
        mean += one / np.float32(count)
    for one in results:
        absolute += np.abs(one - mean)
    # The mean of the results is nearer to them than their true mean.
    absolute *= np.float32(NORMAL_RATIO / math.sqrt(count * (count - 1)))
    sigmas = (0.0, 0.0, *(sigma / step for step in spacing))
    return np.asarray(ndimage.gaussian_filter(absolute, sigmas, mode="reflect"), np.float32)


def _describe_run(number: int, source: StoredImage, losses: Float32Array) -> Callable[[Step], Step]:
    """Return a function that makes a step of one run a step of all of them."""
    stage: RunStage = "repeating with new noise"
    message = f"repeating with new noise, run {number + 1} of {UNCERTAINTY_RUNS}"

    def describe(step: Step) -> Step:
        fraction = (number + 1 + step.fraction) * RUN_SHARE
        return Step(stage, message, fraction, losses, source)

    return describe
