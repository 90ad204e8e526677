"""The PSF of a camera that is out of focus: a disc."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf_shapes import disc_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.parametric import (
    MAX_PREVIEW_SIZE,
    MIN_EXTENT,
    ParametricPSF,
)
from napari_tf_deblur._layers.psf_kinds.width import describe_length
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class DefocusPSF(ParametricPSF):
    """The blur of a camera that is out of focus: a uniform disc.

    Attributes
    ----------
    radius : float
        Radius of the disc, in pixels.
    """

    name: ClassVar[str] = "defocus"
    title: ClassVar[str] = "Out of focus"
    hint: ClassVar[str] = (
        "A uniform disc, to which a camera that is out of focus blurs each point of light; given "
        "by its radius; for photographs"
    )
    functions: ClassVar[tuple[str, ...]] = ("disc_psf",)

    radius: Annotated[
        float,
        {
            "above": 0.0,
            "max": 1e6,
            "step": 0.1,
            "label": "Radius (px)",
            "tooltip": "Radius of the disc that a point of light becomes, in pixels",
        },
    ]

    @property
    def ndim(self) -> int:
        """Number of axes: 2, because cameras blur planes."""
        return 2

    def check(self, source: Source) -> None:
        """Raise an error if the radius is 0, or the disc is larger than the image."""
        if not self.radius > 0:
            raise InvalidValueError(
                "The radius of the blur is 0, which means no blur; set 'Radius'."
            )
        shape = source.frame(2).shape
        if 2 * self.radius > max(*shape, MIN_EXTENT):
            raise InvalidValueError(
                f"'Radius' is {self.radius:.6g} pixels, but the image has only "
                f"{' x '.join(map(str, shape))} pixels; check the number."
            )

    @property
    def is_small(self) -> bool:
        """Whether its array can be made at once."""
        return 2 * self.radius < MAX_PREVIEW_SIZE

    def make(self) -> Float32Array:
        """Make the disc."""
        return disc_psf(self.radius)

    def describe_width(self, source: Source) -> str:
        """Describe the radius."""
        return f"Disc of radius {describe_length(self.radius, source.frame(2).axes)}"
