"""Compute data terms and penalties for automatic differentiation.

Images have the shape (planes, channels, *axes). Each function returns one value for each plane, so
that the planes of a stack are separate problems. The square roots of the reference recipe are taken
for each plane and channel.
"""

from typing import Any

from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.zero_division import TINY

NORM_SMOOTHING = 1e-3
"""Width over which the corner of norms at zero is smoothed, for intensities of range 1. Limit: of
time; with a narrower corner, runs take more iterations."""


def rms(model: Any, observed: Any, data_weight: Any) -> Any:
    """Return the square root of half the summed squares: the recipe's data term."""
    tf = tensorflow()
    return tf.reduce_sum(_root_of_half(data_weight * tf.square(model - observed)), 1)


def gaussian(model: Any, observed: Any, data_weight: Any) -> Any:
    """Return half the summed squares: the likelihood of Gaussian noise."""
    return 0.5 * _sum_each_plane(data_weight * tensorflow().square(model - observed))


def poisson(model: Any, observed: Any, data_weight: Any) -> Any:
    """Return the deviance of photon counts; negative models are mapped smoothly to above zero."""
    tf = tensorflow()
    model = _smooth_positive(model)
    counts = tf.nn.relu(observed)
    # Two logarithms: the derivative of a quotient overflows where the model is small.
    deviance = model - counts + tf.math.xlogy(counts, counts) - tf.math.xlogy(counts, model)
    return _sum_each_plane(data_weight * deviance)


def smoothness(image: Any, spacing: tuple[float, ...]) -> Any:
    """Return the square root of half the summed squared differences: the recipe's prior."""
    tf = tensorflow()
    axes = list(range(2, 2 + len(spacing)))
    squares = sum(
        tf.reduce_sum(tf.square(_difference(image, axis) / step), axes)
        for axis, step in zip(axes, spacing)
    )
    return tf.reduce_sum(tf.sqrt(squares / 2 + TINY), 1)


def tv(image: Any, spacing: tuple[float, ...]) -> Any:
    """Return the total variation with coupled channels and a smoothed corner."""
    axes = range(2, 2 + len(spacing))
    return _sum_norm([_padded_difference(image, axis) / step for axis, step in zip(axes, spacing)])


def hessian(image: Any, spacing: tuple[float, ...]) -> Any:
    """Return the Frobenius norm of the second derivatives, with a smoothed corner."""
    axes = list(range(2, 2 + len(spacing)))
    components = []
    for a, step_a in zip(axes, spacing):
        first = _padded_difference(image, a) / step_a
        for b, step_b in zip(axes, spacing):
            components.append(_padded_difference(first, b) / step_b)
    return _sum_norm(components)


DATA_TERMS = {"rms": rms, "gaussian": gaussian, "poisson": poisson}
"""Data terms of :class:`napari_tf_deblur.GradientDescent`, by name."""

PENALTIES = {"smoothness": smoothness, "tv": tv, "hessian": hessian}
"""Penalties of the priors of :class:`napari_tf_deblur.GradientDescent`, by name. The priors of the
other solvers, which need no gradient, are in :mod:`.priors`."""


def _smooth_positive(model: Any) -> Any:
    """Return ``(m + sqrt(m**2 + s**2)) / 2``, without cancellation below zero.

    Below zero it is computed as ``s**2 / (2 * (sqrt(m**2 + s**2) - m))``. The plain sum rounds to 0
    below about -10. Its derivative is 0 there, and the deviance would have no slope.
    """
    tf = tensorflow()
    above, below = tf.maximum(model, 0.0), tf.maximum(-model, 0.0)
    root = tf.sqrt(tf.square(model) + NORM_SMOOTHING**2)
    return tf.where(model >= 0, 0.5 * (above + root), 0.5 * NORM_SMOOTHING**2 / (below + root))


def _root_of_half(squares: Any) -> Any:
    tf = tensorflow()
    axes = list(range(2, squares.shape.rank))
    return tf.sqrt(tf.reduce_sum(squares, axes) / 2 + TINY)


def _sum_norm(components: list[Any]) -> Any:
    tf = tensorflow()
    squares = tf.reduce_sum(tf.add_n([tf.square(c) for c in components]), axis=1)
    return _sum_each_plane(tf.sqrt(squares + NORM_SMOOTHING**2) - NORM_SMOOTHING)


def _sum_each_plane(values: Any) -> Any:
    """Sum of each plane."""
    return tensorflow().reduce_sum(values, list(range(1, values.shape.rank)))


def _difference(image: Any, axis: int) -> Any:
    """Forward differences inside the image: one fewer than its pixels."""
    lead = (slice(None),) * axis
    return image[(*lead, slice(1, None))] - image[(*lead, slice(None, -1))]


def _padded_difference(image: Any, axis: int) -> Any:
    """Forward differences, zero at the far edge, so that all have the image's shape."""
    tf = tensorflow()
    widths = [[0, 1] if a == axis else [0, 0] for a in range(image.shape.rank)]
    return tf.pad(_difference(image, axis), widths)
