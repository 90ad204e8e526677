"""One PSF for all images."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from napari_tf_deblur._layers.psf_kinds.kind import PSFKind
from napari_tf_deblur._layers.source import Source


class FixedPSF(PSFKind, Protocol):
    """A PSF that no image changes."""

    def along(self, ndim: int) -> Self:
        """Return it for an image that is deblurred along so many axes."""

    def numbers(self) -> dict[str, Any]:
        """Return what it is made of, as plain data."""


@dataclass(frozen=True)
class FixedPSFSettings:
    """A PSF that is the same for every image, in pixels; see `PSFSettings`.

    Attributes
    ----------
    kind : FixedPSF
        The PSF; a Gaussian of one sigma has it along every axis that is deblurred.
    """

    kind: FixedPSF

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the same for every image."""
        return source, self.kind.along(ndim)

    def record(self) -> dict[str, Any]:
        """Return its kind and its numbers."""
        return {"kind": self.kind.name, **self.kind.numbers()}
