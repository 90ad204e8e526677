"""The PSF of a camera that moved: a line."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf_shapes import motion_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.parametric import (
    MAX_PREVIEW_SIZE,
    MIN_EXTENT,
    ParametricPSF,
)
from napari_tf_deblur._layers.psf_kinds.width import describe_length
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class MotionPSF(ParametricPSF):
    """The blur of a steady motion while the shutter was open: a uniform line.

    Attributes
    ----------
    length : float
        Length of the line, in pixels.
    angle : float
        Direction of the motion in degrees, counter-clockwise from a row of the image.
    """

    name: ClassVar[str] = "motion"
    title: ClassVar[str] = "Motion"
    hint: ClassVar[str] = (
        "A uniform line, to which a steady motion of camera or subject blurs each point of light; "
        "given by its length and direction; for photographs"
    )
    functions: ClassVar[tuple[str, ...]] = ("motion_psf",)

    length: Annotated[
        float,
        {
            "above": 0.0,
            "max": 1e6,
            "step": 0.5,
            "label": "Length (px)",
            "tooltip": "Length of the line that a moving point of light draws, in pixels",
        },
    ]
    angle: Annotated[
        float,
        {
            "min": -180.0,
            "max": 180.0,
            "step": 1.0,
            "label": "Direction (°)",
            "tooltip": "Direction of the motion, counter-clockwise: 0 sideways, 90 up or down",
        },
    ] = 0.0

    @property
    def ndim(self) -> int:
        """Number of axes: 2, because cameras blur planes."""
        return 2

    def check(self, source: Source) -> None:
        """Raise an error if the length is 0, or larger than the image."""
        if not self.length > 0:
            raise InvalidValueError(
                "The length of the motion is 0, which means no blur; set 'Length'."
            )
        shape = source.frame(2).shape
        if self.length > max(*shape, MIN_EXTENT):
            raise InvalidValueError(
                f"'Length' is {self.length:.6g} pixels, but the image has only "
                f"{' x '.join(map(str, shape))} pixels; check the number."
            )

    @property
    def is_small(self) -> bool:
        """Whether its array can be made at once."""
        return self.length < MAX_PREVIEW_SIZE

    def make(self) -> Float32Array:
        """Make the line."""
        return motion_psf(self.length, self.angle)

    def describe_width(self, source: Source) -> str:
        """Describe length and direction."""
        return f"Line of {describe_length(self.length, source.frame(2).axes)} at {self.angle:.3g}°"
