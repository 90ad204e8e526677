"""The field of a PSF that is measured from an image layer, such as a bead."""

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
    "There is no image layer to use as PSF: open an image of a bead with File > Open, or "
    "choose another kind of blur."
)


class LayerFields(KindFields):
    """The field of the image layer that shows the PSF.

    Attributes
    ----------
    layer : LayerChoice
        The layer.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self.layer = LayerChoice(layers, label="Bead layer", tooltip=kind.hint)
        self._add(self.layer)
        self.layer.changed.connect(self._emit_changed)

    @property
    def ndim(self) -> int | None:
        """Number of axes of the layer; None if no layer is chosen."""
        return None if self.layer.value is None else self.psf().ndim

    def psf(self, image: int = 0) -> LayerPSF:
        """Return the PSF that the layer shows.

        Raises
        ------
        ValueError
            If no layer is chosen.
        """
        if self.layer.value is None:
            raise InvalidValueError(NO_PSF_LAYER)
        return LayerPSF(read_source(self.layer.value))

    def settings(self) -> PSFSettings:
        """Return settings that measure the PSF of every image from the file of the layer."""
        return psf_settings_from_record(
            {"kind": self.kind.name, "origin": self.psf().layer.record()}
        )

    def restore(self, record: Mapping[str, Any]) -> None:
        """Choose the layer that a record names.

        Raises
        ------
        ValueError
            If no layer has this name.
        """
        name = record["layer"]
        layers = [x for x in self.layer.choices if getattr(x, "name", None) == name]
        if not layers:
            raise InvalidValueError(
                f"The bead layer '{name}' is not open: open it, or choose another."
            )
        self.layer.value = layers[0]

    def reset_choices(self) -> None:
        """Offer the present layers."""
        self.layer.reset_choices()
