"""How much an image changes from one iterate to the next: what says that a run has ended."""

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow

MIN_CONTRAST = 0.01
"""Least contrast of a line of pixels by which its change is measured. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_PART_OF_CONTRAST = 0.1
"""Least contrast, as a part of the largest, where no line has much: a part of an image that is
faint is run as far as the whole. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

TINY = 1e-12
"""Number that is added to denominators. Guard: against images without contrast;
``tests/test_deconvolve.py``."""


def measure_largest_change(
    before: Tensor, after: Tensor, axes: int, noise: Tensor = 0.0, are_samples: bool = False
) -> Tensor:
    """How much each plane changes, relative to its own contrast, where that is most.

    The largest, over all lines of pixels along any axis, of the root mean square change over
    the line's own contrast. A small or faint object is looked at in its own lines, so that
    neither a dark nor a bright surrounding counts, and neither place nor direction does. Noise of
    a standard deviation that is known counts as contrast: what it hides need not be waited for.

    Planes may be samples of an image with much longer lines, which change less than the worst of
    the samples' short ones do: of a sample, all pixels are taken together for a line.
    """
    tf = tensorflow()
    change = tf.square(after - before)
    squares = tf.square(after)
    lines = []
    along = [axis for axis in range(-axes, 0) if after.shape[axis] > 1]
    for line in [along] if are_samples else along:
        mean = tf.reduce_mean(after, line)
        contrast = tf.nn.relu(tf.reduce_mean(squares, line) - tf.square(mean))
        lines.append((tf.reduce_mean(change, line), contrast))
    rest = list(range(1, lines[0][0].shape.rank))
    largest = tf.reduce_max([tf.reduce_max(c, rest, keepdims=True) for _, c in lines], 0)
    least = tf.minimum(MIN_CONTRAST**2, MIN_PART_OF_CONTRAST**2 * largest) + TINY
    least += noise * noise
    worst = [tf.reduce_max(moved / (contrast + least), rest) for moved, contrast in lines]
    return tf.sqrt(tf.reduce_max(worst, 0))
