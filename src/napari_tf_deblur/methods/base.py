"""Define the base class of all methods, which checks parameters and declares properties."""

# No "from __future__ import annotations" in this folder: magicgui would lose the bounds.
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Literal, Self, get_type_hints

import numpy as np

from napari_tf_deblur._core.parameters import check_parameters
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur.methods.image_statistics import ImageStatistics

LARGEST_INTENSITY = 1e38
"""Largest intensity that is accepted. Derived: float32 ends at 3e38."""

PASSED_POWER_EXPONENT = 0.4
"""Exponent of the dependence of the suitable weight on the power that the PSF passes. A wide PSF
passes less, and needs less regularisation. Chosen by
``benchmarks/constants.py --vary PASSED_POWER_EXPONENT``: over its runs, half and 1.5 times lose 0.1
dB in sum."""

Auto = Literal["auto"]
"""Value of a parameter that is to be estimated from the image at a small cost."""

FromImage = Literal["auto", "cross-validated"]
"""Values of a weight that is to be found from the image: at a small cost, or by several runs."""

Weight = Annotated[float | FromImage, {"min": 0.0, "max": 1.0, "step": 1e-5, "number": 1e-3}]
Iterations = Annotated[int, {"min": 1, "max": 100_000, "label": "Iterations at most"}]
Tolerance = Annotated[
    float, {"min": 0.0, "max": 1.0, "step": 1e-4, "label": "Stop when it changes less than"}
]
Intensity = Annotated[float, {"min": 0.0, "max": LARGEST_INTENSITY, "step": 0.01}]
ReadNoise = Annotated[
    float, {"min": 0.0, "max": LARGEST_INTENSITY, "step": 0.01, "label": "Noise in the dark"}
]
Nonnegative = Annotated[bool, {"label": "No negative values"}]


@dataclass(frozen=True)
class Method(ABC):
    """Base of all methods: checks each field against its annotation and declares properties.

    The abstract members are properties of a method that other modules need. A subclass must define
    all of them; otherwise Python raises an error that names the missing ones.

    Raises
    ------
    TypeError
        If a field has the wrong type.
    ValueError
        If a field is outside its bounds or not one of its choices.
    """

    short_name: ClassVar[str] = ""
    """Short name for places with little room."""

    for_photographs: ClassVar[bool] = False
    """Whether its sample is a photograph that is out of focus or blurred by motion."""

    softens_edges: ClassVar[bool] = False
    """Whether its prior softens edges, so that trials prefer a PSF that is too narrow."""

    sample: ClassVar[str] = ""
    """Name of the kind of sample for which it is offered first; empty for most methods."""

    remedy: ClassVar[str] = (
        "Check that no pixel of the image is brighter than others by many orders of magnitude, "
        "or choose another method."
    )
    """Advice, as a sentence, for a run that ends in values that are not finite."""

    @property
    @abstractmethod
    def solver(self) -> str:
        """Name of the module in ``_solvers`` whose function ``solve`` solves it."""

    @property
    @abstractmethod
    def prior(self) -> str | Callable[..., Any] | None:
        """Prior of the sharp image: a name that the solver knows, a function, or None."""

    @property
    @abstractmethod
    def counts_photons(self) -> bool:
        """Whether intensities above the offset are amounts of light, so never negative."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """Distance at which pixels influence a result, in multiples of the reach of the PSF."""

    @property
    @abstractmethod
    def keeps_freed_memory(self) -> bool:
        """Whether its loop allocates often, so that it is faster if freed memory is kept."""

    def __post_init__(self) -> None:
        check_parameters(self, f"{type(self).__name__}: ")

    @classmethod
    def bounds(cls, name: str) -> tuple[float, float]:
        """Return the least and the largest value of a parameter, from its annotation."""
        options = get_type_hints(cls, include_extras=True)[name].__metadata__[0]
        return options["min"], options["max"]

    @abstractmethod
    def working_copies(self, axes: int) -> int:
        """Return the number of float32 copies of the scene in a run, measured and rounded up."""

    @abstractmethod
    def suggest_weight(self, image: ImageStatistics) -> float | None:
        """Return a weight that about suits an image; None for methods without a weight."""

    @property
    def has_weight(self) -> bool:
        """Whether it has a parameter ``weight``, the weight of the prior."""
        return any(parameter.name == "weight" for parameter in fields(self))

    @property
    def offset(self) -> float:
        """Intensity without light; it is subtracted before a run and not in the result."""
        return 0.0

    @property
    def can_be_cut(self) -> bool:
        """Whether pieces, with the global values of their image, give the result of the whole."""
        return True

    def intensity_scale(self, image: ImageStatistics) -> float:
        """Return the scale to divide intensities by, so that one weight suits all images."""
        return image.scale

    def with_offset(self, image: ImageStatistics) -> Self:
        """Estimate the offset from an image, if it is "auto"; `image` still contains it."""
        return self

    def with_estimates(self, image: ImageStatistics) -> Self:
        """Estimate from an image all other values that are "auto".

        Parameters
        ----------
        image : ImageStatistics
            Measurements of the image after the offset was subtracted.

        Returns
        -------
        Method
            The same method with all values filled in. A weight is an estimate, which runs may
            improve.
        """
        return self

    @abstractmethod
    def with_smoothing(self, ratio: float) -> Self:
        """Return the method with its regularisation multiplied by `ratio`; no value is "auto"."""

    def scale_parameter(self, name: str, ratio: float) -> Self:
        """Return the method with one parameter multiplied by `ratio`, within its bounds."""
        value = np.clip(getattr(self, name) * ratio, *self.bounds(name))
        kind = type(getattr(self, name))
        scaled: dict[str, Any] = {name: kind(round(value) if kind is int else value)}
        return replace(self, **scaled)

    def noise_weights(self, observed: Float32Array, psf: PSF, scale: float) -> Float32Array | None:
        """Return the weight of each pixel besides the mask; None if all pixels count equally.

        Parameters
        ----------
        observed : ndarray of float32
            Planes to solve, of shape ``(planes, channels, *frame)``, without the offset, divided
            by `scale`.
        psf : ndarray of float32
            Point spread function of sum 1.
        scale : float
            Intensity units per unit of `observed`.
        """
        return None


def title_and_purpose(method: type[Method]) -> tuple[str, str]:
    """Return the title and the purpose of a method, from the first line of its docstring."""
    title, purpose = (method.__doc__ or "").splitlines()[0].split(": ", 1)
    return title, purpose
