"""What a run needs of a PSF, whatever it is made from."""

from typing import Any, ClassVar, Protocol

from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.source import Source

MIN_EXTENT = 8
"""Smallest image, in pixels, in which a PSF larger than the image is refused. Guard: against a
wrong unit; ``tests/layers/test_psf_kinds.py`` and ``tests/dock/test_photographs.py``."""

MOST_DRAWN = 200.0
"""Largest diameter or length, in pixels, of a PSF of which a picture is drawn at once. Limit: of
time."""

MAX_PIXELS = 2**27
"""Most pixels of a PSF. Guard: against a wrong number or unit;
``tests/layers/test_psf_kinds.py``."""


class PSFKind(Protocol):
    """A PSF before its array is made; making it may take long and belongs in the worker."""

    name: ClassVar[str]
    """What a record calls this kind."""

    title: ClassVar[str]
    """What the dock calls this kind."""

    hint: ClassVar[str]
    """What the dock says about it."""

    making: ClassVar[str]
    """What a run says while it makes the array."""

    @property
    def ndim(self) -> int:
        """Number of axes, which says how many axes of the image are deblurred."""

    def check(self, source: Source) -> None:
        """Refuse at once, in words, what cannot be made or used; by arithmetic only."""

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Make the PSF on the pixels of this image; also return what was done, in words."""

    def about(self, source: Source) -> str:
        """Say what is known of it before a run, by arithmetic only: how wide it is."""

    def look(self, source: Source) -> Float32Array | None:
        """Return its middle plane, if arithmetic alone can make it at once."""

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return what the user should know before a run; by arithmetic only."""

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is kept with a result, as plain data: "kind" and what made it.

        What a function of this package makes has a "call", see `call_of`.
        """


def call_of(function: str, **arguments: Any) -> dict[str, Any]:
    """Return a call of a function of this package, as plain data."""
    return {"function": function, "arguments": arguments}
