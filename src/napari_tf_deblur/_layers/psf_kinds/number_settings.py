"""Numbers of a microscope for many images: given ones, defaults, and those of each file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import (
    WAVELENGTHS,
    MicroscopeNumbers,
    flatten_optics,
)
from napari_tf_deblur._optics.optics import MICROSCOPE_NUMBERS
from napari_tf_deblur._preparation import record_check as check

MICROSCOPE = "microscope"
"""Kind of settings that compute the PSF from the optics; a missing number is an error."""

AUTOMATIC = "automatic"
"""Kind of settings that estimate the blur if the file lacks numbers of the microscope."""


@dataclass(frozen=True)
class NumberSettings:
    """Numbers of a microscope that are known before the file of an image is read.

    Priority of the numbers: first `given`; then `defaults`, without its wavelengths; then the file
    of the image; last the wavelengths in `defaults`, because a wavelength belongs to one channel.

    Attributes
    ----------
    given : mapping of str to tuple
        Numbers of the microscope for every image: one value, or one for each channel.
    defaults : mapping of str to number
        Numbers of the microscope of another image, from its record.
    pixel, step : float or None
        Distance between pixels, and between planes, in nanometres; None takes it from the file.
    default_spacing : tuple of float
        Pixel size of another image, in nanometres. It is used if the file states none.
    estimate_if_incomplete : bool
        Whether the blur is estimated from the image if a number is missing. Otherwise a missing
        number is an error.
    """

    given: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    pixel: float | None = None
    step: float | None = None
    default_spacing: tuple[float, ...] = ()
    estimate_if_incomplete: bool = False

    @classmethod
    def from_images(
        cls, channels: Sequence[MicroscopeNumbers], typed: Sequence[Collection[str]], ndim: int
    ) -> Self:
        """Make settings for other images from the channels of one image.

        The numbers of the first channel apply to every image. Exception: a wavelength or a pixel
        size that the user did not type applies only to images whose file does not state it.

        Parameters
        ----------
        channels : sequence of MicroscopeNumbers
            The numbers of each channel.
        typed : sequence of collections of str
            Names of the numbers that the user typed, for each channel.
        ndim : int
            Number of deblurred axes.
        """
        first = channels[0].without_unused_numbers()
        given = {}
        for name in WAVELENGTHS:
            values = tuple(getattr(numbers, name) for numbers in channels)
            if all(values) and any(name in names for names in typed):
                given[name] = values
        defaults = {name: getattr(first, name) for name in MICROSCOPE_NUMBERS}
        spacing = (first.step, first.pixel, first.pixel)[ndim < 3 :]
        return cls(
            given=given,
            defaults={name: value for name, value in defaults.items() if value},
            pixel=first.pixel if "pixel" in typed[0] else None,
            step=first.step if "step" in typed[0] else None,
            default_spacing=tuple(s for s in spacing if s) if all(spacing) else (),
            estimate_if_incomplete=True,
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make settings from the record of a PSF, or from that of such settings.

        Raises
        ------
        ValueError, TypeError, KeyError
            If an entry of the record, which may come from a file, is missing or not valid.
        """
        defaults = flatten_optics(record.get("optics") or {})
        numbers = MicroscopeNumbers(**defaults)
        if set(numbers.list_missing(3)) <= {"pixel", "step"}:
            _ = numbers.optics  # raises an error for impossible values
        check_values = check.tuple_of(check.plain)
        given = {name: check_values(values) for name, values in (record.get("given") or {}).items()}
        check.require(set(given) <= set(MICROSCOPE_NUMBERS))
        return cls(
            given=given,
            defaults=defaults,
            pixel=check.optional(check.positive)(record.get("pixel")),
            step=check.optional(check.positive)(record.get("step")),
            default_spacing=check.tuple_of(check.positive)(record.get("spacing") or ()),
            estimate_if_incomplete=record["kind"] == AUTOMATIC,
        )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return {
            "kind": AUTOMATIC if self.estimate_if_incomplete else MICROSCOPE,
            "given": {name: list(values) for name, values in self.given.items()},
            "optics": dict(self.defaults),
            "pixel": self.pixel,
            "step": self.step,
            "spacing": list(self.default_spacing),
        }

    def complete(
        self, file_numbers: MicroscopeNumbers, channel: int, channels: int
    ) -> MicroscopeNumbers:
        """Combine the numbers of a file, the defaults and the given ones, for one channel."""
        defaults, spacing = dict(self.defaults), self.default_spacing
        for name in WAVELENGTHS:
            if name in defaults and getattr(file_numbers, name) is not None:
                del defaults[name]
        given = {name: _of_channel(name, v, channel, channels) for name, v in self.given.items()}
        return replace(
            file_numbers,
            **{**defaults, **given},
            pixel=self.pixel or file_numbers.pixel or (spacing[-1] if spacing else None),
            step=self.step or file_numbers.step or (spacing[0] if len(spacing) == 3 else None),
        )


def _of_channel(name: str, values: tuple[Any, ...], channel: int, channels: int) -> Any:
    """Return the value of one channel: the only value, or one of a value per channel."""
    if len(values) == 1:
        return values[0]
    if len(values) != channels:
        raise InvalidValueError(
            f"{len(values)} values of '{name.replace('_', ' ')}' are given, and the image has "
            f"{channels} channel{'s' * (channels != 1)}: give one value for all, or one for each."
        )
    return values[channel]
