"""Measure how much an image changes from one iterate to the next, to end a run."""

from itertools import combinations

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow

MIN_CONTRAST = 0.01
"""Least contrast that the change of a line of pixels is divided by, for intensities of range 1.
Limit: of time; with a smaller one, faint lines take more iterations."""

MIN_PART_OF_CONTRAST = 0.1
"""Least contrast that the change of a line is divided by, as a part of the largest contrast of any
line. It applies where all lines have little contrast, so that a faint part of an image runs as far
as the whole. Guard: against such parts; ``tests/solvers/test_admm.py``."""

ROUNDING_CONTRAST = 1e-6
"""Contrast beside which changes by rounding errors are small: some 10 times the precision of
float32. Guard: against a division by zero if all lines are constant;
``tests/solvers/test_admm.py``."""


def measure_largest_change(
    before: Tensor, after: Tensor, axes: int, noise: Tensor = 0.0, are_samples: bool = False
) -> Tensor:
    """Return the largest relative change of any line of pixels, for each plane.

    The relative change of a line, along any axis, is its root mean square change divided by its own
    contrast. A small or faint object is so compared with its own lines. Its surroundings, its place
    and its direction do not matter. Volumes are compared by planes, across any axis: they have so
    many lines that the worst one is hardly ever still.

    Parameters
    ----------
    before, after : Tensor
        Two iterates, of shape (planes, channels, *scene).
    axes : int
        Number of axes of the scene.
    noise : Tensor, optional
        Standard deviation of the noise: one number, or one for each plane with all axes kept. It
        counts as contrast, because changes that are smaller than the noise need no more iterations.
    are_samples : bool, optional
        Whether the planes are samples of a larger image. The long lines of that image change less
        than the worst of the short lines of the samples. So all pixels of a sample are treated as
        one line.

    Returns
    -------
    Tensor
        Relative changes, of shape (planes,).
    """
    tf = tensorflow()
    change = tf.square(after - before)
    squares = tf.square(after)
    lines = []
    along = [axis for axis in range(-axes, 0) if after.shape[axis] > 1]
    for line in [along] if are_samples else combinations(along, max(1, len(along) - 1)):
        mean = tf.reduce_mean(after, line, keepdims=True)
        contrast = tf.nn.relu(tf.reduce_mean(squares, line, keepdims=True) - tf.square(mean))
        lines.append((tf.reduce_mean(change, line, keepdims=True), contrast))
    rest = list(range(1, after.shape.rank))
    largest = tf.reduce_max([tf.reduce_max(c, rest, keepdims=True) for _, c in lines], 0)
    least = tf.minimum(MIN_CONTRAST**2, MIN_PART_OF_CONTRAST**2 * largest) + ROUNDING_CONTRAST**2
    least += noise * noise
    worst = [tf.reduce_max(moved / (contrast + least), rest) for moved, contrast in lines]
    return tf.sqrt(tf.reduce_max(worst, 0))
