"""What to do: one frozen dataclass per deconvolution method.

Each parameter is declared once, here. The declaration is the argument of
:func:`napari_tf_deblur.deconvolve`, the field in the dock (bounds, step and choices from
the annotation, tooltip from the docstring), the record kept with a result and, through
``repr``, the line of Python that repeats a run.
"""

# No "from __future__ import annotations": magicgui would then lose the bounds below.
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

Weight = Annotated[float, {"min": 0.0, "max": 1.0, "step": 1e-5}]
Iterations = Annotated[int, {"min": 1, "max": 100_000}]
Tolerance = Annotated[float, {"min": 0.0, "max": 1.0, "step": 1e-4}]
Intensity = Annotated[float, {"min": 0.0, "max": 1e9, "step": 0.01}]
Background = Annotated[float, {"min": -1e9, "max": 1e9, "step": 0.01}]

PriorName = Literal["smoothness", "tv", "hessian"]


@dataclass(frozen=True)
class Method:
    """Base of all methods; checks each field against its own annotation.

    Raises
    ------
    TypeError
        If a field has the wrong type.
    ValueError
        If a field is outside its bounds or not one of its choices.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            label = f"{type(self).__name__}: '{field.name}'"
            _check(label, getattr(self, field.name), hints[field.name])


@dataclass(frozen=True)
class TotalVariation(Method):
    """Total variation: keeps edges sharp and flat regions flat; the fast default.

    Minimises half the squared misfit plus ``weight`` times the total variation, by ADMM
    (Almeida & Figueiredo, IEEE TIP 22(8), 2013). Colour channels share one variation, so
    that their edges stay together (Bresson & Chan, 2008).

    Parameters
    ----------
    weight : float
        Regularisation weight, for intensities scaled to a range of 1. More removes more
        noise, less keeps more detail. About 0.6 times the noise to the power 1.5 is best.
    iterations : int
        Largest number of iterations; fewer are done where the image stops changing.
    tolerance : float
        The image has stopped changing when one iteration changes it by less than this
        part of its contrast.
    nonnegative : bool
        Allow no negative intensities, as light has none.
    gain : float
        Intensity units per photon, for images whose noise grows with brightness; 0 for
        noise that is the same everywhere.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units; only
        used together with the gain.

    Examples
    --------
    >>> TotalVariation(weight=0.001)
    TotalVariation(weight=0.001, iterations=100, tolerance=0.0025, nonnegative=False, \
gain=0.0, read_noise=0.0)
    """

    weight: Weight = 5e-4
    iterations: Iterations = 100
    tolerance: Tolerance = 2.5e-3
    nonnegative: bool = False
    gain: Intensity = 0.0
    read_noise: Intensity = 0.0


@dataclass(frozen=True)
class Hessian(Method):
    """Second-order prior: keeps smooth shading smooth; for fluorescence.

    Like total variation, on the second derivatives instead of the first, so that rounded
    cells do not turn into stairs (Lefkimmiatis et al., IEEE TIP 22(5), 2013; Frobenius
    norm).

    Parameters
    ----------
    weight : float
        Regularisation weight, for intensities scaled to a range of 1. More removes more
        noise, less keeps more detail.
    iterations : int
        Largest number of iterations; fewer are done where the image stops changing.
    tolerance : float
        The image has stopped changing when one iteration changes it by less than this
        part of its contrast.
    nonnegative : bool
        Allow no negative intensities, as light has none.
    gain : float
        Intensity units per photon, for images whose noise grows with brightness; 0 for
        noise that is the same everywhere.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units; only
        used together with the gain.

    Examples
    --------
    >>> Hessian(nonnegative=True).nonnegative
    True
    """

    weight: Weight = 3e-4
    iterations: Iterations = 100
    tolerance: Tolerance = 1e-3
    nonnegative: bool = False
    gain: Intensity = 0.0
    read_noise: Intensity = 0.0


@dataclass(frozen=True)
class PoissonLikelihood(Method):
    """Penalised Poisson likelihood: for photon counts, dim or bright; never negative.

    Finds the most likely image for photon counts, with a prior on the slopes and
    curvatures of its square root, in which the noise of photons is the same everywhere,
    so that dim and bright structures are smoothed alike (after Good & Gaskins,
    Biometrika 58, 1971; Verveer & Jovin, JOSA A 14, 1997). By L-BFGS.

    Parameters
    ----------
    weight : float
        Regularisation weight, relative to what suits the number of photons and of
        dimensions: 1 for most images. More removes more noise, less keeps more detail.
    iterations : int
        Largest number of iterations; fewer are done where the image stops changing.
    tolerance : float
        The image has stopped changing when three iterations in a row change the square
        root of no pixel by more than this part of the root of the image's range, so that
        faint and small objects count as much as bright and large ones.
    gain : float
        Intensity units per photon; 0 to estimate it from the image.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units.
    background : float
        Intensity that the camera shows without light, in intensity units; part of the
        model and not of the result.

    Examples
    --------
    >>> PoissonLikelihood(gain=2.5).gain
    2.5
    """

    weight: Annotated[float, {"min": 0.0, "max": 1000.0, "step": 0.1}] = 1.0
    iterations: Iterations = 200
    tolerance: Tolerance = 1e-3
    gain: Intensity = 0.0
    read_noise: Intensity = 0.0
    background: Background = 0.0


@dataclass(frozen=True)
class RichardsonLucy(Method):
    """Richardson-Lucy: for images made of few photons; never negative, keeps the flux.

    Maximises the Poisson likelihood (Richardson 1972; Lucy 1974), optionally accelerated
    (Biggs & Andrews, Appl. Opt. 36, 1997) and with total variation (Dey et al., Microsc.
    Res. Tech. 69, 2006). It sharpens noise too if it runs for too long.

    Parameters
    ----------
    iterations : int
        Number of iterations; more are sharper and noisier.
    background : float
        Intensity that the camera shows without light, in intensity units; part of the
        model and not of the result.
    tv_weight : float
        Weight of the total variation, relative to the Poisson likelihood of intensities
        scaled to a range of 1; 0 for none.
    accelerate : bool
        Reach the same likelihood in several times fewer iterations.

    Examples
    --------
    >>> RichardsonLucy(iterations=20)
    RichardsonLucy(iterations=20, background=0.0, tv_weight=0.0, accelerate=True)
    """

    iterations: Iterations = 15
    background: Background = 0.0
    tv_weight: Annotated[float, {"min": 0.0, "max": 1.0, "step": 1e-5, "label": "TV weight"}] = 0.0
    accelerate: bool = True


@dataclass(frozen=True)
class Wiener(Method):
    """Wiener filter: instant, for a first look.

    Divides by the optical transfer function where it is strong and damps the rest by a
    Laplacian (Hunt, IEEE Trans. Comput. C-22(9), 1973).

    Parameters
    ----------
    balance : float
        Damping, relative to the optical transfer function. More removes more noise, less
        keeps more detail; 0 to find it from the image, by generalised cross-validation.

    Examples
    --------
    >>> Wiener()
    Wiener(balance=0.0)
    """

    balance: Annotated[float, {"min": 0.0, "max": 100.0, "step": 1e-4}] = 0.0


@dataclass(frozen=True)
class GradientDescent(Method):
    """Gradient descent: by automatic differentiation, the notebook recipe and your own.

    Minimises ``data_term + mu * prior`` from a start of random noise. As it stands it is
    the recipe the project grew out of, which needs hundreds of steps and is the reference
    for the others. It works on the image's own values if they lie in -1..1, and on the
    image divided by its largest value otherwise.

    Parameters
    ----------
    learning_rate : float
        Size of the steps; not used by ``lbfgs``, which finds its own.
    mu : float
        Regularisation weight: how much the prior counts beside the data term.
    iterations : int
        Number of steps; ``lbfgs`` stops earlier at the minimum.
    optimizer : {"sgd", "adam", "adagrad", "lbfgs"}
        ``sgd`` is plain gradient descent; the first three are Keras's, ``lbfgs`` is a
        limited-memory quasi-Newton method (Nocedal & Wright, 2006, chapter 7).
    data_term : {"rms", "gaussian", "poisson"}
        Misfit between the re-blurred estimate and the image: the recipe's square root
        of half the summed squares, half the summed squares, or the Poisson likelihood.
    prior : {"smoothness", "tv", "hessian"} or callable
        What the sharp image is expected to be: the recipe's square root of half the
        summed squared differences, the total variation, the norm of the Hessian, or,
        from Python, a function that takes a TensorFlow tensor of shape (planes, channels,
        then the deblurred axes) and returns a scalar.
    random_state : int
        Seed of the random start.

    Examples
    --------
    >>> GradientDescent(optimizer="lbfgs", iterations=100).mu
    0.2
    """

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


METHODS: tuple[type[Method], ...] = (
    TotalVariation,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    Wiener,
    GradientDescent,
)
"""All methods, in the order in which they are offered."""


def _check(label: str, value: object, annotation: Any) -> None:
    """Check one value against the annotation of its field."""
    options: dict[str, Any] = {}
    if get_origin(annotation) is Annotated:
        annotation, options = get_args(annotation)
    choices = options.get("choices")
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
    if choices is not None:
        if value not in choices and not (callable(value) and "choices" in options):
            names = ", ".join(repr(choice) for choice in choices)
            raise ValueError(f"{label} is {value!r}; choose one of {names}.")
    elif annotation is bool:
        if not isinstance(value, bool):
            raise TypeError(f"{label} is {value!r}; it must be True or False.")
    else:
        _check_number(label, value, annotation, options)


def _check_number(label: str, value: Any, kind: type, options: dict[str, Any]) -> None:
    low, high = options["min"], options["max"]
    word = "whole number" if kind is int else "number"
    wanted = f"it must be a {word} from {low:g} to {high:g}."
    try:
        right_type = not isinstance(value, bool) and kind(value) == value
    except (TypeError, ValueError, OverflowError):
        right_type = False
    if not right_type and value == value:  # NaN is a number, and out of bounds
        raise TypeError(f"{label} is {value!r}; {wanted}")
    if not low <= value <= high:
        raise ValueError(f"{label} is {value!r}; {wanted}")
