"""A field for a refractive index: one of some media by name, or any other index."""

from collections.abc import Mapping

from magicgui.types import Undefined
from magicgui.widgets import ComboBox, FloatSpinBox
from magicgui.widgets.bases import ValuedContainerWidget

from napari_tf_deblur._dock.form import keep_narrow

OTHER = -1.0
"""Value of the choice that stands for an index in the field beside it. Definition: no index is
negative."""


class IndexField(ValuedContainerWidget[float]):
    """A combo box of media, and below it a field for another index, shown if that is chosen.

    Parameters
    ----------
    unset : str
        Words for the index 0, which stands for "not given".
    media : mapping of str to float
        Refractive indices by the names of the media.
    max_index : float
        Largest index.
    label, tooltip : str
        As those of any widget.
    """

    def __init__(
        self, unset: str, media: Mapping[str, float], max_index: float, label: str, tooltip: str
    ) -> None:
        named = [(f"{name} ({index:g})", index) for name, index in media.items()]
        self.medium = ComboBox(
            choices=[(unset, 0.0), *named, ("other index", OTHER)], tooltip=tooltip
        )
        self.other = FloatSpinBox(
            value=next(iter(media.values())), min=1.0, max=max_index, step=0.01, tooltip=tooltip
        )
        self.other.native.setDecimals(3)
        self.min, self.max = 1.0, max_index
        super().__init__(
            Undefined,
            widgets=[self.medium, self.other],
            layout="vertical",
            labels=False,
            label=label,
            tooltip=tooltip,
        )
        self.margins = (0, 0, 0, 0)
        keep_narrow(self.medium.native)
        self.native.setFocusProxy(self.medium.native)
        self._show_index()
        self.medium.changed.disconnect()
        self.other.changed.disconnect()
        self.medium.changed.connect(self._show_index)
        self.medium.changed.connect(self._emit_changed)
        self.other.changed.connect(self._emit_changed)

    def get_value(self) -> float:
        """Return the index; 0 if none is given."""
        is_other = self.medium.value == OTHER
        return float(self.other.value if is_other else self.medium.value)

    def set_value(self, value: float) -> None:
        """Set the index: that of a medium, any other, or 0 for none."""
        if value in self.medium.choices and value != OTHER:
            self.medium.value = value
        else:
            self.other.value = value
            self.medium.value = OTHER
        self._show_index()

    def _show_index(self, *_: object) -> None:
        self.other.visible = self.medium.value == OTHER

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit(self.get_value())
