"""What a run needs of a PSF, whatever it is made from."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from napari.layers import Image

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.source import Source

OpenFile = Callable[[str], Image]
"""Opens the one image of a file; a kind of PSF that lies in a file needs it."""

MAX_PSF_PIXELS = 2**27
"""Most pixels of a PSF. Guard: against a wrong number or unit;
``tests/layers/test_psf_kinds.py``."""


MIN_EXTENT = 8
"""Smallest image, in pixels, in which a PSF that is larger than the image is refused. Guard: against
a wrong unit; ``tests/layers/test_psf_kinds.py`` and ``tests/dock/test_photographs.py``."""


class PSFKind(Protocol):
    """A PSF before its array is made; making it may take long and belongs in the worker."""

    name: ClassVar[str]
    """What a record calls this kind."""

    title: ClassVar[str]
    """What the dock calls this kind."""

    hint: ClassVar[str]
    """What the dock says about it."""

    progress_text: ClassVar[str]
    """What a run says while it makes the array."""

    functions: ClassVar[tuple[str, ...]]
    """Functions of this package that a record of this kind may name as what made its array."""

    @property
    def ndim(self) -> int:
        """Number of axes, which says how many axes of the image are deblurred."""

    def check(self, source: Source) -> None:
        """Refuse at once, in words, what cannot be made or used; by arithmetic only."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Make the PSF on the pixels of this image; also return what was done, in words."""

    def describe_width(self, source: Source) -> str:
        """Say what is known of it before a run, by arithmetic only: how wide it is."""

    def preview(self, source: Source) -> Float32Array | None:
        """Return its middle plane, if arithmetic alone can make it at once."""

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return what the user should know before a run; by arithmetic only."""

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is kept with a result, as plain data: "kind" and what made it.

        What a function of this package makes has a "call", see `record_call`.
        """

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> "PSFSettings":
        """Return which PSF other images have, from the record of a run or of such settings.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record, which may come out of a file, lacks something or holds what is never
            written.
        """


class PSFSettings(Protocol):
    """Says which PSF an image has, in a batch of files above all."""

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the PSF of a channel of an image, and the image with the pixel size to use.

        Parameters
        ----------
        source : Source
            The channel.
        ndim : int
            Number of axes along which it is deblurred.
        channel, channels : int
            Its number, and how many channels the image has.

        Raises
        ------
        ValueError, TypeError
            If there is no such PSF; says why.
        """

    def record(self) -> dict[str, Any]:
        """Return what describes it, as plain data."""


def record_call(function: str, **arguments: Any) -> dict[str, Any]:
    """Return a call of a function of this package, as plain data."""
    return {"function": function, "arguments": arguments}
