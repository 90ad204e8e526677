"""Arranges the parts of the dock: below each other, or side by side if the dock is wide."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QBoxLayout, QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_tf_deblur._dock.dock_height import FONT_EVENTS, DockHeightKeeper
from napari_tf_deblur._dock.event_filter import EventFilter

MIN_DOCK_WIDTH = 280
"""Smallest width of the dock in pixels. Set by eye: longer labels are cut off."""

BORDER = 2
"""Pixels that the style adds on each side of a scroll area. Guard: against contents that are cut
off; ``tests/dock/test_viewer.py``."""

DOCK_MARGIN = 6
"""Pixels between the dock's contents and its sides. Set by eye."""

MIN_PART_HEIGHT = 50
"""Smallest height of a scroll area in pixels. Derived: napari leaves a dock as much at 1280 x 720
with a font of 18."""

WIDE_RATIO = 1.5
"""Ratio of width to height from which on the parts stand side by side. Set by eye."""

MAX_STATUS_SHARE = 0.55
"""Largest fraction of the dock's height for the status area. Set by eye."""

RESIZE_EVENTS = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, *FONT_EVENTS)


class DockLayout(EventFilter):
    """Puts the fields into a scroll area; the controls and the status area stay visible.

    Parameters
    ----------
    dock : QWidget
        The dock, which has a layout.
    fields : QWidget
        The fields.
    controls : QWidget
        The controls, which are always visible, below the fields or beside them.
    status_widgets : sequence of QWidget
        Widgets of the status area, below the controls. The area is as tall as its content; above
        a maximum height it gets a scroll bar.
    """

    def __init__(
        self, dock: QWidget, fields: QWidget, controls: QWidget, status_widgets: Sequence[QWidget]
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        for part in status_widgets:
            column.addWidget(part)
        column.addStretch(1)
        self._status_area = _ScrollPart(below)
        self._rest = rest = QVBoxLayout()
        rest.addWidget(controls)
        rest.addWidget(self._status_area)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._fields = _ScrollPart(fields)
        self._box.addWidget(self._fields, 1)
        self._box.addLayout(rest, 0)
        whole = QWidget()
        whole.setLayout(self._box)
        outer = dock.layout()
        assert outer is not None
        outer.addWidget(_ScrollPart(whole, 20))  # if not even the buttons fit
        DockHeightKeeper(
            dock, lambda: whole.minimumSizeHint().height() + outer.contentsMargins().bottom()
        )
        dock.installEventFilter(self)
        below.installEventFilter(self)

    def answer(self, watched: QObject, event: QEvent) -> bool:
        """Arrange the parts again when the size of the dock or of its status area changes."""
        if event.type() in RESIZE_EVENTS:
            self._arrange()
        return False

    def _arrange(self) -> None:
        narrowest = max(MIN_DOCK_WIDTH, self._fields.content_width + 2 * DOCK_MARGIN)
        self._dock.setMinimumWidth(narrowest)
        width, height = self._dock.width(), self._dock.height()
        wide = width > max(WIDE_RATIO * height, 2 * narrowest)
        directions = QBoxLayout.Direction
        self._box.setDirection(directions.LeftToRight if wide else directions.TopToBottom)
        self._box.setStretch(1, 1 if wide else 0)
        top = Qt.AlignmentFlag.AlignTop if wide else Qt.AlignmentFlag(0)
        self._box.setAlignment(self._rest, top)
        self._status_area.adapt_height(height if wide else round(MAX_STATUS_SHARE * height))


class _ScrollPart(QScrollArea):
    """A scroll area with a vertical scroll bar, shown only if the widget does not fit.

    Parameters
    ----------
    widget : QWidget
        The widget to scroll.
    min_height : int
        Smallest height in pixels.
    """

    def __init__(self, widget: QWidget, min_height: int = MIN_PART_HEIGHT) -> None:
        super().__init__()
        self._min_height = min_height
        self._content_height = self._preferred_height = 0  # pixels; 0: not computed yet
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(widget)

    @property
    def content_width(self) -> int:
        """Smallest width in pixels that clips nothing, including the scroll bar."""
        widget, bar = self.widget(), self.verticalScrollBar()
        assert widget is not None
        assert bar is not None
        return int(widget.minimumSizeHint().width() + bar.sizeHint().width() + 2 * BORDER)

    def adapt_height(self, max_height: int) -> None:
        """Prefer the height of the content, but `max_height` at most, in pixels."""
        widget = self.widget()
        layout = None if widget is None else widget.layout()
        assert layout is not None
        bar, view = self.verticalScrollBar(), self.viewport()
        assert bar is not None
        assert view is not None
        width = view.width() + (bar.width() if bar.isVisible() else 0)
        wrapped = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        self._content_height = max(wrapped, layout.totalMinimumSize().height()) + BORDER
        self._preferred_height = min(self._content_height, max_height)
        self.setMaximumHeight(self._preferred_height)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.updateGeometry()
        self._show_bar()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Show the scroll bar only if it is needed, because it makes the content narrower."""
        super().resizeEvent(event)
        self._show_bar()

    def _show_bar(self) -> None:
        policies = Qt.ScrollBarPolicy
        fits = 0 < self._content_height <= self.height()
        policy = policies.ScrollBarAlwaysOff if fits else policies.ScrollBarAsNeeded
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the preferred height; that of the widget if none was computed yet."""
        widget = self.widget()
        assert widget is not None
        hint = widget.sizeHint()
        return QSize(hint.width(), self._preferred_height or hint.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a small size: the user can scroll to the rest."""
        height = min(self._min_height, self._preferred_height or self._min_height)
        return QSize(MIN_DOCK_WIDTH // 2, height)
