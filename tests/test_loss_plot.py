import numpy as np
import pytest
from qtpy.QtGui import QImage

from napari_tf_deblur._loss_plot import LossPlot, log_ticks, nice_ticks


def pixels(widget, size=(300, 150)):
    widget.resize(*size)
    picture = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = picture.constBits()
    data.setsize(picture.sizeInBytes())
    return np.frombuffer(data, np.uint8).reshape(picture.height(), -1, 4)[..., 2::-1].astype(int)


def curve(picture):
    """Where the picture is orange."""
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


def test_before_the_first_loss_it_says_so_and_draws_no_curve(plot):
    assert not curve(pixels(plot)).any()
    empty = pixels(plot)
    assert (np.abs(empty - empty[0, 0]).sum(-1) > 30).any()


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


@pytest.mark.parametrize(
    ("low", "high"), [(1, 1000), (2.1, 2.3), (1e-12, 1e12), (0.9, 11), (64.1, 65.6), (3, 3.0001)]
)
def test_log_ticks_are_inside_and_not_too_many(low, high):
    ticks = log_ticks(low, high)
    assert all(low * (1 - 1e-6) <= tick <= high * (1 + 1e-6) for tick in ticks)
    assert 2 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))


def test_nice_ticks_are_round():
    assert nice_ticks(1, 100) == [50.0, 100.0]
    assert nice_ticks(0, 0.7, 5) == [0.0, 0.2, 0.4, 0.6]
    assert nice_ticks(4, 4) == [4]
