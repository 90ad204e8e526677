"""What the fields of each kind of PSF have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from magicgui.widgets.bases import Widget
from napari.layers import Image
from psygnal import Signal

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._layers.psf_kinds import (
    EstimatedPSF,
    EstimatedPSFSettings,
    FixedPSFSettings,
    PSFKind,
    PSFSettings,
)
from napari_tf_deblur._layers.source import Source

LayerProvider = Callable[[], Sequence[Image]]
"""Returns the image layers that may show a PSF."""


class KindFields:
    """Base of the fields of one kind of PSF; as it is, those of a kind that has none.

    Parameters
    ----------
    kind : type of PSFKind
        The kind, whose title and hint the dock shows.
    form : Form
        Where to put the fields.
    advanced : Form
        Where to put those that are seldom needed.
    layers : callable
        Returns the image layers that may show a PSF.

    Attributes
    ----------
    changed : psygnal.Signal
        Emitted when the fields describe another PSF.
    """

    changed: ClassVar[Signal] = Signal()

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        self.kind = kind
        self._form, self._advanced = form, advanced
        self._ndim = 2
        self._rows: list[Widget] = []

    @property
    def ndim(self) -> int | None:
        """How many axes the PSF has by itself; None if it has as many as are deblurred."""
        return None

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of one of the images; raise ValueError if the fields describe none."""
        return EstimatedPSF(self._ndim)

    def settings(self) -> PSFSettings:
        """Return which PSF the images of files have.

        Raises
        ------
        ValueError
            If the fields describe none, or one that is in no file.
        """
        psf: Any = self.psf()
        return EstimatedPSFSettings() if isinstance(psf, EstimatedPSF) else FixedPSFSettings(psf)

    def apply_to(self, source: Source, image: int = 0) -> Source:
        """Return one of the images as the fields describe it, such as with a pixel size."""
        return source

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Offer what suits images that are deblurred along so many axes."""
        self._ndim = ndim

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""
        for widget in self._rows:
            self._form.show_row(widget, visible)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back what describes a PSF of this kind, from its record.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""

    def _add(self, *widgets: Widget) -> None:
        """Append rows to the form."""
        for widget in widgets:
            self._form.add(widget)
            self._rows.append(widget)

    def _tell(self, *_: object) -> None:
        self.changed.emit()
