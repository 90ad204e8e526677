"""The field of a PSF that is measured from an image layer, such as a bead."""

from collections.abc import Mapping
from typing import Any

from napari_tf_deblur._beads.bead_windows import MIN_WINDOW_SIDE
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._dock.number_or_word import NumberOrWord
from napari_tf_deblur._files.psf_settings import psf_settings_from_record
from napari_tf_deblur._layers.psf_kinds import LayerPSF, PSFKind, PSFSettings
from napari_tf_deblur._layers.psf_kinds.measured import read_window
from napari_tf_deblur._layers.source import read_source

ROUND_BEADS = "round beads"
"""Choice of the field of the window for beads that are single round spots."""

WINDOW_HINT = (
    "For beads that are not single round spots, such as those of a double helix, an astigmatic or "
    "a biplane PSF: the side, in pixels of the bead layer, of a square that holds one whole bead "
    "with dark pixels around it. They are registered to each other and averaged"
)

MAX_WINDOW_SIDE = 999
"""Largest side of a window in the field. Set by eye."""

NO_PSF_LAYER = (
    "There is no image layer to use as PSF: open an image of a bead with File > Open, or "
    "choose another kind of blur."
)


class LayerFields(KindFields):
    """The fields of a PSF that an image layer shows.

    Attributes
    ----------
    layer : LayerChoice
        The layer.
    window : NumberOrWord
        The side of a window that holds one bead, or `ROUND_BEADS`.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self.layer = LayerChoice(layers, label="Bead layer", tooltip=kind.hint)
        self.window = NumberOrWord(
            words=(ROUND_BEADS,),
            kind=int,
            number=MIN_WINDOW_SIDE,
            min=MIN_WINDOW_SIDE,
            max=MAX_WINDOW_SIDE,
            label="Bead window",
            tooltip=WINDOW_HINT,
        )
        self._add(self.layer, self.window)
        self.layer.changed.connect(self._emit_changed)
        self.window.changed.connect(self._emit_changed)

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
        window = self.window.value
        return LayerPSF(
            read_source(self.layer.value), None if window == ROUND_BEADS else int(window)
        )

    def settings(self) -> PSFSettings:
        """Return settings that measure the PSF of every image from the file of the layer."""
        psf = self.psf()
        return psf_settings_from_record(
            {"kind": self.kind.name, "origin": psf.layer.record(), "window": psf.window}
        )

    def restore(self, record: Mapping[str, Any]) -> None:
        """Choose the layer and the window that a record names.

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
        window = read_window(record)
        self.layer.value = layers[0]
        self.window.value = ROUND_BEADS if window is None else window

    def reset_choices(self) -> None:
        """Offer the present layers."""
        self.layer.reset_choices()
