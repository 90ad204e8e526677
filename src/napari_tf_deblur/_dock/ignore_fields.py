"""Which pixels are ignored."""

from collections.abc import Callable, Sequence

from magicgui.widgets import CheckBox
from napari.layers import Layer

from napari_tf_deblur._dock.form import Fold
from napari_tf_deblur._dock.image_numbers import ImageNumbers
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._layers.source import Source

TITLE = "Ignore pixels"


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
        self.fold = Fold(TITLE, "Saturated pixels, NaN, and what a layer marks")
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
        self._marks = ImageNumbers()
        for widget in (self.saturated, self.not_a_number, self.mask):
            self.fold.form.add(widget)

    def fit(self, source: Source | None) -> None:
        """Choose the marks that were chosen for an image: those of another one are not its own."""
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._marks.keep(self._source, {"layer": self.mask.value})
        self._source = source
        layer = self._marks.of(source).get("layer")
        with self.mask.changed.blocked():
            self.mask.value = layer if layer in self.mask.choices else None

    def say_saturated(self, count: int) -> None:
        """Say how many saturated pixels the image has."""
        self.saturated.text = f"Saturated pixels{f' ({count})' if count else ''}"
        asked = f": {count} saturated found" if count else ""
        self.fold.button.setText(f"{TITLE}{asked}")
