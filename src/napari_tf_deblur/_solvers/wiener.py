"""The Wiener filter, with the scene beyond the frame filled in by itself."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.loop import compiled, first_of_state, iterate, replaced
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import Wiener

ROUNDS = 6
"""How often the unseen part of the scene is filled in from the last estimate."""


def solve(problem: Problem, method: Wiener) -> Iterator[Iterate]:
    """Filter, put what the estimate says where nothing was seen, and filter again."""
    tf = tensorflow()
    grid = problem.grid
    spectrum = transfer_function(problem.psf, grid.scene)
    power = np.abs(spectrum) ** 2
    smoothness = Differences(2, problem.spacing).squared_spectrum(grid.scene)
    inverse = np.conj(spectrum) / (power + method.balance * smoothness + 1e-12)
    start = tf.constant(problem.extended())
    data_weight = tf.constant(problem.data_weight_in_scene())
    constants = [
        tf.constant(spectrum),
        tf.constant(inverse.astype(np.complex64)),
        tf.cast(data_weight > 0, tf.float32),
        start,
    ]
    everything_seen = grid.scene == grid.frame and bool(np.all(problem.data_weight > 0))
    rounds = 1 if everything_seen else ROUNDS
    return iterate(_compiled(grid), first_of_state, constants, [start, start], grid, rounds)


@lru_cache(maxsize=8)
def _compiled(grid: Grid) -> Any:
    tf = tensorflow()
    axes = len(grid.frame)

    def step(constants: Any, state: Any) -> Any:
        variable, filled = state
        spectrum, inverse, seen, observed = constants
        transformed = inverse * rfft(filled.read_value(), axes)
        image = irfft(transformed, grid.scene)
        reblurred = irfft(spectrum * transformed, grid.scene)
        misfit = seen * (observed - reblurred)
        filled.assign(reblurred + misfit, read_value=False)
        return 0.5 * tf.reduce_sum(tf.square(misfit)), replaced(variable, image)

    return compiled(step)
