"""PSFs that a formula makes of a few numbers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, record_call
from napari_tf_deblur._layers.psf_kinds.same import FixedPSFSettings
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
    """Base of the PSFs that a function of this package makes of a few numbers, in pixels.

    A subclass is a frozen dataclass of these numbers. The command line has an option for each of
    them, with its meaning from the docstring. If they are annotated with bounds and a label, the
    dock has a field for each, too, and 0 in the first means that it is not known.
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
        """Whether its array is made at once."""

    @abstractmethod
    def check(self, source: Source) -> None:
        """Refuse at once, in words, what cannot be made or used; by arithmetic only."""

    @abstractmethod
    def make(self) -> Float32Array:
        """Make the PSF."""

    @abstractmethod
    def describe_width(self, source: Source) -> str:
        """Say how wide it is."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF; nothing was done to it."""
        return self.make(), ()

    def preview(self, source: Source) -> Float32Array | None:
        """Return it, unless it is large."""
        return self.make() if self.is_small else None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return nothing: all is as the user said."""
        return ()

    @property
    def call(self) -> dict[str, Any]:
        """What makes its array."""
        return record_call(self.functions[0], **asdict(self))

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return {"kind": self.name, **asdict(self), "call": self.call}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Make it of its record again, which may come out of a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """
        values = {}
        for name, annotation in parameters_of(cls).items():
            is_positive = "above" in options_of(annotation)
            values[name] = (check.positive if is_positive else check.number)(record[name])
        return cls(**values)

    def along(self, ndim: int) -> Self:
        """Return it for an image that is deblurred along so many axes."""
        return self

    def numbers(self) -> dict[str, Any]:
        """Return its numbers by name, for the record of `FixedPSFSettings`."""
        return asdict(self)

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> FixedPSFSettings:
        """Return the same PSF for every image."""
        return FixedPSFSettings(cls.of_record(record))
