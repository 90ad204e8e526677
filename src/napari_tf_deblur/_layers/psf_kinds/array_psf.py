"""A PSF that is given as an array."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile
from napari_tf_deblur._layers.psf_kinds.same import FixedPSFSettings
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check


@dataclass(frozen=True)
class ArrayPSF:
    """A PSF that is used as it is given, from Python."""

    name: ClassVar[str] = "array"
    title: ClassVar[str] = "Array"
    hint: ClassVar[str] = "An array, used as it is"
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = ()

    values: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(np.ndim(self.values))

    def check(self, source: Source) -> None:
        """Refuse what is no PSF."""
        check_psf(self.values)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF and what was done to it: nothing."""
        return np.asarray(self.values), ()

    def describe_width(self, source: Source) -> str:
        """Say that nothing is known before a run."""
        return "It is used as it is."

    def preview(self, source: Source) -> Float32Array | None:
        """Return nothing: its array is made in a run."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: it is taken to have the pixels of the image."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": self.name, "array": self.values}

    def along(self, ndim: int) -> Self:
        """Return it as it is, whatever an image's axes."""
        return self

    def numbers(self) -> dict[str, Any]:
        """Return its values, for the record of `FixedPSFSettings`."""
        return {"array": np.asarray(self.values).tolist()}

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> FixedPSFSettings:
        """Return the same array for every image."""
        return FixedPSFSettings(cls(np.asarray(check.array(record["array"]), np.float32)))
