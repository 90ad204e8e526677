"""A PSF that is estimated from the image itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.masking import mask_not_finite
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFKind
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class EstimatedPSF:
    """A PSF whose shape and width are estimated from the image itself.

    Attributes
    ----------
    ndim : int
        Number of deblurred axes.
    """

    name: ClassVar[str] = "estimated"
    title: ClassVar[str] = "From the image"
    hint: ClassVar[str] = (
        "The blur is estimated from the finest detail of the image: a Gaussian, a disc (out of "
        "focus) or a line (motion). The estimate is rather too narrow than too wide"
    )
    progress_text: ClassVar[str] = "measuring the blur"
    functions: ClassVar[tuple[str, ...]] = ()

    ndim: int

    def check(self, source: Source) -> None:
        """Do nothing: the estimate itself raises an error if it fails."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Estimate the blur; return its PSF, and its description."""
        blur = self.find(source)
        return blur.psf(), (str(blur),)

    def find(
        self, source: Source, estimate: Callable[..., BlurEstimate] = estimate_blur
    ) -> BlurEstimate:
        """Estimate the blur from the pixels of the image, by a function like `estimate_blur`."""
        return estimate(
            mask_not_finite(source.frame(self.ndim).to_core(np.asarray(source.data))),
            ndim=self.ndim,
            channel_axis=source.channel_axis,
            alpha=source.has_alpha,
        )

    def describe_width(self, source: Source) -> str:
        """Say that the blur is not known before a run."""
        return "The blur is found from the image when it is deblurred."

    def preview(self, source: Source) -> Float32Array | None:
        """Return None: the array is made in a run."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: the blur is not known before a run."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return the kind and the number of axes. The record of a run contains the array, too."""
        return {"kind": self.name, "ndim": self.ndim}

    @classmethod
    def read_settings(
        cls, record: Mapping[str, Any], open_file: OpenFile
    ) -> "EstimatedPSFSettings":
        """Return settings that estimate the blur of each image."""
        return EstimatedPSFSettings()


@dataclass(frozen=True)
class EstimatedPSFSettings:
    """Settings that estimate the PSF of each image; see `PSFSettings`."""

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return a PSF that will be estimated along the deblurred axes."""
        return source, EstimatedPSF(ndim)

    def record(self) -> dict[str, Any]:
        """Return the kind; there is nothing else."""
        return {"kind": EstimatedPSF.name}
