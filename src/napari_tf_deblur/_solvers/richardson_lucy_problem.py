"""Build the constants of the solver `richardson_lucy` and its start image."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.detector_artifacts import DEAD_PART
from napari_tf_deblur._preparation.global_values import largest_of_planes
from napari_tf_deblur._preparation.iterations import MIN_VISIBLE_PART
from napari_tf_deblur._preparation.problem import Problem, Tensor
from napari_tf_deblur._solvers.blur import BlurOperator
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur.methods import RichardsonLucy

MIN_MODEL_BRIGHTNESS = 1e-6
"""Least brightness of the model, for intensities of range 1. Guard: against a division by zero;
``tests/test_deconvolve.py``."""

MOMENTUM = "momentum"
"""Name of the momentum among the global values."""

KEPT_MOMENTUM_STEPS = 256
"""Number of iterations whose momentum is stored; later iterations of pieces use the last one.
Limit: of memory."""


class Constants(NamedTuple):
    """Values that do not change during a run: tensors over the scene unless said otherwise.

    Attributes
    ----------
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum.
    data_weight : Tensor
        Weight of each pixel; 0 outside the frame and at ignored pixels.
    light : Tensor
        The observed intensities plus `dark`, times `data_weight`.
    inverse_visibility : Tensor
        Factor on a correction: 1 over the part of the light of a pixel that reaches the frame; 0
        where that part is too small.
    dark : Tensor
        Intensity that was added to each channel, of shape (planes, channels, 1, ...).
    tv_weight : Tensor
        Weight of the total variation, a scalar.
    momentum : Tensor
        Extrapolation factor along the last change for each iteration, of shape
        (KEPT_MOMENTUM_STEPS,). Below 0: it is computed from the changes.
    """

    spectrum: Tensor
    data_weight: Tensor
    light: Tensor
    inverse_visibility: Tensor
    dark: Tensor
    tv_weight: Tensor
    momentum: Tensor


def build_constants(problem: Problem, method: RichardsonLucy) -> tuple[Constants, Tensor]:
    """Compute the constants of a problem and its start image.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : RichardsonLucy
        The method, with all its values filled in.

    Returns
    -------
    constants : Constants
        Tensors.
    start : Tensor
        First image, of shape (planes, channels, *scene): the same brightness everywhere in a
        channel, and 0 where pixels are not visible in the frame.
    """
    tf = tensorflow()
    grid = problem.grid
    spectrum = tf.constant(transfer_function(problem.psf, grid.scene))
    weight = tf.constant(problem.extend_data_weight())
    visibility = BlurOperator(grid.scene, spectrum).adjoint(weight)
    if problem.dark_outside:
        visibility *= np.pad(np.ones(grid.frame, np.float32), grid.margins)
    is_visible = tf.cast(visibility > MIN_VISIBLE_PART, tf.float32)
    dark = problem.global_value("dark", lambda: _noise_below_zero(problem), largest_of_planes)
    light = weight * (np.maximum(problem.extend_observed(), -dark) + dark)
    axes = list(range(2, light.shape.rank))

    def mean_light() -> Float32Array:
        total = tf.reduce_sum(light, axes, keepdims=True)
        return np.asarray(total / tf.reduce_sum(weight * tf.ones_like(light), axes, keepdims=True))

    mean = problem.global_value("light", mean_light)
    start = is_visible * tf.maximum(mean - dark, MIN_MODEL_BRIGHTNESS)
    constants = Constants(
        spectrum=spectrum,
        data_weight=weight,
        light=light,
        inverse_visibility=is_visible / tf.maximum(visibility, MIN_VISIBLE_PART),
        dark=tf.constant(dark),
        tv_weight=tf.constant(np.float32(method.tv_weight)),
        momentum=tf.constant(_momentum(problem)),
    )
    return constants, start


def _momentum(problem: Problem) -> Float32Array:
    """Return the extrapolation factors of the whole image; -1 where they are not known."""
    known = problem.global_values
    if known is None or MOMENTUM not in known.values:
        return np.full(KEPT_MOMENTUM_STEPS, -1, np.float32)
    return np.asarray(known.values[MOMENTUM][0])


def _noise_below_zero(problem: Problem) -> Float32Array:
    """Return how far the noise of each channel reaches below zero; 0 for photon counts."""
    lead = problem.observed.shape[:2]
    dark = np.zeros((*lead, *(1,) * len(problem.grid.frame)), np.float32)
    for plane in np.ndindex(lead):
        values = problem.observed[plane]
        below = values[values < 0]
        dead = int(DEAD_PART * values.size)
        if below.size > dead:
            dark[plane] = -np.partition(below, dead)[dead]
    return dark
