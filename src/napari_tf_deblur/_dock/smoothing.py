"""The slider for more or less smoothing than the automatic one."""

from math import log2

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

MAX_OCTAVES = 4
"""Range of the slider in octaves, to each side of the automatic weight. Set by eye: beyond, results
hardly change any more or are flat."""

STEPS_PER_OCTAVE = 4
"""Steps of the slider per octave. Set by eye: finer steps make no visible difference."""

SMOOTHING_TOOLTIP = (
    "Move towards 'more' if the result looks grainy, and towards 'less' if it looks too smooth. "
    "The middle is the smoothing that is found from the image"
)


class SmoothingSlider(QWidget):
    """A logarithmic slider for the ratio to the automatic smoothing, and a button that resets it.

    Attributes
    ----------
    label : QLabel
        The name of the field, and the ratio.
    slider : QSlider
        The logarithm of the ratio.
    auto : QPushButton
        Resets the ratio to 1.
    changed : psygnal.Signal
        Emitted with the new ratio.
    """

    changed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-MAX_OCTAVES * STEPS_PER_OCTAVE, MAX_OCTAVES * STEPS_PER_OCTAVE)
        self.slider.setPageStep(STEPS_PER_OCTAVE)
        self.slider.setToolTip(SMOOTHING_TOOLTIP)
        self.auto = QPushButton("Auto")
        self.auto.setToolTip("Use the smoothing that is found from the image")
        self.label = QLabel()
        self.label.setBuddy(self.slider)
        column = QVBoxLayout(self)  # the slider has its own line, so that no text moves it
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        lines = (
            (self.label, None, self.auto),
            (QLabel("less"), self.slider, QLabel("more")),
        )
        for left, middle, right in lines:
            line = QHBoxLayout()
            line.addWidget(left)
            line.addStretch(1) if middle is None else line.addWidget(middle, 1)
            line.addWidget(right)
            column.addLayout(line)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._update)
        self.auto.clicked.connect(lambda: self.slider.setValue(0))
        self._update()

    @property
    def value(self) -> float:
        """Ratio of the smoothing to the automatic one."""
        return float(2.0 ** (self.slider.value() / STEPS_PER_OCTAVE))

    @value.setter
    def value(self, ratio: float) -> None:
        self.slider.setValue(round(STEPS_PER_OCTAVE * log2(ratio)))

    def _update(self, *_: object) -> None:
        is_auto = self.slider.value() == 0
        self.auto.setEnabled(not is_auto)
        amount = "as found from the image" if is_auto else f"{self.value:.3g} times as much"
        self.label.setText("Smoothing" if is_auto else f"Smoothing x {self.value:.3g}")
        for part in (self.label, self.slider):
            part.setToolTip(f"{SMOOTHING_TOOLTIP}. Now: {amount}")
        self.changed.emit(self.value)
