"""Where the parts of the dock are: below each other, or side by side where it is wide."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QBoxLayout, QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_tf_deblur._dock.dock_height import FONT_EVENTS, DockHeightKeeper

MIN_DOCK_WIDTH = 280
"""Smallest width of the dock in pixels. Set by eye: longer labels are cut off."""

BORDER = 2
"""Pixels that the style adds on each side of a scroll area. Set by hand, as Qt's styles do."""

DOCK_MARGIN = 6
"""Pixels between the dock's contents and its sides. Set by eye."""

MIN_PART_HEIGHT = 50
"""Smallest height of a scroll area in pixels. Derived: napari leaves a dock as much at 1280 x 720
with a font of 18."""

WIDE_RATIO = 1.5
"""Ratio of width to height from which on the parts stand side by side. Set by eye."""

MAX_NEWS_SHARE = 0.55
"""Largest part of the height for what is below the fields. Set by eye."""

RESIZE_EVENTS = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, *FONT_EVENTS)


class DockLayout(QObject):
    """Puts the fields where they can be scrolled, and the rest where it stays in view.

    Parameters
    ----------
    dock : QWidget
        The dock, which has a layout.
    fields : QWidget
        What can be set.
    controls : QWidget
        What is always in view, below the fields or beside them.
    news : sequence of QWidget
        What is below the controls; it is as tall as it must be, and can be scrolled where that
        would be too much.
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
        self._news = _ScrollPart(below)
        self._rest = rest = QVBoxLayout()
        rest.addWidget(controls)
        rest.addWidget(self._news)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._fields = _ScrollPart(fields)
        self._box.addWidget(self._fields, 1)
        self._box.addLayout(rest, 0)
        whole = QWidget()
        whole.setLayout(self._box)
        outer = dock.layout()
        assert outer is not None
        outer.addWidget(_ScrollPart(whole, 20))  # where there is no room for the buttons alone
        DockHeightKeeper(
            dock, lambda: whole.minimumSizeHint().height() + outer.contentsMargins().bottom()
        )
        dock.installEventFilter(self)
        below.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Arrange the parts anew when the dock, or what is said in it, changes its size."""
        if event is not None and event.type() in RESIZE_EVENTS:
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
        self._news.adapt_height(height if wide else round(MAX_NEWS_SHARE * height))


class _ScrollPart(QScrollArea):
    """A widget that can be scrolled up and down where there is no room for it.

    Parameters
    ----------
    widget : QWidget
        The widget.
    lowest : int
        Height that it must have at least, in pixels.
    """

    def __init__(self, widget: QWidget, lowest: int = MIN_PART_HEIGHT) -> None:
        super().__init__()
        self._lowest = lowest
        self._needed = self._wanted = 0  # heights, if they were found
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(widget)

    @property
    def content_width(self) -> int:
        """Width with which nothing is clipped, with a scroll bar."""
        widget, bar = self.widget(), self.verticalScrollBar()
        assert widget is not None
        assert bar is not None
        return int(widget.minimumSizeHint().width() + bar.sizeHint().width() + 2 * BORDER)

    def adapt_height(self, most: int) -> None:
        """Be as tall as the widget must be, or `most` and let it be scrolled; less if need be."""
        widget = self.widget()
        layout = None if widget is None else widget.layout()
        assert layout is not None
        bar, view = self.verticalScrollBar(), self.viewport()
        assert bar is not None
        assert view is not None
        width = view.width() + (bar.width() if bar.isVisible() else 0)
        needed = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        self._needed = max(needed, layout.totalMinimumSize().height()) + BORDER
        self._wanted = min(self._needed, most)
        self.setMaximumHeight(self._wanted)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.updateGeometry()
        self._show_bar()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Show a scroll bar only where it is needed: it takes room, and asks for more."""
        super().resizeEvent(event)
        self._show_bar()

    def _show_bar(self) -> None:
        policies = Qt.ScrollBarPolicy
        enough = 0 < self._needed <= self.height()
        policy = policies.ScrollBarAlwaysOff if enough else policies.ScrollBarAsNeeded
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for the height that was found, or for as much as the widget does."""
        widget = self.widget()
        assert widget is not None
        hint = widget.sizeHint()
        return QSize(hint.width(), self._wanted or hint.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Ask for little: the rest can be scrolled to."""
        return QSize(MIN_DOCK_WIDTH // 2, min(self._lowest, self._wanted or self._lowest))
