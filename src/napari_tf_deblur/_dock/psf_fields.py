"""The fields of the PSF: its kind, and the fields of that kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from psygnal import Signal

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.gaussian_fields import GaussianFields
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.layer_fields import LayerFields
from napari_tf_deblur._dock.microscope_fields import MicroscopeFields
from napari_tf_deblur._dock.number_fields import NumberFields
from napari_tf_deblur._dock.psf_picture import PSFPicture
from napari_tf_deblur._layers.psf_kinds import (
    KINDS,
    ArrayPSF,
    EstimatedPSF,
    GaussianPSF,
    LayerPSF,
    MicroscopePSF,
    PSFKind,
    PSFSettings,
)

FIELDS: dict[type[PSFKind], type[KindFields]] = {
    MicroscopePSF: MicroscopeFields,
    LayerPSF: LayerFields,
    GaussianPSF: GaussianFields,
    EstimatedPSF: KindFields,
}
"""Fields of the kinds that need their own; other kinds get `NumberFields`."""

OFFERED = tuple(kind for kind in KINDS if kind is not ArrayPSF)
"""Kinds that the dock offers; an array can only be given in Python."""


class PSFFields:
    """The kind of the PSF, and the fields of each kind; only those of one kind are visible.

    Parameters
    ----------
    form : Form
        The form that shows the fields.
    advanced : Form
        The form of fields that are seldom needed.
    layers : callable
        Returns the image layers that may show a PSF.

    Attributes
    ----------
    kind : ComboBox
        The kind, by its title.
    fields_by_title : dict of str to KindFields
        The fields of each kind, by its title.
    picture : PSFPicture
        A picture of the PSF, its width in words, and a button that shows it as a layer.
    changed : psygnal.Signal
        Emitted when the fields describe another PSF.
    """

    changed = Signal()

    def __init__(self, form: Form, advanced: Form, layers: LayerProvider) -> None:
        self._images: Sequence[ImageChoice] = ()
        self._ndim = 2
        self._chosen_by_user = self._is_photograph = False
        self.kind = ComboBox(label="Blur", choices=[kind.title for kind in OFFERED])
        form.add(self.kind)
        self.fields_by_title: dict[str, KindFields] = {
            kind.title: FIELDS.get(kind, NumberFields)(kind, form, advanced, layers)
            for kind in OFFERED
        }
        self.picture = PSFPicture()
        form.add_wide(self.picture)
        for fields in self.fields_by_title.values():
            fields.changed.connect(self._emit_changed)
        self.kind.changed.connect(self._on_kind)
        self._show_chosen()

    @property
    def chosen(self) -> KindFields:
        """The fields of the kind that is chosen."""
        return self.fields_by_title[self.kind.value]

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Set the images that are deblurred along `ndim` axes.

        A colour image is treated as a photograph: its blur is found from the image, unless the
        user has chosen a kind.
        """
        self._images, self._ndim = images, ndim
        if images and not self._chosen_by_user:
            photograph = images[0].source.rgb or self._is_photograph
            with self.kind.changed.blocked():
                self.kind.value = (EstimatedPSF if photograph else OFFERED[0]).title
        for fields in self.fields_by_title.values():
            fields.set_images(images, ndim)
        self._show_chosen()

    def prefer_photograph(self, is_photograph: bool) -> None:
        """Choose the kind for a photograph, or for a microscope, unless the user has chosen one."""
        self._is_photograph = is_photograph
        self.set_images(self._images, self._ndim)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Set the kind and its fields to the values in the record of a PSF.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the dock does not offer this kind, or if the record is incomplete or invalid.
        """
        titles = {kind.name: kind.title for kind in OFFERED}
        if record["kind"] not in titles:
            raise InvalidValueError("The PSF was given in Python: set the blur by hand.")
        self.kind.value = titles[record["kind"]]
        self.chosen.restore(record)

    def settings(self) -> PSFSettings:
        """Return the settings of the PSF for images in files.

        Raises
        ------
        ValueError
            If a field is invalid, or if the PSF is a layer that is in no file.
        """
        return self.chosen.settings()

    def reset_choices(self) -> None:
        """Offer the present layers."""
        for fields in self.fields_by_title.values():
            fields.reset_choices()

    def _on_kind(self, *_: object) -> None:
        self._chosen_by_user = True
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.kind.tooltip = self.chosen.kind.hint
        for fields in self.fields_by_title.values():
            fields.show(fields is self.chosen)
        self._emit_changed()

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit()
