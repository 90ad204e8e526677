"""Which pixels are ignored."""

from collections.abc import Callable, Sequence

from magicgui.widgets import CheckBox
from napari.layers import Layer

from napari_tf_deblur._dock.form import CollapsibleSection
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._layers.source import Source

IGNORE_TITLE = "Ignore pixels"


class IgnoreFields:
    """Pixels that the result does not depend on.

    Parameters
    ----------
    masks : callable
        Returns the layers that can mark pixels.

    Attributes
    ----------
    fold : Fold
        What holds the fields.
    saturated, not_a_number : CheckBox
        Whether saturated pixels are ignored, and those that are NaN or infinite.
    mask : LayerChoice
        A layer that marks pixels.
    """

    def __init__(self, masks: Callable[[], Sequence[Layer]]) -> None:
        self.section = CollapsibleSection(
            IGNORE_TITLE, "Saturated pixels, NaN, and what a layer marks"
        )
        self.saturated = CheckBox(
            text="Saturated pixels",
            tooltip="Ignore pixels at the camera's largest value: how bright they really were is "
            "not known, and taken as it is, it makes rings around them",
        )
        self.not_a_number = CheckBox(
            text="NaN and infinite pixels",
            tooltip="Ignore pixels that hold no number; otherwise such an image is refused",
        )
        self.mask = LayerChoice(
            masks,
            "none",
            label="Marked in layer",
            tooltip="A labels or shapes layer that marks pixels to ignore: scratches, dust, what "
            "is outside the specimen",
        )
        self._source: Source | None = None
        self._mask_choices = ImageFieldValues()
        for widget in (self.saturated, self.not_a_number, self.mask):
            self.section.form.add(widget)

    def set_source(self, source: Source | None) -> None:
        """Choose the marks that were chosen for an image: those of another one are not its own."""
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._mask_choices.store(self._source, {"layer": self.mask.value})
        self._source = source
        layer = self._mask_choices.get_values(source).get("layer")
        with self.mask.changed.blocked():
            self.mask.value = layer if layer in self.mask.choices else None

    def show_saturated_count(self, count: int) -> None:
        """Say how many saturated pixels the image has."""
        self.saturated.text = f"Saturated pixels{f' ({count})' if count else ''}"
        asked = f": {count} saturated found" if count else ""
        self.section.button.setText(f"{IGNORE_TITLE}{asked}")
