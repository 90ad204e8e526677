"""A PSF of a camera that moved."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf_shapes import motion_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import MIN_EXTENT, MOST_DRAWN, call_of
from napari_tf_deblur._layers.psf_kinds.width import length
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check


@dataclass(frozen=True)
class MotionPSF:
    """The blur of a steady motion while the shutter was open: an even line.

    Attributes
    ----------
    length : float
        Of the way, in pixels.
    angle : float
        Its direction in degrees, counter-clockwise from a row of the image.
    """

    name: ClassVar[str] = "motion"
    title: ClassVar[str] = "Motion"
    hint: ClassVar[str] = (
        "An even line, as a steady motion of camera or subject makes it of each point of light, by "
        "its length and direction; for photographs"
    )
    making: ClassVar[str] = "making the PSF"

    length: float
    angle: float = 0.0

    @property
    def ndim(self) -> int:
        """Number of axes: cameras blur planes."""
        return 2

    def check(self, source: Source) -> None:
        """Refuse a length of 0, and one that is larger than the image."""
        if not self.length > 0:
            raise InvalidValueError(
                "The length of the motion is 0, which is no blur at all; set 'Length'."
            )
        shape = source.frame(2).shape
        if self.length > max(*shape, MIN_EXTENT):
            raise InvalidValueError(
                f"'Length' is {self.length:.6g} pixels, but the image has only "
                f"{' x '.join(map(str, shape))} pixels; check the number."
            )

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF; nothing was done to it."""
        return motion_psf(self.length, self.angle), ()

    def about(self, source: Source) -> str:
        """Say how large it is."""
        return f"Line of {length(self.length, source.frame(2).axes)} at {self.angle:.3g}°"

    def look(self, source: Source) -> Float32Array | None:
        """Return it, unless it is large."""
        return motion_psf(self.length, self.angle) if self.length < MOST_DRAWN else None

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: all is as the user said."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return {"kind": self.name, **asdict(self), "call": call_of("motion_psf", **asdict(self))}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "MotionPSF":
        """Make it of its record again, which may come out of a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """
        return cls(check.positive(record["length"]), check.number(record["angle"]))
