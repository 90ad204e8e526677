"""The data term of the solver `poisson`: its deviance, and its proximal operator."""

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.poisson_problem import Constants
from napari_tf_deblur._solvers.zero_division import TINY

SERIES_RANGE = 0.05
"""Relative excess of the data below which the deviance is computed as a power series, because the
difference of logarithms would be lost in rounding. Guard: ``tests/solvers/test_poisson.py``."""


def poisson_prox(c: Constants, blurred: Tensor) -> Tensor:
    """Return p of the blurred image from s: the root of c (1 - y / m) + m - b - s = 0."""
    tf = tensorflow()
    lack = c.scaled_data_weight - c.dark - blurred
    product = c.scaled_data_weight * (c.observed + c.dark)
    root = tf.sqrt(tf.square(lack) + 4 * product)
    # Two forms of the root; use the one without cancellation.
    above = 2 * product / (root + lack + TINY)
    model = tf.where(lack > 0, above, 0.5 * (root - lack))
    return tf.where(c.scaled_data_weight > 0, model - c.dark, blurred)


def deviance(c: Constants, blurred: Tensor) -> Tensor:
    """Return the Poisson deviance of a blurred image by pixel, divided by the penalty of u."""
    tf = tensorflow()
    light = tf.nn.relu(blurred)
    model = light + c.dark
    excess = (c.observed - light) / model  # subtract without `dark`, which would cost digits
    near = excess * excess * (0.5 - excess * (1 / 6 - excess * (1 / 12 - excess * 0.05)))
    far = tf.math.xlogy(1 + excess, tf.nn.relu(1 + excess)) - excess
    return c.scaled_data_weight * model * tf.where(tf.abs(excess) < SERIES_RANGE, near, far)
