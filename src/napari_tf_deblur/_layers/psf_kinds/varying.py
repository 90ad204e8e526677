"""PSFs that vary: from Python, and what kinds need whose PSF may vary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Protocol, Self, runtime_checkable

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation.record_check import NotRecordedError

NOT_VARYING = (
    "This PSF cannot vary from place to place. To vary with depth, it needs a volume and the blur "
    "of a microscope, with a mounting medium and a depth; to vary over the field, an image of many "
    "round beads. Give these, or switch 'Varying PSF' off."
)


@runtime_checkable
class CanVary(Protocol):
    """A kind of PSF that can make several PSFs and their places, besides one PSF."""

    def check_varying(self) -> None:
        """Raise an error if the PSF does not vary; quick arithmetic only."""

    def varying_array(self, source: Source) -> tuple[VaryingPSF, tuple[str, ...]]:
        """Make the PSFs on the pixels of this image; return them, and what was done, in words."""

    def varying_record(self, source: Source) -> dict[str, Any]:
        """Return the entries for the record of a result."""


@dataclass(frozen=True)
class PlacedPSFs:
    """Several PSFs and their places. A record contains the places only."""

    name: ClassVar[str] = "varying"
    title: ClassVar[str] = "Varying"
    hint: ClassVar[str] = "Several PSFs, each for a place in the image"
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = ()

    psf: VaryingPSF

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.psf.ndim

    def check(self, source: Source) -> None:
        """Raise an error if the PSFs have more axes than the image."""
        source.frame(self.ndim)

    def array(self, source: Source) -> tuple[Any, tuple[str, ...]]:
        """Return the PSFs; it is no array, and what needs one says so."""
        note = f"{len(self.psf.psfs)} PSFs at different places, which are not part of this record"
        return self.psf, (note,)

    def check_varying(self) -> None:
        """Raise no error: there are several PSFs."""

    varying_array = array

    def varying_record(self, source: Source) -> dict[str, Any]:
        """Return the record."""
        return self.record(source)

    def describe_width(self, source: Source) -> str:
        """Say that there are several PSFs."""
        return "It varies from place to place."

    def preview(self, source: Source) -> Float32Array | None:
        """Return None: it is not shown."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: the PSFs are assumed to have the pixel size of the image."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return the kind and the places; without the PSFs no script can repeat the run."""
        places: Any = self.psf.places
        return {"kind": self.name, "places": tuple(map(tuple, places.tolist()))}

    def with_ndim(self, ndim: int) -> Self:
        """Return the same PSFs for any number of axes."""
        return self

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> NoReturn:
        """Refuse: settings do not contain the PSFs."""
        raise NotRecordedError(
            "The PSF of these settings varies from place to place, and only Python can give it."
        )
