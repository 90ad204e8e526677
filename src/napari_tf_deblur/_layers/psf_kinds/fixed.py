"""Settings that use one PSF for all images."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from napari_tf_deblur._layers.psf_kinds.kind import PSFKind
from napari_tf_deblur._layers.source import Source


class FixedPSF(PSFKind, Protocol):
    """A PSF that is the same for every image."""

    def with_ndim(self, ndim: int) -> Self:
        """Return the PSF for `ndim` deblurred axes."""

    def numbers(self) -> dict[str, Any]:
        """Return its numbers, as plain data."""


@dataclass(frozen=True)
class FixedPSFSettings:
    """Settings with a PSF that is the same, in pixels, for every image; see `PSFSettings`.

    Attributes
    ----------
    kind : FixedPSF
        The PSF. A Gaussian with a single sigma has this sigma along each deblurred axis.
    """

    kind: FixedPSF

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the same PSF for every image."""
        return source, self.kind.with_ndim(ndim)

    def record(self) -> dict[str, Any]:
        """Return the kind and the numbers of the PSF."""
        return {"kind": self.kind.name, **self.kind.numbers()}
