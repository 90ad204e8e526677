"""The PSF of a microscope, by its optics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, cast

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.pixel_size import PixelSize, pixel_size_of
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import call_of
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.microscope import (
    IMMERSIONS,
    Optics,
    microscope_psf,
    microscope_sigma,
    pixel_sigma,
    undersampling,
)
from napari_tf_deblur._optics.optics import Microscope
from napari_tf_deblur._preparation import record_check as check
from napari_tf_deblur._storage.axes import in_unit, is_length

WITH_LASER = ("confocal", "multiphoton")
"""Microscopes whose PSF depends on what excites the dye."""

SAME_INDEX = 0.02
"""Difference of two refractive indices up to which they are those of one immersion."""

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
    making: ClassVar[str] = "making the PSF"

    optics: Optics
    ndim: int
    assumed: str = ""

    @classmethod
    def told(cls, source: Source) -> "MicroscopePSF | None":
        """Make the PSF that the file of an image tells; None where it leaves a number open.

        The dock's fields are filled in with the same numbers, and make the same of them.
        """
        numbers, ndim = numbers_told(source), 3 if source.is_volume else 2
        if source.rgb or missing_numbers(numbers, pixel_size_of(source), ndim):
            return None
        psf = cls(optics_of(numbers), ndim, "" if "microscope" in numbers else WIDEFIELD_ASSUMED)
        try:
            psf.check(source)
        except UserError:  # numbers that do not go together
            return None
        return psf

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
        notes = (self._gaussian(source).about(source),)
        if self.is_gaussian:
            return self._gaussian(source).array(source)[0], notes
        return microscope_psf(**self._arguments, **self._on_voxels(source)), notes

    def about(self, source: Source) -> str:
        """Say how wide it is, and whether the pixels are too large for it."""
        width = self._gaussian(source).about(source)
        return " ".join((f"{width}.", *self.warnings(source)))

    def look(self, source: Source) -> Float32Array | None:
        """Return the plane in focus, as a Gaussian."""
        return self._gaussian(source).look(source)

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Say what was assumed, and whether pixels are too large for the objective."""
        words = (self.assumed, undersampling(self.optics, self._spacing(source), unit="nm"))
        return tuple(word for word in words if word)

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        if self.is_gaussian:
            call = self._gaussian(source).call
        else:
            call = call_of("microscope_psf", **self._arguments, **self._on_voxels(source))
        return {
            "kind": self.name,
            "optics": asdict(self.optics),
            "ndim": self.ndim,
            "spacing": self._spacing(source),
            "call": call,
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "MicroscopePSF":
        """Make it of its record again, which may come out of a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """
        check.require(record["ndim"] in (1, 2, 3))
        return cls(Optics(**record["optics"]), int(record["ndim"]))

    @property
    def _arguments(self) -> dict[str, Any]:
        given = asdict(self.optics)
        return {name: value for name, value in given.items() if value is not None}

    def _on_voxels(self, source: Source) -> dict[str, Any]:
        """The voxels of the diffraction PSF, no more of them than the image has."""
        return {"spacing": self._spacing(source), "within": source.frame(self.ndim).shape}

    def _spacing(self, source: Source) -> tuple[float, ...]:
        axes = source.frame(self.ndim).axes
        return tuple(float(f"{in_unit(a.spacing, a.unit, 'nm'):.9g}") for a in axes)

    def _gaussian(self, source: Source) -> GaussianPSF:
        """The Gaussian that describes it in focus, pixels of this image integrated."""
        sigmas = pixel_sigma(microscope_sigma(**self._arguments), self._spacing(source))
        return GaussianPSF(tuple(float(f"{sigma:.6g}") for sigma in sigmas))


def numbers_told(source: Source) -> dict[str, Any]:
    """Return the numbers of a microscope that the file of an image tells, as `Optics` has them."""
    known = source.acquisition
    aperture = known.numerical_aperture
    told = {
        "numerical_aperture": round(aperture, 6) if aperture else None,
        "emission": known.emission,
        "refractive_index": immersion_of(known.refractive_index),
        "microscope": known.microscope,
        "excitation": known.excitation,
        "pinhole": known.pinhole,
    }
    return {name: value for name, value in told.items() if value is not None}


def missing_numbers(numbers: Mapping[str, Any], size: PixelSize, ndim: int) -> list[str]:
    """Return what must be known besides, in words, before the PSF of an image follows."""
    laser = numbers.get("microscope") == "multiphoton"
    needed = {
        "the numerical aperture": numbers.get("numerical_aperture"),
        f"the {'excitation' if laser else 'emission'} wavelength": numbers.get(
            "excitation" if laser else "emission"
        ),
        "the size of a pixel": size.lateral,
        "the step between planes": size.axial or ndim < 3,
    }
    return [words for words, value in needed.items() if not value]


def optics_of(numbers: Mapping[str, Any]) -> Optics:
    """Make optics of numbers by name, without those that do not matter to the microscope."""
    microscope = cast(Microscope, numbers.get("microscope", "widefield"))
    excitation = numbers.get("excitation")
    return Optics(
        numerical_aperture=numbers["numerical_aperture"],
        emission=float(numbers.get("emission") or excitation or 0),
        refractive_index=numbers.get("refractive_index"),
        microscope=microscope,
        excitation=excitation if microscope in WITH_LASER else None,
        pinhole=numbers.get("pinhole", 1.0) if microscope == "confocal" else 1.0,
        sheet=numbers.get("sheet") if microscope == "light sheet" else None,
    )


def immersion_of(index: float | None) -> float | None:
    """Return the immersion that has about this refractive index, if there is one."""
    if index is None:
        return None
    nearest = min(IMMERSIONS.values(), key=lambda n: abs(n - index))
    return nearest if abs(nearest - index) < SAME_INDEX else None
