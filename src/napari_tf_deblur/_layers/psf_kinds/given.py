"""A PSF that is given as an array."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from napari_tf_deblur._core.psf import checked_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class ArrayPSF:
    """A PSF that is used as it is given, from Python."""

    name: ClassVar[str] = "array"
    title: ClassVar[str] = "Array"
    hint: ClassVar[str] = "An array, used as it is"
    making: ClassVar[str] = "making the PSF"

    values: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(np.ndim(self.values))

    def check(self, source: Source) -> None:
        """Refuse what is no PSF."""
        checked_psf(self.values)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF and what was done to it: nothing."""
        return np.asarray(self.values), ()

    def about(self, source: Source) -> str:
        """Say that nothing is known before a run."""
        return "It is used as it is."

    def look(self, source: Source) -> Float32Array | None:
        """Return nothing: its array is made in a run."""
        return None

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: it is taken to have the pixels of the image."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": self.name, "array": self.values}
