import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QImage, QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_tf_deblur._dock.loss_plot import LossAxis, LossPlot


def pixels(widget, size=(300, 150)):
    widget.resize(*size)
    picture = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    values = np.frombuffer(bytes_of(picture), np.uint8)
    return values.reshape(picture.height(), -1, 4)[..., 2::-1].astype(int)


def bytes_of(picture):
    """PyQt has to be told how many there are; PySide knows."""
    bits = picture.constBits()
    return bits.asstring(picture.sizeInBytes()) if hasattr(bits, "asstring") else bits


def curve(picture):
    """Return the positions of the orange pixels."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return (red > green + 60) & (green > blue)


def text_rows(picture, background):
    return (np.abs(picture - background).sum(-1) > 150).any(axis=1)


@pytest.fixture
def plot(qtbot):
    widget = LossPlot()
    qtbot.addWidget(widget)
    return widget


def test_a_falling_loss_falls_and_starts_at_the_left(plot):
    plot.set_losses(100 * 0.8 ** np.arange(30))
    rows, columns = np.nonzero(curve(pixels(plot)))
    left, right = columns.min(), columns.max()
    assert rows[columns == left].mean() < rows[columns == right].mean() - 50
    assert right - left > 150


def test_the_axis_is_logarithmic(plot):
    plot.set_losses(1000 * 0.5 ** np.arange(20))
    rows, columns = np.nonzero(curve(pixels(plot)))
    centre = np.array([rows[columns == c].mean() for c in np.unique(columns)])
    straight = np.polyval(np.polyfit(np.unique(columns), centre, 1), np.unique(columns))
    assert np.abs(centre - straight).max() < 3


@pytest.mark.parametrize(
    "losses", [[], [1.0], [0.0, -1.0], [np.nan, np.inf], [5.0] * 10, [1e-30, 1e30], [3.0, 0.0, 1.0]]
)
def test_odd_losses_are_drawn_without_complaint(plot, losses):
    plot.set_losses(losses)
    pixels(plot)
    pixels(plot, (1, 1))


def test_before_the_first_loss_there_is_neither_curve_nor_number(plot):
    def numbers():
        picture = pixels(plot)
        return text_rows(picture[:100, 20:60], picture[1, -2]).any()

    assert not curve(pixels(plot)).any()
    assert not numbers()
    plot.set_losses([3.0, 2.0])
    assert curve(pixels(plot)).any()
    assert numbers()
    plot.set_losses([])
    assert not curve(pixels(plot)).any()
    assert not numbers()


def test_numbers_do_not_move_the_frame(plot):
    places = []
    for losses in ([], [3.0, 2.0], 1e7 * 0.9 ** np.arange(1, 2000)):
        plot.set_losses(losses)
        pixels(plot)
        view = plot.ci.getItem(0, 1)
        places.append(view.sceneBoundingRect().getRect())
    assert places[0] == places[1] == places[2]


def test_a_single_loss_is_a_dot(plot):
    plot.set_losses([2.0])
    assert 9 < curve(pixels(plot)).sum() < 60


def test_the_mouse_does_not_move_the_curve(qtbot, plot):
    plot.set_losses(100 * 0.8 ** np.arange(30))
    before = pixels(plot)
    inside = QPoint(150, 60)
    wheel = QWheelEvent(
        QPointF(inside),
        QPointF(inside),
        QPoint(0, 240),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), wheel)
    for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
        qtbot.mousePress(plot.viewport(), button, pos=inside)
        qtbot.mouseMove(plot.viewport(), QPoint(200, 90))
        qtbot.mouseRelease(plot.viewport(), button, pos=QPoint(200, 90))
    assert QApplication.activePopupWidget() is None
    np.testing.assert_array_equal(pixels(plot), before)


@pytest.mark.parametrize(
    "style", ["background: #262930; color: #f0f1f2", "background: #efebe9; color: #3b3a39"]
)
def test_numbers_and_curve_stand_out_in_dark_and_light(plot, style):
    plot.setStyleSheet(f"* {{ {style} }}")
    plot.set_losses(100 * 0.8 ** np.arange(30))
    picture = pixels(plot)
    background = picture[1, -2]
    assert text_rows(picture, background).sum() > 60
    rows, columns = np.nonzero(curve(picture))
    assert np.abs(picture[rows, columns] - background).sum(-1).max() > 200


def test_the_colours_follow_the_theme_at_once(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    plot = LossPlot(parent)
    lightness = []
    for style in ("background: #262930; color: #f0f1f2", "background: #efebe9; color: #3b3a39"):
        parent.setStyleSheet(f"* {{ {style} }}")
        plot.set_losses([3.0, 2.0])
        picture = pixels(plot)
        lightness.append((picture[1, -2].mean(), picture[:100, 20:60].mean(-1)))
    (dark, on_dark), (light, on_light) = lightness
    assert dark < 60 < on_dark.max() - 100
    assert light > 200 > on_light.min() + 100


@pytest.fixture
def axis(qapp):
    return LossAxis("left")


@pytest.mark.parametrize(
    ("low", "high"),
    [(1, 1000), (2.1, 2.3), (1e-12, 1e12), (0.9, 11), (64.1, 65.6), (3, 3.0001), (2e4, 4e6)],
)
def test_numbers_are_round_different_and_not_too_many(axis, low, high):
    low, high = np.log10([low, high])
    ((step, places),) = axis.tickValues(low, high, 90)
    inside = [place for place in places if low - 1e-9 <= place <= high + 1e-9]
    assert 2 <= len(inside) <= 10
    texts = axis.tickStrings(inside, 1, step)
    assert len(set(texts)) == len(texts)
    np.testing.assert_allclose([float(text) for text in texts], 10.0 ** np.array(inside), rtol=1e-9)


def test_numbers_of_a_usual_range(axis):
    ((step, places),) = axis.tickValues(0.0, 2.0, 90)
    assert axis.tickStrings(places, 1, step) == ["1", "2", "5", "10", "20", "50"]
