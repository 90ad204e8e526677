"""The fields of the dock that say what the PSF is: its kind, and the fields of that kind."""

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
"""Kinds whose fields do not follow from the numbers that their class declares, and those fields."""

OFFERED = tuple(kind for kind in KINDS if kind is not ArrayPSF)
"""Kinds that the dock offers: an array comes from Python."""


class PSFFields:
    """The kind of the PSF, and the fields of each kind, of which one kind's are shown.

    Parameters
    ----------
    form : Form
        Where to put the fields.
    advanced : Form
        Where to put those that are seldom needed.
    layers : callable
        Returns the image layers that may show a PSF.

    Attributes
    ----------
    kind : ComboBox
        Which kind, by its title.
    of_kind : dict of str to KindFields
        The fields of each kind.
    picture : PSFPicture
        How wide the PSF is, what it looks like, and a button that shows it as a layer.
    changed : psygnal.Signal
        Emitted when another PSF is described.
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
            fields.changed.connect(self._tell)
        self.kind.changed.connect(self._on_kind)
        self._choose()

    @property
    def chosen(self) -> KindFields:
        """The fields of the kind that is chosen."""
        return self.fields_by_title[self.kind.value]

    def fit(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Offer the fields that suit images, deblurred along `ndim` axes.

        A colour picture is taken for a photograph, whose blur nothing tells but itself, until the
        user has chosen a kind.
        """
        self._images, self._ndim = images, ndim
        if images and not self._chosen_by_user:
            photograph = images[0].source.rgb or self._is_photograph
            with self.kind.changed.blocked():
                self.kind.value = (EstimatedPSF if photograph else OFFERED[0]).title
        for fields in self.fields_by_title.values():
            fields.set_images(images, ndim)
        self._choose()

    def prefer_photograph(self, is_photograph: bool) -> None:
        """Take the image for a photograph, or not, until the user has chosen a kind."""
        self._is_photograph = is_photograph
        self.fit(self._images, self._ndim)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the kind of a PSF, and what describes it.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the dock has no such kind, or the record holds what no run writes.
        """
        titles = {kind.name: kind.title for kind in OFFERED}
        if record["kind"] not in titles:
            raise InvalidValueError("The PSF was given in Python: set the blur by hand.")
        self.kind.value = titles[record["kind"]]
        self.chosen.restore(record)

    def settings(self) -> PSFSettings:
        """Return which PSF the images of files have.

        Raises
        ------
        ValueError
            If the fields describe none, or one that is in no file.
        """
        return self.chosen.settings()

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        for fields in self.fields_by_title.values():
            fields.reset_choices()

    def _on_kind(self, *_: object) -> None:
        self._chosen_by_user = True
        self._choose()

    def _choose(self) -> None:
        self.kind.tooltip = self.chosen.kind.hint
        for fields in self.fields_by_title.values():
            fields.show(fields is self.chosen)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
