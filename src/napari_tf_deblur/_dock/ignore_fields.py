"""Which pixels are ignored."""

from collections.abc import Callable, Sequence

from magicgui.widgets import CheckBox
from napari.layers import Layer

from napari_tf_deblur._dock.form import Fold
from napari_tf_deblur._dock.layer_choice import LayerChoice

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
        for widget in (self.saturated, self.not_a_number, self.mask):
            self.fold.form.add(widget)

    def say_saturated(self, count: int) -> None:
        """Say how many saturated pixels the image has."""
        found = f" ({count} found)" if count else ""
        self.saturated.text = f"Saturated pixels{found}"
        asked = f": {count} saturated found" if count else ""
        self.fold.button.setText(f"{TITLE}{asked}")
