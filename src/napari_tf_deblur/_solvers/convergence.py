"""Measure how much an image changes from one iterate to the next, to end a run."""

from collections.abc import Sequence
from itertools import combinations

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.zero_division import TINY

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
    before: Tensor,
    after: Tensor,
    axes: int,
    noise: Tensor = 0.0,
    are_samples: bool = False,
    by_planes: bool = False,
    counted: Tensor | None = None,
) -> Tensor:
    """Return the largest relative change of any line of pixels, for each plane.

    The relative change of a line, along any axis, is its root mean square change divided by its own
    contrast. A small or faint object is so compared with its own lines. Its surroundings, its place
    and its direction do not matter.

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
    by_planes : bool, optional
        Whether volumes are compared by planes across any axis. They have so many lines that the
        worst one is hardly ever still.
    counted : Tensor, optional
        1 for each pixel that counts, else 0; of the shape of `after`, or with length 1 for planes
        and channels. All pixels count by default.

    Returns
    -------
    Tensor
        Relative changes, of shape (planes,).
    """
    tf = tensorflow()
    along = [axis for axis in range(-axes, 0) if after.shape[axis] > 1]
    size = max(1, len(along) - 1) if by_planes else 1
    lines = [along] if are_samples else list(combinations(along, size))
    each = [tf.square(after - before), after, tf.square(after)]
    if counted is None:
        moved, mean, square = (_mean_along(lines, values) for values in each)
    else:
        parts = [tf.maximum(part, TINY) for part in _mean_along(lines, counted)]
        moved, mean, square = (
            [m / part for m, part in zip(_mean_along(lines, counted * values), parts, strict=True)]
            for values in each
        )
    contrasts = [tf.nn.relu(s - tf.square(m)) for s, m in zip(square, mean, strict=True)]
    rest = list(range(1, after.shape.rank))
    largest = tf.reduce_max([tf.reduce_max(c, rest, keepdims=True) for c in contrasts], 0)
    least = tf.minimum(MIN_CONTRAST**2, MIN_PART_OF_CONTRAST**2 * largest) + ROUNDING_CONTRAST**2
    least += noise * noise
    worst = [tf.reduce_max(m / (c + least), rest) for m, c in zip(moved, contrasts, strict=True)]
    return tf.sqrt(tf.reduce_max(worst, 0))


def measure_loss_change(before: Tensor, after: Tensor) -> Tensor:
    """Return the relative change of the loss of each plane, of shape (planes,)."""
    return tensorflow().abs(before - after) / (after + TINY)


def _mean_along(lines: Sequence[Sequence[int]], values: Tensor) -> list[Tensor]:
    """Average values along each of some groups of axes, which are kept with length 1.

    The first axis of a group is averaged first, and once for all groups that begin with it.
    """
    tf = tensorflow()
    first = {line[0]: tf.reduce_mean(values, line[0], keepdims=True) for line in lines}
    return [tf.reduce_mean(first[line[0]], line[1:], keepdims=True) for line in lines]
