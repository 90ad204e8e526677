"""The interface that all kinds of PSF have."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from napari.layers import Image

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.source import Source

OpenFile = Callable[[str], Image]
"""Function that opens the only image of a file; a PSF in a file needs it."""

MAX_PSF_PIXELS = 2**27
"""Largest number of pixels of a PSF. Guard: against a wrong number or unit;
``tests/layers/test_psf_kinds.py``."""


class PSFKind(Protocol):
    """A PSF before its array is made; that may take long, so a worker thread does it."""

    name: ClassVar[str]
    """Name of this kind in a record."""

    title: ClassVar[str]
    """Name of this kind in the dock."""

    hint: ClassVar[str]
    """Tooltip of this kind in the dock."""

    progress_text: ClassVar[str]
    """Message of a run while it makes the array."""

    functions: ClassVar[tuple[str, ...]]
    """Functions of this package that a record of this kind may name as origin of the array."""

    @property
    def ndim(self) -> int:
        """Number of axes; as many axes of the image are deblurred."""

    def check(self, source: Source) -> None:
        """Raise an error if the PSF cannot be made or used; quick arithmetic only."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Make the PSF on the pixels of this image; return it, and what was done, in words."""

    def describe_width(self, source: Source) -> str:
        """Describe the width of the PSF before a run; quick arithmetic only."""

    def preview(self, source: Source) -> Float32Array | None:
        """Return its middle plane; None if it cannot be made at once."""

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return warnings that the user should read before a run; quick arithmetic only."""

    def record(self, source: Source) -> dict[str, Any]:
        """Return the entries for the record of a result, as plain data: "kind" and its numbers.

        If a function of this package made the array, there is a "call", see `record_call`.
        """

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> "PSFSettings":
        """Return settings for the PSFs of other images, from a record of a run or of settings.

        Raises
        ------
        ValueError, TypeError, KeyError
            If an entry of the record, which may come from a file, is missing or not valid.
        """


class PSFSettings(Protocol):
    """Settings that choose the PSF of each image, in a batch of files above all."""

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return a channel of an image, with the pixel size to use, and the PSF of the channel.

        Parameters
        ----------
        source : Source
            The channel.
        ndim : int
            Number of deblurred axes.
        channel, channels : int
            Index of the channel, and number of channels of the image.

        Raises
        ------
        ValueError, TypeError
            If there is no such PSF; the message says why.
        """

    def record(self) -> dict[str, Any]:
        """Return the settings as plain data."""


def record_call(function: str, **arguments: Any) -> dict[str, Any]:
    """Return a call of a function of this package, as plain data."""
    return {"function": function, "arguments": arguments}
