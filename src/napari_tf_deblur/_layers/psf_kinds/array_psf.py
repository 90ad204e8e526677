"""A PSF that the user gives as an array."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.fixed import FixedPSFSettings
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check


@dataclass(frozen=True)
class ArrayPSF:
    """A PSF from Python; its array is used without changes."""

    name: ClassVar[str] = "array"
    title: ClassVar[str] = "Array"
    hint: ClassVar[str] = "An array, used without changes"
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = ()

    values: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(np.ndim(self.values))

    def check(self, source: Source) -> None:
        """Raise an error if the array is not a PSF."""
        check_psf(self.values)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF; nothing is done to it."""
        return np.asarray(self.values), ()

    def describe_width(self, source: Source) -> str:
        """Say that the array is used without changes."""
        return "It is used without changes."

    def preview(self, source: Source) -> Float32Array | None:
        """Return None: the array is shown in a run only."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: the PSF is assumed to have the pixel size of the image."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return the kind and the array, which make the PSF again."""
        return {"kind": self.name, "array": self.values}

    def with_ndim(self, ndim: int) -> Self:
        """Return the same PSF for any number of axes."""
        return self

    def numbers(self) -> dict[str, Any]:
        """Return the array, for the record of `FixedPSFSettings`."""
        return {"array": np.asarray(self.values).tolist()}

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> FixedPSFSettings:
        """Return the same array for every image."""
        return FixedPSFSettings(cls(np.asarray(check.array(record["array"]), np.float32)))
