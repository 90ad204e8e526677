"""The queue of GUI tasks: one step in each turn of the event loop."""

import pytest
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.task_queue import TaskQueue


def pieces(done, name, count=2):
    for number in range(count):
        done.append(f"{name}{number}")
        yield


def test_the_first_piece_is_done_at_once_the_others_in_later_turns(qtbot, at_rest):
    done = []
    tasks = TaskQueue()
    tasks.add_task(pieces(done, "a"))
    tasks.add_task(pieces(done, "b"))
    assert done == ["a0"]
    qtbot.waitUntil(lambda: len(done) == 4)
    assert done == ["a0", "a1", "b0", "b1"]
    at_rest()
    tasks.add_task(pieces(done, "c"))
    assert done[4:] == ["c0"]
    qtbot.waitUntil(lambda: len(done) == 6)


def test_work_may_ask_for_more(qtbot):
    done = []
    tasks = TaskQueue()

    def asking():
        tasks.add_task(pieces(done, "more"))
        done.append("asked")
        yield

    tasks.add_task(asking())
    tasks.add_task(pieces(done, "later", 1))
    assert done == ["asked"]
    qtbot.waitUntil(lambda: done == ["asked", "more0", "more1", "later0"])


def test_dropped_work_is_not_done(at_rest):
    done = []
    tasks = TaskQueue()
    tasks.add_task(pieces(done, "a"))
    tasks.add_task(pieces(done, "b"))
    tasks.clear()
    at_rest()
    assert done == ["a0"]


def test_work_that_fails_holds_up_nothing(qtbot):
    def failing():
        yield from ()
        raise ValueError("broken")

    done = []
    tasks = TaskQueue()
    with pytest.raises(ValueError, match="broken"):
        tasks.add_task(failing())
    tasks.add_task(pieces(done, "a"))
    qtbot.waitUntil(lambda: len(done) == 2)


def test_what_takes_long_to_paint_is_painted_in_a_turn_of_its_own(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    tasks = TaskQueue(QWidget(window))
    enabled = []

    def work():
        enabled.append(window.updatesEnabled())
        yield True
        enabled.append(window.updatesEnabled())
        yield
        enabled.append(window.updatesEnabled())

    tasks.add_task(work())
    qtbot.waitUntil(lambda: len(enabled) == 3)
    assert enabled == [True, False, True]


@pytest.mark.parametrize("end", ["fail", "drop", "delete"])
def test_the_window_is_painted_whatever_happens(qtbot, end):
    window = QWidget()
    qtbot.addWidget(window)
    part = QWidget(window)
    tasks = TaskQueue(part)
    reached = []

    def work():
        yield True
        reached.append(not window.updatesEnabled())
        if end == "fail":
            raise ValueError("broken")
        if end == "drop":
            tasks.clear()
        if end == "delete":
            part.setParent(None)
            part.deleteLater()
        yield

    with qtbot.captureExceptions() as raised:
        tasks.add_task(work())
        qtbot.waitUntil(lambda: bool(reached))
        qtbot.waitUntil(window.updatesEnabled)
    assert reached == [True]
    assert len(raised) == (end == "fail")


def test_work_that_comes_while_painting_is_due_waits_for_it(qtbot, monkeypatch):
    monkeypatch.setattr("napari_tf_deblur._dock.task_queue.PAINT_MS", 100)
    window = QWidget()
    qtbot.addWidget(window)
    tasks = TaskQueue(QWidget(window))
    done = []

    def work():
        yield True
        done.append("held")

    tasks.add_task(work())
    qtbot.waitUntil(lambda: done == ["held"])
    tasks.add_task(pieces(done, "a"))
    assert done == ["held"]
    qtbot.waitUntil(lambda: len(done) == 3)
    assert window.updatesEnabled()
