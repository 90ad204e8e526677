"""Work in short pieces, one per turn of the event loop."""

import pytest

from napari_tf_deblur._turns import Turns


def pieces(done, name, count=2):
    for number in range(count):
        done.append(f"{name}{number}")
        yield


def test_the_first_piece_is_done_at_once_the_others_in_later_turns(qtbot):
    done = []
    turns = Turns()
    turns.do(pieces(done, "a"))
    turns.do(pieces(done, "b"))
    assert done == ["a0"]
    qtbot.waitUntil(lambda: len(done) == 4)
    assert done == ["a0", "a1", "b0", "b1"]
    qtbot.wait(50)
    turns.do(pieces(done, "c"))
    assert done[4:] == ["c0"]
    qtbot.waitUntil(lambda: len(done) == 6)


def test_work_may_ask_for_more(qtbot):
    done = []
    turns = Turns()

    def asking():
        turns.do(pieces(done, "more"))
        done.append("asked")
        yield

    turns.do(asking())
    assert done == ["asked"]
    qtbot.waitUntil(lambda: done == ["asked", "more0", "more1"])


def test_dropped_work_is_not_done(qtbot):
    done = []
    turns = Turns()
    turns.do(pieces(done, "a"))
    turns.do(pieces(done, "b"))
    turns.drop()
    qtbot.wait(50)
    assert done == ["a0"]


def test_work_that_fails_holds_up_nothing(qtbot):
    def failing():
        yield from ()
        raise ValueError("broken")

    done = []
    turns = Turns()
    with pytest.raises(ValueError, match="broken"):
        turns.do(failing())
    turns.do(pieces(done, "a"))
    qtbot.waitUntil(lambda: len(done) == 2)
