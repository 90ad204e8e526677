"""Shortens long texts in combo boxes with an ellipsis; Qt itself cuts them off."""

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from napari_tf_deblur._dock.event_filter import EventFilter

_CONTROL = QStyle.ComplexControl.CC_ComboBox
_TEXT = QStyle.SubControl.SC_ComboBoxEditField


class ElideFilter(EventFilter):
    """An event filter that paints a combo box and shortens its text in the middle.

    Parameters
    ----------
    combo : QComboBox
        The combo box, which owns the filter.
    """

    def __init__(self, combo: QComboBox) -> None:
        super().__init__(combo)
        self._combo = combo

    def answer(self, watched: QObject, event: QEvent) -> bool:
        """Paint the combo box instead of Qt."""
        if event.type() != QEvent.Type.Paint:
            return False
        combo = self._combo
        option = QStyleOptionComboBox()
        option.initFrom(combo)
        option.subControls = QStyle.SubControl.SC_All
        option.currentText = combo.currentText()
        option.currentIcon = combo.itemIcon(max(0, combo.currentIndex()))
        option.iconSize = combo.iconSize()
        style = combo.style()
        assert style is not None
        width = style.subControlRect(_CONTROL, option, _TEXT, combo).width() - 4
        metrics = combo.fontMetrics()
        option.currentText = metrics.elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, width
        )
        painter = QStylePainter(combo)
        painter.drawComplexControl(_CONTROL, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
        return True
