"""The PSF of a microscope, by its optics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFSettings, record_call
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import MicroscopeNumbers
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.microscope import (
    microscope_psf,
    microscope_sigma,
    pixel_sigma,
    undersampling,
)
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._storage.axes import convert_length, is_length

WIDEFIELD_ASSUMED = (
    "The file does not say what kind of microscope it was: widefield was assumed. If it was not, "
    "choose another in the dock, or give a PSF."
)


@dataclass(frozen=True)
class MicroscopePSF:
    """The PSF of a microscope: a Gaussian as wide as the diffraction makes it.

    In a widefield volume, where every plane carries the same light and no Gaussian holds, it is
    the diffraction PSF itself.

    Attributes
    ----------
    optics : Optics
        The microscope, lengths in nanometres.
    ndim : int
        Number of axes along which the image is deblurred.
    assumed : str
        What was assumed of the microscope, in a sentence that is told as a warning.
    """

    name: ClassVar[str] = "microscope"
    title: ClassVar[str] = "Microscope"
    hint: ClassVar[str] = (
        "As wide as light allows: from the numbers printed on the objective and the filter, and "
        "the size of a pixel"
    )
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = ("microscope_psf", "gaussian_psf")

    optics: Optics
    ndim: int
    assumption: str = ""

    @classmethod
    def of_numbers(cls, numbers: MicroscopeNumbers, ndim: int) -> Self:
        """Make it of the numbers of a microscope, of which none is missing.

        Raises
        ------
        TypeError, ValueError
            If the numbers do not go together.
        """
        return cls(numbers.optics, ndim, "" if numbers.microscope else WIDEFIELD_ASSUMED)

    @property
    def is_gaussian(self) -> bool:
        """Whether a Gaussian describes it: where something confines the light along z."""
        optics = self.optics
        confined = optics.microscope in ("confocal", "multiphoton") or optics.sheet is not None
        return self.ndim < 3 or confined

    def check(self, source: Source) -> None:
        """Refuse pixels of unknown size, and numbers that cannot be meant."""
        if not all(is_length(axis.unit) for axis in source.frame(self.ndim).axes):
            raise InvalidValueError(
                f"How large a pixel of '{source.name}' is, is not known: give the pixel size in "
                "nanometres, or let the blur be found from the image."
            )
        self._gaussian(source).check(source)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF on the pixels of `source`, and how wide it is, in words."""
        notes = (self._gaussian(source).describe_width(source),)
        if self.is_gaussian:
            return self._gaussian(source).array(source)[0], notes
        return microscope_psf(**self._arguments, **self._on_voxels(source)), notes

    def describe_width(self, source: Source) -> str:
        """Say how wide it is, and whether the pixels are too large for it."""
        width = self._gaussian(source).describe_width(source)
        return " ".join((f"{width}.", *self.warnings(source)))

    def preview(self, source: Source) -> Float32Array | None:
        """Return the plane in focus, as a Gaussian."""
        return self._gaussian(source).preview(source)

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Say what was assumed, and whether pixels are too large for the objective."""
        said = (
            Notice("microscope assumed", self.assumption),
            Notice("undersampled", undersampling(self.optics, self._spacing(source), unit="nm")),
        )
        return tuple(notice for notice in said if notice)

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        if self.is_gaussian:
            call = self._gaussian(source).call
        else:
            call = record_call("microscope_psf", **self._arguments, **self._on_voxels(source))
        return {
            "kind": self.name,
            "optics": asdict(self.optics),
            "ndim": self.ndim,
            "spacing": self._spacing(source),
            "call": call,
        }

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> PSFSettings:
        """Return the settings by which other images have a PSF by the same optics."""
        # Here, for these settings make the PSF.
        from napari_tf_deblur._layers.psf_kinds.microscope_settings import MicroscopeSettings

        return MicroscopeSettings.of_record(record)

    @property
    def _arguments(self) -> dict[str, Any]:
        given = asdict(self.optics)
        return {name: value for name, value in given.items() if value is not None}

    def _on_voxels(self, source: Source) -> dict[str, Any]:
        """The voxels of the diffraction PSF, no more of them than the image has."""
        return {"spacing": self._spacing(source), "within": source.frame(self.ndim).shape}

    def _spacing(self, source: Source) -> tuple[float, ...]:
        axes = source.frame(self.ndim).axes
        return tuple(float(f"{convert_length(a.spacing, a.unit, 'nm'):.9g}") for a in axes)

    def _gaussian(self, source: Source) -> GaussianPSF:
        """The Gaussian that describes it in focus, pixels of this image integrated."""
        sigmas = pixel_sigma(microscope_sigma(**self._arguments), self._spacing(source))
        return GaussianPSF(tuple(float(f"{sigma:.6g}") for sigma in sigmas))
