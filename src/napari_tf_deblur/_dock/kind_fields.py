"""The base class of the fields of one kind of PSF."""

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
    """Base class of the fields of one kind of PSF; itself, it serves a kind without fields.

    Parameters
    ----------
    kind : type of PSFKind
        The kind, whose title and hint the dock shows.
    form : Form
        The form that shows the fields.
    advanced : Form
        The form of fields that are seldom needed.
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
        """Number of axes of the PSF; None if the user chooses it in "Deblur as"."""
        return None

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of an image, by its number; raise ValueError if a field is invalid."""
        return EstimatedPSF(self._ndim)

    def settings(self) -> PSFSettings:
        """Return the settings of the PSF for images in files.

        Raises
        ------
        ValueError
            If a field is invalid, or if the PSF is a layer that is in no file.
        """
        psf: Any = self.psf()
        return EstimatedPSFSettings() if isinstance(psf, EstimatedPSF) else FixedPSFSettings(psf)

    def apply_to(self, source: Source, image: int = 0) -> Source:
        """Return an image, by its number, with the pixel size from the fields, if there are any."""
        return source

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Set the images that are deblurred along `ndim` axes."""
        self._ndim = ndim

    def show(self, visible: bool) -> None:
        """Show the fields, or hide them."""
        for widget in self._rows:
            self._form.show_row(widget, visible)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Set the fields to the values in the record of a PSF of this kind.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record is incomplete or holds invalid values.
        """

    def reset_choices(self) -> None:
        """Offer the present layers."""

    def _add(self, *widgets: Widget) -> None:
        """Append rows to the form."""
        for widget in widgets:
            self._form.add(widget)
            self._rows.append(widget)

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit()
