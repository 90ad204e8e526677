"""The base of PSFs that a formula makes of a few numbers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.fixed import FixedPSFSettings
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, record_call
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check

MIN_EXTENT = 8
"""Smallest image, in pixels, in which a PSF larger than the image is refused. Guard: against a
wrong unit; ``tests/layers/test_psf_kinds.py`` and ``tests/dock/test_photographs.py``."""

MAX_PREVIEW_SIZE = 200.0
"""Largest diameter or length, in pixels, of a PSF of which a picture is drawn at once. Limit: of
time."""


@dataclass(frozen=True)
class ParametricPSF(ABC):
    """Base of PSFs that a function of this package makes of a few numbers, in pixels.

    A subclass is a frozen dataclass of these numbers. The command line has an option for each
    number, with its description from the docstring. If the numbers are annotated with bounds and a
    label, the dock has a field for each, too; 0 in the first field means that it is not known.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    hint: ClassVar[str]
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def ndim(self) -> int:
        """Number of axes."""

    @property
    @abstractmethod
    def is_small(self) -> bool:
        """Whether its array can be made at once."""

    @abstractmethod
    def check(self, source: Source) -> None:
        """Raise an error if the PSF cannot be made or used; quick arithmetic only."""

    @abstractmethod
    def make(self) -> Float32Array:
        """Make the array of the PSF."""

    @abstractmethod
    def describe_width(self, source: Source) -> str:
        """Describe the width of the PSF."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the array; nothing is done to it."""
        return self.make(), ()

    def preview(self, source: Source) -> Float32Array | None:
        """Return the array; None if it is large."""
        return self.make() if self.is_small else None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: the user gave all numbers."""
        return ()

    @property
    def call(self) -> dict[str, Any]:
        """The call that makes its array; see `record_call`."""
        return record_call(self.functions[0], **asdict(self))

    def record(self, source: Source) -> dict[str, Any]:
        """Return the numbers and the call that make the PSF again."""
        return {"kind": self.name, **asdict(self), "call": self.call}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make the PSF from its record, which may come from a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If an entry of the record is missing or not valid.
        """
        values = {}
        for name, annotation in parameters_of(cls).items():
            is_positive = "above" in options_of(annotation)
            values[name] = (check.positive if is_positive else check.number)(record[name])
        return cls(**values)

    def with_ndim(self, ndim: int) -> Self:
        """Return the PSF for `ndim` deblurred axes."""
        return self

    def numbers(self) -> dict[str, Any]:
        """Return the numbers by name, for the record of `FixedPSFSettings`."""
        return asdict(self)

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> FixedPSFSettings:
        """Return settings with the same PSF for every image."""
        return FixedPSFSettings(cls.from_record(record))
