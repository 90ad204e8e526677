"""The fields that choose which pixels are ignored."""

from collections.abc import Callable, Sequence

from magicgui.widgets import CheckBox
from napari.layers import Layer

from napari_tf_deblur._dock.form import CollapsibleSection
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._layers.source import Source

IGNORE_TITLE = "Ignore pixels"


class IgnoreFields:
    """Fields for the pixels that must not influence the result.

    Parameters
    ----------
    masks : callable
        Returns the layers that can mark pixels: labels and shapes.

    Attributes
    ----------
    section : CollapsibleSection
        The section that holds the fields.
    saturated, not_a_number : CheckBox
        Whether to ignore saturated pixels, and pixels that are NaN or infinite.
    mask : LayerChoice
        A layer that marks the pixels to ignore.
    """

    def __init__(self, masks: Callable[[], Sequence[Layer]]) -> None:
        self.section = CollapsibleSection(
            IGNORE_TITLE, "Saturated pixels, NaN, and pixels marked in a layer"
        )
        self.saturated = CheckBox(
            text="Saturated pixels",
            tooltip="Ignore pixels at the camera's largest value. Their true brightness is not "
            "known; if they are used as they are, rings appear around them",
        )
        self.not_a_number = CheckBox(
            text="NaN and infinite pixels",
            tooltip="Ignore pixels without a valid number. If this is off, an image with such "
            "pixels is not deblurred",
        )
        self.mask = LayerChoice(
            masks,
            "none",
            label="Marked in layer",
            tooltip="A labels or shapes layer that marks pixels to ignore: scratches, dust, the "
            "area outside the specimen",
        )
        self._source: Source | None = None
        self._mask_choices = ImageFieldValues()
        for widget in (self.saturated, self.not_a_number, self.mask):
            self.section.form.add(widget)

    def set_source(self, source: Source | None) -> None:
        """Choose the mask layer that the user chose for this image before; none for a new image."""
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._mask_choices.store(self._source, {"layer": self.mask.value})
        self._source = source
        layer = self._mask_choices.get_values(source).get("layer")
        with self.mask.changed.blocked():
            self.mask.value = layer if layer in self.mask.choices else None

    def show_saturated_count(self, count: int) -> None:
        """Show the number of saturated pixels of the image; 0 shows nothing."""
        self.saturated.text = f"Saturated pixels{f' ({count})' if count else ''}"
        found = f": {count} saturated found" if count else ""
        self.section.button.setText(f"{IGNORE_TITLE}{found}")
