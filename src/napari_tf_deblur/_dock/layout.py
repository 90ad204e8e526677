"""Where the parts of the dock are: below each other, or side by side where it is wide."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

NARROWEST = 280
"""Of the dock, in pixels."""

WIDE = 1.5
"""Width over height from which on the parts are side by side."""

MOST = 0.55
"""Part of the height that what is below the fields may take."""


class Layout(QObject):
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
        self, dock: QWidget, fields: QWidget, controls: QWidget, news: Sequence[QWidget]
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        for part in news:
            column.addWidget(part)
        column.addStretch(1)
        self._fields, self._news = _Scrolled(fields), _Scrolled(below)
        self._rest = rest = QVBoxLayout()
        rest.addWidget(controls)
        rest.addWidget(self._news)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.addWidget(self._fields, 1)
        self._box.addLayout(rest, 0)
        outer = dock.layout()
        assert isinstance(outer, QBoxLayout)
        outer.addLayout(self._box, 1)
        dock.setMinimumWidth(NARROWEST)
        dock.installEventFilter(self)
        below.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Arrange the parts anew when the dock, or what is said in it, changes its size."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._arrange()
        return False

    def _arrange(self) -> None:
        width, height = self._dock.width(), self._dock.height()
        wide = width > WIDE * height
        directions = QBoxLayout.Direction
        self._box.setDirection(directions.LeftToRight if wide else directions.TopToBottom)
        self._box.setStretch(1, 1 if wide else 0)
        top = Qt.AlignmentFlag.AlignTop if wide else Qt.AlignmentFlag(0)
        self._box.setAlignment(self._rest, top)
        most = height if wide else round(MOST * height)
        self._news.be_tall(most)


class _Scrolled(QScrollArea):
    """A widget that can be scrolled up and down where there is no room for it."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(widget)

    def be_tall(self, most: int) -> None:
        """Be as tall as the widget must be, or `most` and let it be scrolled."""
        widget = self.widget()
        layout = None if widget is None else widget.layout()
        assert layout is not None
        width = self.maximumViewportSize().width()
        needed = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        needed = max(needed, layout.totalMinimumSize().height())
        policies = Qt.ScrollBarPolicy
        enough = needed <= most  # without a bar, which would take room and ask for more
        self.setVerticalScrollBarPolicy(
            policies.ScrollBarAlwaysOff if enough else policies.ScrollBarAsNeeded
        )
        self.setFixedHeight(min(needed, most))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Ask for little: the rest can be scrolled to."""
        return QSize(NARROWEST // 2, 60)
