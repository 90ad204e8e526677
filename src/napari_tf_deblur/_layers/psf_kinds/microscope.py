"""The PSF of a microscope, computed from its optics, and the settings that make it for an image."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF
from napari_tf_deblur._layers.psf_kinds.focus_shift import describe_focus, needs_medium
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFKind, record_call
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import NUMBER_NAMES, MicroscopeNumbers
from napari_tf_deblur._layers.psf_kinds.number_settings import MICROSCOPE, NumberSettings
from napari_tf_deblur._layers.psf_kinds.varying import NOT_VARYING
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.depth import microscope_psf_by_depth
from napari_tf_deblur._optics.microscope import (
    microscope_psf,
    microscope_sigma,
    pixel_sigma,
    undersampling,
)
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._storage.axes import DEPTH_NAME, convert_length, is_length

WIDEFIELD_ASSUMED = (
    "The file does not state the kind of microscope: widefield was assumed. If that is wrong, "
    "choose another one in the dock, or give a PSF."
)


@dataclass(frozen=True)
class MicroscopePSF:
    """The PSF of a microscope: the diffraction PSF, or a Gaussian of its width that describes it.

    A Gaussian describes the PSF of confocal and multiphoton microscopes, which has no rings, and
    volumes of a light sheet, unless the specimen has another index than the immersion.

    Attributes
    ----------
    optics : Optics
        The optics of the microscope; lengths in nanometres.
    ndim : int
        Number of deblurred axes.
    assumption : str
        What was assumed about the microscope: a sentence for a warning; empty if nothing.
    """

    name: ClassVar[str] = MICROSCOPE
    title: ClassVar[str] = "Microscope"
    hint: ClassVar[str] = (
        "The diffraction limit of the microscope, computed from the numbers on the objective and "
        "the filter, and from the pixel size"
    )
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = (
        "microscope_psf",
        "gaussian_psf",
        "microscope_psf_by_depth",
    )

    optics: Optics
    ndim: int
    assumption: str = ""

    @classmethod
    def from_numbers(cls, numbers: MicroscopeNumbers, ndim: int) -> Self:
        """Make the PSF from the numbers of a microscope; none of them may be missing.

        Raises
        ------
        TypeError, ValueError
            If the numbers contradict each other.
        """
        return cls(numbers.optics, ndim, "" if numbers.microscope else WIDEFIELD_ASSUMED)

    @property
    def is_gaussian(self) -> bool:
        """Whether a Gaussian describes the PSF.

        In planes of widefield microscopes it does not: with it, ``benchmarks/plane_psf.py`` loses
        0.5 to 4.5 dB, because of the rings.
        """
        optics, has_no_rings = self.optics, self.optics.microscope in ("confocal", "multiphoton")
        is_sheet = self.ndim == 3 and optics.sheet is not None
        return self.ndim < 2 or (optics.is_matched and (has_no_rings or is_sheet))

    @property
    def needs_medium(self) -> bool:
        """Whether the PSF depends on a mounting medium or a depth that is not given."""
        return needs_medium(self.optics)

    def check(self, source: Source) -> None:
        """Raise an error if pixel size or z are unknown, or the PSF is larger than the image."""
        names = source.frame(self.ndim).names
        if DEPTH_NAME in (names[1:] if self.ndim == 3 else names):
            raise InvalidValueError(
                f"The axes of '{source.name}' are {', '.join(source.labels)}, and the PSF of a "
                "microscope needs z before y and x, and planes of y and x: give the layer its axes "
                "in this order, or correct its axis labels."
            )
        if not all(is_length(axis.unit) for axis in source.frame(self.ndim).axes):
            raise InvalidValueError(
                f"The pixel size of '{source.name}' is not known: give it in nanometres, or let "
                "the blur be found from the image."
            )
        self._gaussian(source).check(source)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF on the pixels of `source`, its width and the place of its focus."""
        notes = (self._gaussian(source).describe_width(source), *self._list_focus_notes(source))
        if self.is_gaussian:
            return self._gaussian(source).array(source)[0], notes
        return microscope_psf(**self._arguments, **self._on_voxels(source)), notes

    def check_varying(self) -> None:
        """Raise an error if the PSF does not change with depth, or is not that of a volume."""
        if self.ndim < 3 or self.optics.is_matched:
            raise InvalidValueError(NOT_VARYING)

    def varying_array(self, source: Source) -> tuple[VaryingPSF, tuple[str, ...]]:
        """Return the PSFs of the depths of `source`, and what was done, in words."""
        psf = microscope_psf_by_depth(**self.varying_record(source)["call"]["arguments"])
        width = self._gaussian(source).describe_width(source)
        words = f"{len(psf.psfs)} PSFs, one for each depth; in the middle {width}"
        return psf, (words, *self._list_focus_notes(source))

    def varying_record(self, source: Source) -> dict[str, Any]:
        """Return the record with the call that makes the PSFs of the depths of `source`."""
        voxels = self._on_voxels(source)
        arguments = {**self._arguments, **voxels, "planes": voxels["within"][0]}
        return {
            **self.record(source),
            "call": record_call("microscope_psf_by_depth", **arguments),
        }

    def describe_width(self, source: Source) -> str:
        """Describe the width, and say whether the pixels are too large for it."""
        width = self._gaussian(source).describe_width(source)
        return " ".join((f"{width}.", *self.warnings(source)))

    def describe_focus(self, source: Source) -> str:
        """Say where the focus is in a specimen of another index; empty without one."""
        focus = "; ".join(self._list_focus_notes(source))
        return focus and f"{focus[0].upper()}{focus[1:]}."

    def preview(self, source: Source) -> Float32Array | None:
        """Return the plane in focus: the diffraction PSF, or the Gaussian that is used for it."""
        gaussian = self._gaussian(source).preview(source)
        if self.is_gaussian or gaussian is None:
            return gaussian
        spacing, within = self._spacing(source)[-2:], source.frame(self.ndim).shape[-2:]
        return microscope_psf(**self._arguments, spacing=spacing, within=within)

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return warnings about what was assumed, and about pixels that are too large."""
        notices = (
            Notice("microscope assumed", self.assumption),
            Notice("undersampled", undersampling(self.optics, self._spacing(source), unit="nm")),
        )
        return tuple(notice for notice in notices if notice)

    def record(self, source: Source) -> dict[str, Any]:
        """Return the optics, the pixel size and the call that make the PSF again."""
        if self.is_gaussian:
            call = self._gaussian(source).call
        else:
            call = record_call("microscope_psf", **self._arguments, **self._on_voxels(source))
        return {
            "kind": self.name,
            "optics": self._optics,
            "ndim": self.ndim,
            "spacing": self._spacing(source),
            "call": call,
        }

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> "MicroscopeSettings":
        """Return settings for the PSFs of other images from the same microscope."""
        return MicroscopeSettings.from_record(record)

    @property
    def _optics(self) -> dict[str, Any]:
        """The optics as plain data; of the specimen, what differs from its defaults."""
        specimen = self.optics.specimen
        values = None if specimen is None else Specimen.from_value(specimen).to_dict()
        return {**asdict(self.optics), "specimen": values}

    @property
    def _arguments(self) -> dict[str, Any]:
        """The optics as arguments of functions, without unknown values."""
        return {name: value for name, value in self._optics.items() if value is not None}

    def _on_voxels(self, source: Source) -> dict[str, Any]:
        """Return the arguments for the grid of the diffraction PSF, at most that of the image."""
        return {"spacing": self._spacing(source), "within": source.frame(self.ndim).shape}

    def _spacing(self, source: Source) -> tuple[float, ...]:
        """Return the pixel size along the deblurred axes, in nanometres."""
        axes = source.frame(self.ndim).axes
        return tuple(float(f"{convert_length(a.spacing, a.unit, 'nm'):.9g}") for a in axes)

    def _list_focus_notes(self, source: Source) -> tuple[str, ...]:
        """Say where the focus is in the specimen, and how far apart the planes are there."""
        if self.ndim < 3:
            return describe_focus(self.optics)
        planes = source.frame(self.ndim).shape[0]
        return describe_focus(self.optics, planes, self._spacing(source)[0])

    def _gaussian(self, source: Source) -> GaussianPSF:
        """Return the Gaussian that describes the PSF in focus, integrated over pixels."""
        sigmas = pixel_sigma(microscope_sigma(**self._arguments), self._spacing(source))
        return GaussianPSF(tuple(float(f"{sigma:.6g}") for sigma in sigmas))


@dataclass(frozen=True)
class MicroscopeSettings(NumberSettings):
    """Settings that compute the PSF of a microscope for each image."""

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the image with its pixel size, and its PSF from these settings and its file.

        Raises
        ------
        ValueError, TypeError
            If a number is missing and the blur shall not be estimated from the image; or if the
            numbers contradict each other.
        """
        file_numbers = MicroscopeNumbers.from_file(source)
        numbers = self.complete(file_numbers, channel, channels)
        missing = numbers.list_missing(ndim)
        if (missing or source.rgb) and self.estimate_if_incomplete:
            return source, EstimatedPSF(ndim)
        if missing:
            raise InvalidValueError(
                f"The PSF of a microscope needs {_join([NUMBER_NAMES[n] for n in missing])}, which "
                f"the file of '{source.name}' does not state: give it, or let the blur be "
                "found from the image."
            )
        is_same_size = (numbers.pixel, numbers.step) == (file_numbers.pixel, file_numbers.step)
        sized = source if is_same_size else numbers.resize(source, ndim)
        if self != AUTOMATIC_PSF:
            return sized, MicroscopePSF.from_numbers(numbers, ndim)
        try:
            psf = MicroscopePSF.from_numbers(numbers, ndim)
            psf.check(source)
        except UserError:  # the numbers in the file contradict each other
            return source, EstimatedPSF(ndim)
        return source, psf


AUTOMATIC_PSF = MicroscopeSettings(estimate_if_incomplete=True)
"""Settings that take all numbers from the file; without them, the blur is estimated."""


def _join(words: list[str]) -> str:
    """Join words with commas and "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
