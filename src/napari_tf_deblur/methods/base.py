"""What all methods have in common: their parameters are checked, their facts are declared."""

# No "from __future__ import annotations" in this folder: magicgui would then lose the bounds.
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Literal, Self, get_type_hints

import numpy as np

from napari_tf_deblur._core.parameters import check_parameters
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur.methods.image_statistics import ImageStatistics

LARGEST_INTENSITY = 1e38
"""Largest intensity that is taken. Derived: float32 ends at 3e38."""

PASSED_POWER_EXPONENT = 0.4
"""Power of what the PSF passes by which the weight that suits an image changes: a wide PSF leaves
less to be regularised. Set by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

Auto = Literal["auto"]
"""For a value that is found from the image at no great cost."""

FromImage = Literal["auto", "cross-validated"]
"""For a weight that is found from the image: at no great cost, or by several runs."""

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
    """Base of all methods: checks each field against its own annotation, declares facts.

    Its abstract members are facts about a method that others need. A subclass declares every
    one of them, or Python refuses to make it and names what is missing.

    Raises
    ------
    TypeError
        If a field has the wrong type.
    ValueError
        If a field is outside its bounds or not one of its choices.
    """

    short_name: ClassVar[str] = ""
    """What it is called where there is little room."""

    for_photographs: ClassVar[bool] = False
    """Whether its sample is what a camera sees without a microscope, out of focus or moved."""

    softens_edges: ClassVar[bool] = False
    """Whether its prior takes from edges, so that trials favour a PSF that is too narrow."""

    sample: ClassVar[str] = ""
    """Name of a sample for which it is offered first; none for most methods."""

    remedy: ClassVar[str] = (
        "Check that no pixel of the image is brighter than others by many orders of magnitude, "
        "or choose another method."
    )
    """What to change, in a sentence, where a run ends in values that are not finite."""

    @property
    @abstractmethod
    def solver(self) -> str:
        """Module in ``_solvers`` whose ``solve`` serves the method."""

    @property
    @abstractmethod
    def prior(self) -> str | Callable[..., Any] | None:
        """What is expected of the sharp image: a name that the solver knows; None for nothing."""

    @property
    @abstractmethod
    def counts_photons(self) -> bool:
        """Whether intensities above the offset are amounts of light, which are never negative."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """How many times the PSF's own reach a result depends on what lies beyond the frame."""

    @property
    @abstractmethod
    def keeps_freed_memory(self) -> bool:
        """Whether its loop allocates again and again: faster where freed arrays are kept."""

    def __post_init__(self) -> None:
        check_parameters(self, f"{type(self).__name__}: ")

    @classmethod
    def bounds(cls, name: str) -> tuple[float, float]:
        """Least and largest value of a parameter, from its annotation."""
        options = get_type_hints(cls, include_extras=True)[name].__metadata__[0]
        return options["min"], options["max"]

    @abstractmethod
    def working_copies(self, axes: int) -> int:
        """Float32 copies of the scene that a run works with, measured and rounded up."""

    @abstractmethod
    def suggest_weight(self, image: ImageStatistics) -> float | None:
        """Weight that about suits an image; None for methods without a weight."""

    @property
    def has_weight(self) -> bool:
        """Whether a parameter ``weight`` says how much the prior counts."""
        return any(one.name == "weight" for one in fields(self))

    @property
    def offset(self) -> float:
        """What the camera shows without light: subtracted before a run, not in the result."""
        return 0.0

    @property
    def can_be_cut(self) -> bool:
        """Whether pieces of an image, given its global values, come out as in the whole."""
        return True

    def intensity_scale(self, image: ImageStatistics) -> float:
        """What intensities are divided by, so that a weight fits every dtype and camera."""
        return image.scale

    def with_offset(self, image: ImageStatistics) -> Self:
        """Fill in the offset, if the image shall say it; `image` has it still."""
        return self

    def with_estimates(self, image: ImageStatistics) -> Self:
        """Fill in all else that is left for the image to say.

        Parameters
        ----------
        image : ImageStatistics
            Of the image less the offset.

        Returns
        -------
        Method
            The same method with nothing left open but a weight that takes runs to find.
        """
        return self

    @abstractmethod
    def with_smoothing(self, ratio: float) -> Self:
        """The same method, all its values filled in, with so many times the regularisation."""

    def scale_parameter(self, name: str, ratio: float) -> Self:
        """The same method with one of its numbers multiplied, within its bounds."""
        value = np.clip(getattr(self, name) * ratio, *self.bounds(name))
        kind = type(getattr(self, name))
        changed: dict[str, Any] = {name: kind(round(value) if kind is int else value)}
        return replace(self, **changed)

    def noise_weights(self, observed: Float32Array, psf: PSF, scale: float) -> Float32Array | None:
        """How much each pixel counts, besides the mask; None where all count alike.

        Parameters
        ----------
        observed : ndarray of float32
            Planes to be solved, the offset subtracted, divided by `scale`.
        psf : ndarray of float32
            Of sum 1.
        scale : float
            Intensity units per unit of `observed`.
        """
        return None


def title_and_purpose(method: type[Method]) -> tuple[str, str]:
    """Title and purpose of a method, from the first line of its docstring."""
    title, purpose = (method.__doc__ or "").splitlines()[0].split(": ", 1)
    return title, purpose
