"""The loss curve: a small plot with a logarithmic axis, in the colours of the theme."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

_GAP = 4.0
_CURVE = QColor("#d95f02")  # stands out from dark and light, for the colour-blind too


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round numbers from `low` to `high`, about as many as wanted.

    Parameters
    ----------
    low, high : float
        Range to cover.
    wanted : int
        How many ticks there is room for.

    Returns
    -------
    list of float
        Ascending multiples of 1, 2 or 5 times a power of ten, all inside the range.

    Examples
    --------
    >>> nice_ticks(0, 100)
    [0.0, 50.0, 100.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round numbers for a logarithmic axis from `low` to `high`, both above 0.

    Parameters
    ----------
    low, high : float
        Range to cover.
    wanted : int
        How many ticks there is room for.

    Returns
    -------
    list of float
        Powers of ten where the range spans several, finer numbers where it does not.

    Examples
    --------
    >>> log_ticks(1, 1000)
    [1.0, 10.0, 100.0, 1000.0]
    >>> log_ticks(2.1, 2.3)
    [2.1, 2.15, 2.2, 2.25, 2.3]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = [float(f"1e{power}") for power in range(first, last + 1)]
    if len(decades) > wanted:
        return decades[:: math.ceil(len(decades) / wanted)]
    if len(decades) >= 3:
        return decades
    fine = [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5)]
    fine = [float(f"{t:.12g}") for t in fine if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    if len(fine) >= 3:
        return fine if len(fine) <= wanted + 2 else fine[:: math.ceil(len(fine) / wanted)]
    return nice_ticks(low, high, wanted + 2)


class LossPlot(QWidget):
    """Plots one loss per iteration on a logarithmic axis.

    It takes the colours of its text and background from the style sheet, and so follows
    napari's theme.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._losses: NDArray[np.float64] = np.empty(0)
        self.setMinimumHeight(130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("What the method minimises, after each iteration")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size that suits a dock."""
        return QSize(280, 150)

    @property
    def losses(self) -> NDArray[np.float64]:
        """What is plotted: one value per iteration."""
        return self._losses

    def set_losses(self, losses: ArrayLike) -> None:
        """Plot these losses instead of the former.

        Parameters
        ----------
        losses : array_like
            One per iteration; those that are not above 0 are left out.
        """
        self._losses = np.asarray(losses, dtype=np.float64).ravel()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw axes, numbers and curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        shown = np.flatnonzero(np.isfinite(self._losses) & (self._losses > 0))
        if shown.size == 0:
            faint = QColor(text)
            faint.setAlphaF(0.6)
            painter.setPen(faint)
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "The loss curve appears here."
            )
        else:
            self._draw(painter, text, (shown + 1).astype(np.float64), self._losses[shown])
        painter.end()

    def _draw(
        self,
        painter: QPainter,
        text: QColor,
        iterations: NDArray[np.float64],
        losses: NDArray[np.float64],
    ) -> None:
        low, high = float(losses.min()), float(losses.max())
        if high < low * 1.001:
            low, high = low * 0.99, high * 1.01
        metrics = QFontMetricsF(painter.font())
        line = metrics.height()
        numbers = log_ticks(low, high)
        left = max(metrics.horizontalAdvance(f"{n:g}") for n in numbers) + 2 * _GAP
        frame = QRectF(
            left, line + _GAP, self.width() - left - 2 * _GAP, self.height() - 3 * line - _GAP
        )
        last = max(float(iterations[-1]), 2.0)

        def across(iteration: float) -> float:
            return frame.left() + (iteration - 1) / (last - 1) * frame.width()

        def up(loss: float) -> float:
            part = (math.log(loss) - math.log(low)) / (math.log(high) - math.log(low))
            return frame.bottom() - part * frame.height()

        grid = QColor(text)
        grid.setAlphaF(0.2)
        for number in numbers:
            y = up(number)
            painter.setPen(grid)
            painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
            painter.setPen(text)
            place = QRectF(0, y - line / 2, left - _GAP, line)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, right, f"{number:g}")
        for number in _iteration_ticks(last):
            x = across(number)
            width = metrics.horizontalAdvance(f"{number:g}")
            x = min(max(x - width / 2, frame.left()), frame.right() - width)
            painter.drawText(QPointF(x, frame.bottom() + metrics.ascent() + 2), f"{number:g}")
        title = QRectF(_GAP, 0, self.width() - 2 * _GAP, line)
        painter.drawText(title, Qt.AlignmentFlag.AlignLeft, "loss")
        below = QRectF(frame.left(), self.height() - line, frame.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, "iteration")
        painter.setPen(QPen(grid, 1.0))
        painter.drawRect(frame)
        painter.setPen(QPen(_CURVE, 2.0))
        points = [
            QPointF(across(i), up(v)) for i, v in zip(*_thinned(iterations, losses), strict=True)
        ]
        if len(points) == 1:
            painter.drawEllipse(points[0], 2.0, 2.0)
        painter.drawPolyline(QPolygonF(points))


def _iteration_ticks(last: float) -> list[float]:
    ticks = [t for t in nice_ticks(1, last) if t == int(t)]
    return sorted({1.0, *(t for t in ticks if t > 0.15 * last)})


def _thinned(
    iterations: NDArray[np.float64], losses: NDArray[np.float64], most: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leave out points that no screen can show."""
    keep = np.unique(np.linspace(0, iterations.size - 1, min(most, iterations.size)).astype(int))
    return iterations[keep], losses[keep]
