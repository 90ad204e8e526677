"""How much an image changes from one iterate to the next: what says that a run has ended."""

import numpy as np

from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.problem import Tensor

LEAST_CONTRAST = 0.01
"""Contrast of a line of pixels below which its change is not measured by it, but by this."""

LEAST_PART = 0.1
"""If no line has much contrast, this part of the largest is taken for the least: a cut-out in
which all is faint is run as far as the whole."""

TINY = 1e-12
"""Keeps the change of an image without contrast finite."""


def largest_changes(
    before: Tensor, after: Tensor, axes: int, noise: Tensor = 0.0, one_image: bool = False
) -> Tensor:
    """How much each plane changes, relative to its own contrast, where that is most.

    The largest, over all lines of pixels along any axis, of the root mean square change over
    the line's own contrast. A small or faint object is looked at in its own lines, so that
    neither a dark nor a bright surrounding counts, and neither place nor direction does. Noise of
    a standard deviation that is known counts as contrast: what it hides need not be waited for.

    The planes may be samples of one image, of which each line passes through many such places: its
    lines change less, in the mean, than the worst of the samples' short ones. Lines of all planes
    are then taken together.
    """
    tf = tensorflow()
    change = tf.square(after - before)
    squares = tf.square(after)
    lines = []
    for axis in range(-axes, 0):
        if after.shape[axis] > 1:
            over = [0, axis] if one_image else axis
            shape = [after.shape[0], *np.delete(after.shape, axis)[1:]]
            moved, mean, square = (
                tf.broadcast_to(tf.reduce_mean(values, over), shape)
                for values in (change, after, squares)
            )
            lines.append((moved, tf.nn.relu(square - tf.square(mean))))
    rest = list(range(1, after.shape.rank - 1))
    largest = tf.reduce_max([tf.reduce_max(c, rest, keepdims=True) for _, c in lines], 0)
    least = tf.minimum(LEAST_CONTRAST**2, LEAST_PART**2 * largest) + TINY
    least += noise * noise
    worst = [tf.reduce_max(moved / (contrast + least), rest) for moved, contrast in lines]
    return tf.sqrt(tf.reduce_max(worst, 0))
