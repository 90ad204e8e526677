"""The field of a PSF that an image layer shows."""

from collections.abc import Mapping
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._files.psf_settings import psf_settings_from_record
from napari_tf_deblur._layers.psf_kinds import LayerPSF, PSFKind, PSFSettings
from napari_tf_deblur._layers.source import read_source

NO_PSF_LAYER = (
    "There is no image layer to take as PSF: open a picture of a bead with File > Open, or "
    "choose another kind of blur."
)


class LayerFields(KindFields):
    """A PSF that an image layer shows.

    Attributes
    ----------
    layer : LayerChoice
        Which one.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self.layer = LayerChoice(layers, label="Bead layer", tooltip=kind.hint)
        self._add(self.layer)
        self.layer.changed.connect(self._tell)

    @property
    def ndim(self) -> int | None:
        """Those of the layer; None while there is none."""
        return None if self.layer.value is None else self.psf().ndim

    def psf(self, image: int = 0) -> LayerPSF:
        """Return the PSF that the layer shows.

        Raises
        ------
        ValueError
            If there is no layer.
        """
        if self.layer.value is None:
            raise InvalidValueError(NO_PSF_LAYER)
        return LayerPSF(read_source(self.layer.value))

    def settings(self) -> PSFSettings:
        """Return that the file of the layer shows the PSF of every image."""
        return psf_settings_from_record(
            {"kind": self.kind.name, "origin": self.psf().layer.record()}
        )

    def restore(self, record: Mapping[str, Any]) -> None:
        """Choose the layer of a PSF again.

        Raises
        ------
        ValueError
            If it is not there any more.
        """
        name = record["layer"]
        there = [x for x in self.layer.choices if getattr(x, "name", None) == name]
        if not there:
            raise InvalidValueError(
                f"The bead layer '{name}' is not open: open it, or choose another."
            )
        self.layer.value = there[0]

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        self.layer.reset_choices()
