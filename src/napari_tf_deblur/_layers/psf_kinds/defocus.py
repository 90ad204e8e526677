"""A PSF of a camera that is out of focus."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf_shapes import disc_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import MIN_EXTENT, MOST_DRAWN, call_of
from napari_tf_deblur._layers.psf_kinds.width import length
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check


@dataclass(frozen=True)
class DefocusPSF:
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
    making: ClassVar[str] = "making the PSF"

    radius: float

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

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF; nothing was done to it."""
        return disc_psf(self.radius), ()

    def about(self, source: Source) -> str:
        """Say how large it is."""
        return f"Disc of radius {length(self.radius, source.frame(2).axes)}"

    def look(self, source: Source) -> Float32Array | None:
        """Return it, unless it is large."""
        return disc_psf(self.radius) if 2 * self.radius < MOST_DRAWN else None

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: all is as the user said."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return {"kind": self.name, **asdict(self), "call": call_of("disc_psf", **asdict(self))}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "DefocusPSF":
        """Make it of its record again, which may come out of a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """
        return cls(check.positive(record["radius"]))
