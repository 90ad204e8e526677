"""A PSF that is found in the image itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFKind
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class EstimatedPSF:
    """A PSF whose kind and widths are found in the image itself.

    Attributes
    ----------
    ndim : int
        Number of axes along which the image is deblurred.
    """

    name: ClassVar[str] = "estimated"
    title: ClassVar[str] = "From the image"
    hint: ClassVar[str] = (
        "The image's own blur, which is found from its finest detail: a Gaussian, a disc (out of "
        "focus) or a line (motion); rather too narrow than too wide"
    )
    progress_text: ClassVar[str] = "measuring the blur"
    functions: ClassVar[tuple[str, ...]] = ()

    ndim: int

    def check(self, source: Source) -> None:
        """Refuse nothing: what cannot be found is said when it is looked for."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Look for the blur; return its PSF, and what it is, in words."""
        found = self.find(source)
        return found.psf(), (str(found),)

    def find(self, source: Source) -> BlurEstimate:
        """Look for the blur."""
        image = source.frame(self.ndim).to_core(np.asarray(source.data))
        if image.dtype.kind == "f":
            image = np.ma.masked_invalid(image)
        return estimate_blur(
            image,
            ndim=self.ndim,
            channel_axis=source.channel_axis,
            alpha=source.has_alpha,
        )

    def describe_width(self, source: Source) -> str:
        """Say that nothing is known before a run."""
        return "The blur is found from the image when you press Deblur."

    def preview(self, source: Source) -> Float32Array | None:
        """Return nothing: its array is made in a run."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: before it is looked for, nothing is known."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": self.name, "ndim": self.ndim}

    @classmethod
    def read_settings(
        cls, record: Mapping[str, Any], open_file: OpenFile
    ) -> "EstimatedPSFSettings":
        """Return the settings by which the blur is found in each image."""
        return EstimatedPSFSettings()


@dataclass(frozen=True)
class EstimatedPSFSettings:
    """A PSF that is found in each image; see `PSFSettings`."""

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return one that is to be found along the axes that are deblurred."""
        return source, EstimatedPSF(ndim)

    def record(self) -> dict[str, Any]:
        """Return the kind, which is all."""
        return {"kind": EstimatedPSF.name}
