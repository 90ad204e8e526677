"""The PSF of a microscope, for images whose files may say some of its numbers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF
from napari_tf_deblur._layers.psf_kinds.kind import PSFKind
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopePSF
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import (
    WAVELENGTHS,
    WORDS,
    MicroscopeNumbers,
)
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._preparation import record_check as check

AUTOMATIC = "automatic"
"""The kind of a PSF that is found in an image whose file says too little of the microscope."""

OPTICS_FIELDS = tuple(field.name for field in fields(Optics))


@dataclass(frozen=True)
class MicroscopeSettings:
    """The PSF of a microscope, by what was given and by what the file of each image says.

    What is given comes first. Of what `usual` says, wavelengths come after those of the file, for
    they belong to a channel; all else before.

    Attributes
    ----------
    given : mapping of str to tuple
        Numbers of `Optics` that hold for every image: one, or one for each channel.
    usual : mapping of str to number
        Numbers of another image, as its record has them.
    pixel, step : float or None
        Size of a pixel, and from plane to plane, in nanometres; None is what the file says.
    usual_spacing : tuple of float
        The same of another image: used where the file says none.
    or_found : bool
        Whether the blur is found in an image whose numbers are not all known.
    """

    given: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    pixel: float | None = None
    step: float | None = None
    default_spacing: tuple[float, ...] = ()
    estimate_if_incomplete: bool = False

    @classmethod
    def of_images(
        cls, shown: Sequence[MicroscopeNumbers], typed: Sequence[Collection[str]], ndim: int
    ) -> Self:
        """Return what holds for other images, too, of what is known of the channels of one.

        That is what the first channel has, but wavelengths and pixel sizes that nobody typed only
        where the file of an image says none.

        Parameters
        ----------
        shown : sequence of MicroscopeNumbers
            What is known, one for each channel.
        typed : sequence of collections of str
            Names of the numbers that the user typed, for each channel.
        ndim : int
            Number of axes that are deblurred.
        """
        first = shown[0].used()
        given = {}
        for name in WAVELENGTHS:
            values = tuple(getattr(one, name) for one in shown)
            if all(values) and any(name in names for names in typed):
                given[name] = values
        known = {name: getattr(first, name) for name in OPTICS_FIELDS}
        spacing = (first.step, first.pixel, first.pixel)[ndim < 3 :]
        return cls(
            given=given,
            defaults={name: value for name, value in known.items() if value},
            pixel=first.pixel if "pixel" in typed[0] else None,
            step=first.step if "step" in typed[0] else None,
            default_spacing=tuple(s for s in spacing if s) if all(spacing) else (),
            estimate_if_incomplete=True,
        )

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Make settings of the record of a PSF, or of that of such settings.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record, which may come out of a file, holds what is never written.
        """
        usual = dict(record.get("optics") or {})
        check.require(set(usual) <= set(OPTICS_FIELDS))
        usual = {name: check.plain(value) for name, value in usual.items() if value is not None}
        numbers = MicroscopeNumbers(**usual)
        if set(numbers.missing(3)) <= {"pixel", "step"}:
            _ = numbers.optics  # which refuses what cannot be
        of_channels = check.tuple_of(check.plain)
        given = {name: of_channels(values) for name, values in (record.get("given") or {}).items()}
        check.require(set(given) <= set(OPTICS_FIELDS))
        return cls(
            given=given,
            defaults=usual,
            pixel=check.optional(check.positive)(record.get("pixel")),
            step=check.optional(check.positive)(record.get("step")),
            default_spacing=check.tuple_of(check.positive)(record.get("spacing") or ()),
            estimate_if_incomplete=record["kind"] == AUTOMATIC,
        )

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the PSF of the numbers that are given and of those that the file says.

        Raises
        ------
        ValueError, TypeError
            If a number is missing or cannot be, and the blur is not to be found in the image then.
        """
        said = MicroscopeNumbers.of_file(source)
        numbers = self._numbers(said, channel, channels)
        missing = numbers.missing(ndim)
        if (missing or source.rgb) and self.estimate_if_incomplete:
            return source, EstimatedPSF(ndim)
        if missing:
            raise InvalidValueError(
                f"The PSF of a microscope needs {_list([WORDS[name] for name in missing])}, which "
                f"the file of '{source.name}' does not say: give it, or let the blur be found from "
                "the image."
            )
        is_sized = (numbers.pixel, numbers.step) == (said.pixel, said.step)
        sized = source if is_sized else numbers.resize(source, ndim)
        if self != AUTOMATIC_PSF:
            return sized, MicroscopePSF.of_numbers(numbers, ndim)
        try:
            psf = MicroscopePSF.of_numbers(numbers, ndim)
            psf.check(source)
        except UserError:  # numbers of a file that do not go together
            return source, EstimatedPSF(ndim)
        return source, psf

    def record(self) -> dict[str, Any]:
        """Return what describes them, as plain data."""
        return {
            "kind": AUTOMATIC if self.estimate_if_incomplete else MicroscopePSF.name,
            "given": {name: list(values) for name, values in self.given.items()},
            "optics": dict(self.defaults),
            "pixel": self.pixel,
            "step": self.step,
            "spacing": list(self.default_spacing),
        }

    def _numbers(self, said: MicroscopeNumbers, channel: int, channels: int) -> MicroscopeNumbers:
        """Put together what the file says, what is usual, and what is given."""
        usual, spacing = dict(self.defaults), self.default_spacing
        for name in WAVELENGTHS:
            if name in usual and getattr(said, name) is not None:
                del usual[name]
        given = {name: _of_channel(name, v, channel, channels) for name, v in self.given.items()}
        return replace(
            said,
            **{**usual, **given},
            pixel=self.pixel or said.pixel or (spacing[-1] if spacing else None),
            step=self.step or said.step or (spacing[0] if len(spacing) == 3 else None),
        )


AUTOMATIC_PSF = MicroscopeSettings(estimate_if_incomplete=True)
"""Leaves everything to the file, or else to the image."""


def _of_channel(name: str, values: tuple[Any, ...], channel: int, channels: int) -> Any:
    """The value of one channel: the only one, or one of as many as there are channels."""
    if len(values) == 1:
        return values[0]
    if len(values) != channels:
        raise InvalidValueError(
            f"{len(values)} values of '{name.replace('_', ' ')}' are given, and the image has "
            f"{channels} channel{'s' * (channels != 1)}: give one value for all, or one for each."
        )
    return values[channel]


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
