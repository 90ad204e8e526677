"""A PSF of a camera that is out of focus."""

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
    """The blur of a camera that is out of focus: an even disc.

    Attributes
    ----------
    radius : float
        Of the disc, in pixels.
    """

    name: ClassVar[str] = "defocus"
    title: ClassVar[str] = "Out of focus"
    hint: ClassVar[str] = (
        "An even disc, as a camera that is out of focus makes it of each point of light, by its "
        "radius; for photographs"
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
        """Number of axes: cameras blur planes."""
        return 2

    def check(self, source: Source) -> None:
        """Refuse a radius of 0, and one that is larger than the image."""
        if not self.radius > 0:
            raise InvalidValueError(
                "The radius of the blur is 0, which is no blur at all; set 'Radius'."
            )
        shape = source.frame(2).shape
        if 2 * self.radius > max(*shape, MIN_EXTENT):
            raise InvalidValueError(
                f"'Radius' is {self.radius:.6g} pixels, but the image has only "
                f"{' x '.join(map(str, shape))} pixels; check the number."
            )

    @property
    def is_small(self) -> bool:
        """Whether its array is made at once."""
        return 2 * self.radius < MAX_PREVIEW_SIZE

    def make(self) -> Float32Array:
        """Make the disc."""
        return disc_psf(self.radius)

    def describe_width(self, source: Source) -> str:
        """Say how large it is."""
        return f"Disc of radius {describe_length(self.radius, source.frame(2).axes)}"
