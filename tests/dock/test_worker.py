"""The worker with a fake solver, whose steps the tests control."""

import gc
import re
import time
import weakref
from threading import Event, get_ident

import dask.array as da
import numpy as np
import pytest
from dock_fields import gaussian, result_of, results_of
from napari.layers import Image

from napari_tf_deblur import Calibration, TotalVariation, Wiener, gaussian_psf
from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import Step, StoredImage
from napari_tf_deblur._dock import updates as updates_module
from napari_tf_deblur._dock.updates import (
    HEARTBEAT,
    RunFailedError,
    Stopwatch,
    Throttle,
    Update,
    iterate_updates,
)
from napari_tf_deblur._dock.worker import STOPPED_EARLY_TEXT
from napari_tf_deblur._layers import job as job_module
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import GaussianPSF
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._run.deconvolution import Deconvolution

NAME = "cells deblurred (TV)"


class Clock:
    """Replaces the clock of updates and stopwatches; the test sets the time."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    stand_in = Clock()
    monkeypatch.setattr(updates_module, "time", stand_in)
    return stand_in


class Core:
    """Replaces ``iter_deconvolve``: counts up until the test makes it stop, end or fail."""

    def __init__(self, pause=0.01):
        self.pause = pause
        self.sleep = time.sleep
        self.end = Event()
        self.error = None
        self.threads = set()
        self.steps = 0
        self.warnings = ()
        self.before = lambda: None

    def __call__(self, image, psf, method, *, stop=None, **_):
        values = np.zeros(np.shape(image), np.float32)
        words = "starting TensorFlow"
        yield Step(words, words, 0.0, np.zeros(0, np.float32), StoredImage(values))
        self.before()
        losses = []
        while not (self.end.is_set() or (stop is not None and stop.is_set())):
            self.sleep(self.pause)
            self.threads.add(get_ident())
            self.steps += 1
            losses.append(1 / self.steps)
            values = np.full(np.shape(image), self.steps, np.float32)
            if self.error is not None and self.steps > 5:
                raise self.error
            done = np.array(losses, np.float32)
            yield Step("iterating", f"iteration {self.steps}", 0.5, done, StoredImage(values))
        history = np.array(losses, np.float32)
        done = self.end.is_set()
        warnings = self.warnings if done else (Notice("stopped", "The run was stopped."),)
        return Deconvolution(
            image=values,
            residual=0 * values,
            loss_history=history,
            iterations=self.steps,
            converged=done,
            calibration=Calibration(method, 1.0),
            blur=None,
            seconds=0.1,
            warnings=warnings,
        )


@pytest.fixture
def core(monkeypatch):
    stand_in = Core()
    monkeypatch.setattr(job_module, "iter_deconvolve", stand_in)
    return stand_in


@pytest.fixture
def job(blurred):
    return Job(read_source(Image(blurred, name="cells")), GaussianPSF((1.0, 1.0)), TotalVariation())


# ---------------------------------------------------------------- the generator


def drain(job, throttle, steps, core, show=True):
    """Run a number of steps as the window would, and return the updates."""
    stop = Event()
    generator = iterate_updates(job.steps(stop), throttle, Event(), Stopwatch())
    seen = []
    while True:
        try:
            seen.append(next(generator))
        except StopIteration as finished:
            return seen, finished.value
        if show:
            throttle.mark_shown(0.0)
        if core.steps >= steps:
            stop.set()


def test_at_most_ten_updates_a_second(core, job, clock):
    core.pause, core.sleep = 0.001, clock.sleep
    seen, result = drain(job, Throttle(), 1000, core)
    assert 9 <= sum(len(update.losses) > 0 for update in seen) <= 11
    assert core.steps >= 1000
    assert all(isinstance(update, Update) for update in seen)
    assert (result.data == core.steps).all()


class BusyWindow(Throttle):
    """A window that shows no update; the worker waits for it as for any other."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def wait(self):
        self.clock.sleep(HEARTBEAT)


def test_a_busy_window_gets_no_images_but_napari_gets_a_word_in(core, job, clock):
    core.pause, core.sleep = 0.001, clock.sleep
    before = clock.now
    seen, _ = drain(job, BusyWindow(clock), 20, core, show=False)
    words = sum(len(update.losses) > 0 for update in seen)
    assert 2 <= words <= 1 + (clock.now - before) / HEARTBEAT
    assert all(update.image is None for update in seen)


def test_slow_drawing_slows_the_updates_down(clock):
    throttle = Throttle()
    throttle.mark_sent()
    assert not throttle.is_due()
    throttle.mark_shown(0.2)
    clock.sleep(0.79)
    assert not throttle.is_due()  # a quarter of the time for drawing, at most
    clock.sleep(0.02)
    assert throttle.is_due()


def test_the_first_image_is_not_the_source(core, job):
    seen, _ = drain(job, Throttle(), 30, core)
    messages = [update.message for update in seen]
    assert messages[:4] == ["making the PSF", "reading", "preparing", "starting TensorFlow"]
    assert all(update.image is None for update in seen[:4])
    assert seen[1].psf.sum() == pytest.approx(1)
    assert any(update.image is not None for update in seen)


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, RecursionError])
def test_errors_that_napari_swallows_are_translated(core, job, error):
    core.error = error("the graph broke")
    with pytest.raises(RunFailedError, match="the graph broke"):
        drain(job, Throttle(), 1000, core)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), RunFailedError, "memory is exhausted"),
        (OutOfMemoryError("Too large."), OutOfMemoryError, "Too large."),
        (ValueError("NaN in the image."), ValueError, "NaN in the image."),
    ],
)
def test_other_errors_say_what_to_do(core, job, error, kind, words):
    core.error = error
    with pytest.raises(kind, match=words):
        drain(job, Throttle(), 1000, core)


# ---------------------------------------------------------------- in the dock


@pytest.fixture
def cells(viewer, dock, blurred):
    """The dock with an image of two dimensions."""
    return viewer.add_image(blurred, name="cells", scale=(2, 2))


@pytest.fixture
def running(qtbot, viewer, dock, core, cells):
    """A run whose live result is in the viewer."""
    dock.deblur()
    qtbot.waitUntil(lambda: result_of(viewer, "cells") is not None)
    return result_of(viewer, "cells")


def test_it_runs_in_another_thread_and_the_live_layer_follows(qtbot, running, core, dock, finished):
    first = running.data.copy()
    qtbot.waitUntil(lambda: running.data.max() > first.max())
    assert not dock.deblur_button.enabled
    assert dock.stop_button.enabled
    assert len(dock.plot.losses) > 1
    assert dock.status.text().startswith("Iteration")
    core.end.set()
    finished(dock)
    assert core.threads
    assert get_ident() not in core.threads
    assert (running.data == core.steps).all()
    assert f"{core.steps} iterations, converged." in dock.status.text()


def test_the_window_is_alive_meanwhile(qtbot, running, dock, core, finished):
    from qtpy.QtCore import QTimer

    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(core.steps))
    timer.start(10)
    steps = core.steps
    qtbot.waitUntil(lambda: len(ticks) > 15 and core.steps > steps)
    timer.stop()
    assert not dock.deblur_button.enabled
    core.end.set()
    finished(dock)


def test_layers_come_hidden_and_are_shown_before_the_run_ends(viewer, dock, core, cells, finished):
    came = {}
    viewer.layers.events.inserted.connect(
        lambda event: came.update({event.value.name: event.value.visible})
    )
    core.end.set()
    dock.deblur()
    finished(dock)
    assert came == {NAME: False}  # no PSF that nobody asked for
    assert [layer.visible for layer in viewer.layers] == [True, True]
    assert viewer.layers.selection.active is result_of(viewer, "cells")


def test_stop_keeps_the_best_so_far(viewer, running, core, dock, finished, told):
    dock.stop_button.native.click()
    finished(dock)
    assert (running.data == core.steps).all()
    assert running.metadata["napari_tf_deblur"]["iterations"] == core.steps
    assert "stopped" in dock.status.text()
    assert not dock.stop_button.enabled
    assert running in viewer.layers
    assert told == []  # whoever pressed Stop knows


def test_a_second_press_starts_nothing(viewer, running, core, dock, finished):
    dock.deblur_button.native.click()
    dock.deblur()
    core.end.set()
    finished(dock)
    assert len(core.threads) == 1
    assert [layer.name for layer in viewer.layers] == ["cells", NAME]


def test_a_second_run_takes_the_place_of_the_first(qtbot, viewer, running, core, dock, finished):
    core.end.set()
    finished(dock)
    assert dock.fields.images.layer.value.name == "cells"  # not the result, which is active now
    first = running.data
    running.colormap = "green"
    running.contrast_limits = (0.25, 0.75)
    core.end.clear()
    dock.deblur()
    qtbot.waitUntil(lambda: running.data is not first)  # it is watched there, too
    core.end.set()
    finished(dock)
    assert [layer.name for layer in viewer.layers] == ["cells", NAME]
    assert (running.data == core.steps).all()
    assert running.colormap.name == "green"  # looks are the user's
    assert running.contrast_limits == [0.25, 0.75]


def keep(dock, viewer):
    dock.result_row.keep.value = True


def another_method(dock, viewer):
    dock.fields.methods.choice.value = Wiener


def another_place(dock, viewer):
    viewer.layers["cells"].translate = (3, 4)


def another_shape(dock, viewer):
    viewer.layers["cells"].data = viewer.layers["cells"].data[:-1]


@pytest.mark.parametrize("change", [keep, another_method, another_place, another_shape])
def test_a_result_that_must_stay_stays(viewer, running, core, dock, finished, change):
    core.end.set()
    finished(dock)
    before = running.data
    change(dock, viewer)
    dock.deblur()
    finished(dock)
    assert len(results_of(viewer, "cells")) == 2
    assert running.data is before


@pytest.mark.parametrize("how", ["error", "stop", "quit"])
def test_a_result_is_what_it_was_after_a_run_that_fails(
    qtbot, viewer, running, core, dock, finished, told, how
):
    core.end.set()
    finished(dock)
    before, name, record = running.data, running.name, dict(running.metadata)
    core.end.clear()
    if how == "error":
        core.error = ValueError("broken")
    elif how == "stop":
        reached, go_on = Event(), Event()
        core.before = lambda: reached.set() or go_on.wait(20)
    dock.deblur()
    if how == "stop":
        qtbot.waitUntil(reached.is_set)
        dock.stop()
        go_on.set()
    elif how == "quit":
        qtbot.waitUntil(lambda: running.data is not before)
        dock._runs._run._worker.quit()
    finished(dock)
    assert running in viewer.layers
    assert running.data is before
    assert running.name == name
    assert running.metadata.keys() == record.keys()
    assert len(viewer.layers) == 2


@pytest.mark.parametrize(
    "error",
    [RuntimeError("broken"), ValueError("broken"), OutOfMemoryError("broken"), MemoryError()],
)
def test_an_error_is_told_once_and_the_layers_are_as_before(
    viewer, dock, core, cells, told, finished, error
):
    before = cells.data.copy()
    core.error = error
    core.pause = 0.1
    dock.deblur()
    finished(dock)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert viewer.layers.selection.active is cells
    np.testing.assert_array_equal(cells.data, before)
    assert len(told) == 1
    assert told[0] in dock.status.text()
    core.error = None
    core.end.set()
    dock.deblur()
    finished(dock)
    assert result_of(viewer, "cells") is not None


def test_the_source_may_go(viewer, running, core, dock, cells, finished, told):
    world = running.data_to_world((3, 4))
    viewer.layers.remove(cells)
    viewer.add_image(np.zeros((5, 5)), name="other")
    core.end.set()
    finished(dock)
    assert running.name == NAME
    assert running.data_to_world((3, 4)) == world
    assert running.metadata["napari_tf_deblur"]["source"] == "cells"
    assert told == []


@pytest.mark.parametrize("stop", [True, False])
def test_a_live_layer_that_the_user_deletes_stays_deleted(
    qtbot, at_rest, viewer, running, core, dock, finished, told, stop
):
    run = dock._runs._run
    viewer.layers.remove(running)
    finished(dock)  # there is nothing left to do it for
    assert "result was deleted" in dock.status.text()
    if stop:
        dock.stop()
    core.end.set()
    qtbot.waitUntil(lambda: not run._worker.is_running)
    at_rest()
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert "result was deleted" in dock.status.text()
    assert told == []


def test_fields_may_change(viewer, running, core, dock, finished):
    for method in dock.fields.methods.choice.choices:
        dock.fields.methods.choice.value = method
    gaussian(dock).sigmas[2].value = 5
    dock.fields.options["boundary"].value = "zero"
    core.end.set()
    finished(dock)
    record = running.metadata["napari_tf_deblur"]
    assert record["method"]["name"] == "TotalVariation"
    assert record["boundary"] == "unknown"
    assert record["psf"]["sigma"] == (2.0, 2.0)


def test_all_layers_may_go(viewer, running, core, dock, finished, told):
    viewer.layers.clear()
    finished(dock)
    assert not viewer.layers
    assert told == []


def test_napari_may_cancel(running, dock, finished, told):
    dock._runs._run._worker.quit()
    finished(dock)
    assert dock.status.text() == "Cancelled."
    assert told == []


def test_the_dock_may_be_closed_and_opened_again(at_rest, viewer, running, core, dock, finished):
    wrapper = dock.native.parent()
    wrapper.close()
    at_rest()
    core.end.set()
    finished(dock)
    assert (running.data == core.steps).all()


def test_the_viewer_may_be_closed(qtbot, make_napari_viewer, core, blurred):
    viewer = make_napari_viewer(strict_qt="raise")
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    viewer.add_image(blurred, name="cells")
    dock.deblur()
    qtbot.waitUntil(lambda: core.steps > 10)
    run = dock._runs._run
    viewer.close()
    qtbot.waitUntil(lambda: not run._worker.is_running)


def test_the_viewer_may_be_closed_while_layers_are_added(
    at_rest, make_napari_viewer, core, blurred
):
    viewer = make_napari_viewer(strict_qt="raise")
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    viewer.add_image(blurred, name="cells")
    dock.deblur()
    viewer.close()
    at_rest()
    assert core.steps == 0
    assert "PSF" not in viewer.layers


class Slow:
    """A step in the worker that takes long and cannot be interrupted."""

    def __init__(self, value):
        self.value = value
        self.begun, self.go_on, self.ended = Event(), Event(), Event()

    def __call__(self, *_):
        self.begun.set()
        self.go_on.wait(20)
        self.ended.set()
        return self.value


@pytest.fixture(params=["at once", "psf", "reading", "TensorFlow"])
def slow_stage(request, monkeypatch, viewer, dock, core, blurred):
    """A run that is blocked before its first iteration, and the event that it waits for."""
    slow = Slow(gaussian_psf(1.0))
    layer = viewer.add_image(np.stack([blurred] * 4), name="stack")
    if request.param == "at once":
        slow.begun.set()
    elif request.param == "psf":
        monkeypatch.setattr(
            "napari_tf_deblur._layers.psf_kinds.gaussian.gaussian_psf", lambda *_, **__: slow()
        )
    elif request.param == "reading":
        slow.value = blurred[None]
        layer._data = da.from_array(layer.data, chunks=(1, -1, -1)).map_blocks(
            slow, dtype=blurred.dtype, meta=np.empty((0, 0, 0), blurred.dtype)
        )
    else:
        monkeypatch.setattr(core, "before", slow, raising=False)
    yield slow
    slow.go_on.set()


def test_stop_works_from_the_first_moment(
    qtbot, at_rest, viewer, dock, core, slow_stage, finished, told
):
    dock.deblur()
    qtbot.waitUntil(slow_stage.begun.is_set)
    run = dock._runs._run
    dock.stop_button.native.click()
    assert not slow_stage.ended.is_set()  # nobody waited for it
    assert dock.deblur_button.enabled
    assert dock.status.text() == STOPPED_EARLY_TEXT
    slow_stage.go_on.set()
    qtbot.waitUntil(lambda: run is None or not run._worker.is_running)
    at_rest()
    assert [layer.name for layer in viewer.layers if layer.name != "PSF"] == ["stack"]
    assert dock.status.text() == STOPPED_EARLY_TEXT
    assert core.steps <= 1
    assert told == []
    core.end.set()
    dock.deblur()  # and nothing is left of it
    finished(dock)
    assert result_of(viewer, "stack") is not None


def test_the_status_says_how_long_the_user_waited_and_where_it_went(
    viewer, dock, core, clock, finished, blurred
):
    layer = viewer.add_image(np.stack([blurred] * 4), name="stack")
    layer._data = da.from_array(layer.data, chunks=(4, -1, -1)).map_blocks(
        lambda block: clock.sleep(0.3) or block,
        dtype=blurred.dtype,
        meta=np.empty((0, 0, 0), blurred.dtype),
    )
    core.before = lambda: clock.sleep(0.4)
    core.end.set()
    before = clock.now
    dock.deblur()
    finished(dock)
    said = float(re.search(r"Done in (.*) s: ", dock.status.text())[1])
    assert said == pytest.approx(clock.now - before, abs=0.06)
    seconds = {
        stage: float(s) for stage, s in re.findall(r"(\w[\w ]*) ([\d.]+) s", dock.status.toolTip())
    }
    stages = {stage.lower(): s for stage, s in seconds.items()}
    assert stages["reading"] >= 0.3
    assert stages["starting tensorflow"] == pytest.approx(0.4)
    assert sum(stages.values()) == pytest.approx(said, abs=0.06)


def test_warnings_of_the_core_reach_the_user(qtbot, dock, core, cells, finished, told):
    core.warnings = ("The image is darker than its background.",)
    core.end.set()
    dock.deblur()
    finished(dock)
    assert told == ["The image is darker than its background."]
    assert core.warnings[0] in dock.status.text()


def test_arrays_are_freed(at_rest, viewer, core, dock, finished):
    layer = viewer.add_image(np.zeros((64, 64), np.float32), name="cells")
    core.end.set()
    dock.deblur()
    finished(dock)
    array = weakref.ref(layer.data)
    viewer.layers.clear()
    del layer
    at_rest()
    gc.collect()
    assert array() is None
