"""Declare gradient descent, which includes the reference recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np

from napari_tf_deblur.methods.base import Iterations, Method
from napari_tf_deblur.methods.image_statistics import ImageStatistics

PriorName = Literal["smoothness", "tv", "hessian"]

MIN_UNSCALED_PEAK = 0.1
"""Least peak of an image that is not scaled; the largest is 1. Source: the reference recipe uses
images between 0 and 1."""


@dataclass(frozen=True)
class GradientDescent(Method):
    """Gradient descent: by automatic differentiation, the notebook recipe and your own.

    Minimises ``data_term + mu * prior`` from a start of random noise. The defaults are the
    recipe from which the project started. It needs hundreds of steps and is the reference
    for the other methods. It uses the values of the image unchanged if the largest is 0.1 to
    1; otherwise it divides the image by its largest value.

    Parameters
    ----------
    learning_rate : float
        Size of the steps. ``lbfgs`` does not use it, because it finds its own step sizes.
    mu : float
        Regularisation weight: the weight of the prior relative to the data term.
    iterations : int
        Number of steps; ``lbfgs`` stops earlier at the minimum.
    optimizer : {"sgd", "adam", "adagrad", "lbfgs"}
        Algorithm of the steps. ``sgd`` is plain gradient descent; ``adam`` (Kingma & Ba, 2015)
        and ``adagrad`` (Duchi et al., 2011) use the constants of Keras; ``lbfgs`` is a
        limited-memory quasi-Newton method (Nocedal & Wright, 2006, chapter 7).
    data_term : {"rms", "gaussian", "poisson"}
        Difference between the re-blurred estimate and the image: the recipe's square root
        of half the summed squares, half the summed squares, or the Poisson likelihood.
    prior : {"smoothness", "tv", "hessian"} or callable
        Penalty of images that are not expected: the recipe's square root of half the
        summed squared differences, the total variation, or the norm of the Hessian. In Python
        it may also be a function that takes a TensorFlow tensor of shape (1, channels, then the
        deblurred axes) and returns a scalar.
    random_state : int
        Seed of the random start.

    Examples
    --------
    >>> GradientDescent(optimizer="lbfgs", iterations=100).mu
    0.2
    """

    solver = "gradient_descent"
    short_name = "descent"
    remedy = (
        "Its steps are too large for this image: set a smaller learning rate, or choose the "
        "optimizer 'lbfgs', which finds its own step sizes."
    )
    counts_photons = False
    reach = 1
    keeps_freed_memory = True

    learning_rate: Annotated[float, {"min": 1e-6, "max": 1e6, "step": 0.01}] = 0.5
    mu: Annotated[float, {"min": 0.0, "max": 1e6, "step": 0.001}] = 0.2
    iterations: Iterations = 500
    optimizer: Literal["sgd", "adam", "adagrad", "lbfgs"] = "sgd"
    random_state: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
    data_term: Literal["rms", "gaussian", "poisson"] = "rms"
    prior: Annotated[
        PriorName | Callable[..., Any],
        {"widget_type": "ComboBox", "choices": get_args(PriorName)},
    ] = "smoothness"

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 30 if self.optimizer == "lbfgs" else 16

    def suggest_weight(self, image: ImageStatistics) -> None:
        """See :class:`Method`: no ``mu`` of the recipe suits all images."""

    @property
    def can_be_cut(self) -> bool:
        """See :class:`Method`: its start, its steps and the recipe's terms depend on all pixels."""
        return False

    def intensity_scale(self, image: ImageStatistics) -> float:
        """See :class:`Method`: the recipe uses images with values from 0 to 1."""
        valid = True if image.valid is None else image.valid
        largest = float(np.max(np.abs(image.values), initial=0.0, where=valid))
        return largest if largest and not MIN_UNSCALED_PEAK <= largest <= 1 else 1.0

    def with_smoothing(self, ratio: float) -> Self:
        """See :class:`Method`: ``mu`` is multiplied."""
        return self.scale_parameter("mu", ratio)
