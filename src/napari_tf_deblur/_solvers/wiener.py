"""Deblur by a Wiener filter; estimate the scene beyond the frame by repeating the filter."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.forward import laplacian_spectrum, transfer_function
from napari_tf_deblur._core.masking import mark_gap
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.loop import (
    assign_and_measure,
    compile_loop,
    read_first_variable,
    run_loop,
)
from napari_tf_deblur.methods import Wiener

FILL_ITERATIONS = 6
"""Number of times that unobserved parts of the scene are filled from the last estimate. Limit: of
time."""


class Constants(NamedTuple):
    """Values that do not change during a run, over the scene.

    Attributes
    ----------
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum.
    inverse : Tensor of complex64
        The Wiener filter, over the half spectrum.
    observed_mask : Tensor
        1 for pixels that were observed, else 0.
    observed : Tensor
        The frame, extended over the scene.
    """

    spectrum: Tensor
    inverse: Tensor
    observed_mask: Tensor
    observed: Tensor


def solve(problem: Problem, method: Wiener) -> Iterator[Iterate]:
    """Filter the image, fill unobserved pixels from the re-blurred estimate, and repeat.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : Wiener
        The method, with its balance filled in.

    Returns
    -------
    iterator of Iterate
        States of the solver; the last one is the result.
    """
    tf = tensorflow()
    grid = problem.grid
    spectrum = transfer_function(problem.psf, grid.scene)
    power = np.abs(spectrum) ** 2
    smoothness = np.square(laplacian_spectrum(grid.scene, problem.spacing))
    inverse = np.conj(spectrum) / (power + float(method.balance) * smoothness + 1e-12)
    start = tf.constant(replace(problem, observed=_fill_observed(problem)).extend_observed())
    data_weight = tf.constant(problem.extend_data_weight())
    constants = Constants(
        spectrum=tf.constant(spectrum),
        inverse=tf.constant(inverse.astype(np.complex64)),
        observed_mask=tf.cast(data_weight > 0, tf.float32),
        observed=start,
    )
    all_observed = grid.scene == grid.frame and bool(np.all(problem.data_weight > 0))
    rounds = 1 if all_observed else FILL_ITERATIONS
    run = _compile_solver(len(grid.frame))
    return run_loop(run, read_first_variable, constants, [start, start], rounds)


def _fill_observed(problem: Problem) -> Float32Array:
    """Fill ignored pixels with a weighted mean of their neighbours; nearer ones count more."""
    axes = len(problem.grid.frame)
    valid = np.broadcast_to(problem.data_weight > 0, problem.observed.shape)
    beyond = mark_gap(problem.grid.frame, problem.gap)
    if beyond is not None:
        valid = valid | beyond  # which is mirrored already
    if valid.all():
        return problem.observed
    filled = problem.observed.copy()
    missing = ~valid
    for reach in (1, 4, 16, 64):  # sigma in pixels: wider where the mask has wide holes
        sigma = (0,) * (valid.ndim - axes) + (reach,) * axes
        count = ndimage.gaussian_filter(valid.astype(np.float32), sigma, mode="nearest")
        total = ndimage.gaussian_filter(np.where(valid, problem.observed, 0), sigma, mode="nearest")
        known = missing & (count > 1e-3)
        filled[known] = total[known] / count[known]
        missing &= ~known
        if not missing.any():
            break
    return filled


@lru_cache(maxsize=4)
def _compile_solver(axes: int) -> Any:
    """Compile the loop of filtering and filling."""
    tf = tensorflow()

    def step(constants: Any, state: Any, _active: Any) -> tuple[Tensor, Tensor]:
        variable, filled = state
        c = Constants(*constants)
        scene = tuple(c.observed.shape[-axes:])
        transformed = c.inverse * rfft(filled.read_value(), axes)
        image = irfft(transformed, scene)
        reblurred = irfft(c.spectrum * transformed, scene)
        misfit = c.observed_mask * (c.observed - reblurred)
        filled.assign(reblurred + misfit, read_value=False)
        loss = 0.5 * tf.reduce_sum(tf.square(misfit), list(range(1, misfit.shape.rank)))
        return loss, assign_and_measure(variable, image)

    return compile_loop(step)
