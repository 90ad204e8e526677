"""The window with its solver process: faults, stops and ends at each stage of a run."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from weakref import WeakSet

import numpy as np
import psutil
import pytest
from dock_fields import result_of, results_of

from napari_tf_deblur import Calibration
from napari_tf_deblur._core.steps import Step, StoredImage
from napari_tf_deblur._dock import preview_session, window_solver
from napari_tf_deblur._large.preview import RegionPicture
from napari_tf_deblur._layers import job as job_module
from napari_tf_deblur._layers.preview_layer import find_preview_layer
from napari_tf_deblur._process import child_handle
from napari_tf_deblur._run.deconvolution import Deconvolution

pytestmark = pytest.mark.solver_process

BLUR, ITERATIONS, PREVIEW = "measuring the blur", "iterating", "preview"
STAGES = ["starting TensorFlow", "finding the weight", ITERATIONS]
ALL_STAGES = [*STAGES, BLUR, PREVIEW]
TENTHS = 600


def stand_in(image, psf, method, *, stop, waits="", fails="", **_):
    """Stand for a run in the child: it waits at a stage, or fails there."""
    values, losses = np.array(image, np.float32), np.ones(3, np.float32)
    for stage in STAGES:
        yield Step(stage, stage, 0.5, losses * (stage == ITERATIONS), StoredImage(values))
        if stage == fails:
            use_all_memory()
        for _tenth in range(TENTHS * (stage == waits)):
            time.sleep(0.1)
            if stop.is_set():
                break
            yield Step(stage, stage, 0.5, losses * (stage == ITERATIONS), StoredImage(values + 1))
    return Deconvolution(
        image=values,
        residual=0 * values,
        loss_history=losses,
        iterations=3,
        converged=True,
        calibration=Calibration(method, 1.0),
        blur=None,
        seconds=0.1,
        warnings=(),
    )


def use_all_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    np.ones(2**40)


def wait_for_ever(*_, began, **__):
    """Stand for the estimate of the blur; a file says that it began."""
    began.touch()
    time.sleep(TENTHS / 10)


def preview_once(image, mask, *, stop, **_):
    """Stand for the preview: it answers one request, and waits."""
    request = yield "ready"
    while not stop.is_set():
        pixels = np.array(image[request.region], np.float32)
        request = (
            yield RegionPicture(request.region, pixels, 0.0, np.ones((1, 1), np.float32), True)
        ) or request
        for _tenth in range(TENTHS):
            time.sleep(0.1)
            yield "busy"


@pytest.fixture(scope="module", autouse=True)
def solver():
    """The solver of the window. It stays from test to test, as if another dock were open."""
    other = type("Dock", (), {})()
    window_solver._docks.add(other)
    yield window_solver.find_solver()
    window_solver._docks.discard(other)
    window_solver.find_solver().end()


@pytest.fixture
def source(viewer, dock, blurred):
    return viewer.add_image(blurred.copy(), name="cells")


def child_of(solver, qtbot):
    qtbot.waitUntil(lambda: solver._child is not None)
    return solver._child.process


def blocks():
    return list(Path("/dev/shm").glob(f"ntd{os.getpid()}_*"))


def press(dock, monkeypatch, **behaviour):
    monkeypatch.setattr(job_module, "iter_deconvolve", partial(stand_in, **behaviour))
    dock.deblur()


def go_to(stage, dock, monkeypatch, qtbot, folder):
    """Press Deblur, or switch the preview on, and wait for a stage."""
    if stage == PREVIEW:
        monkeypatch.setattr(preview_session, "preview_regions", preview_once)
        dock.fields.preview.value = True
        qtbot.waitUntil(lambda: find_preview_layer(dock._viewer) is not None)
    elif stage == BLUR:
        began = folder / "began"
        monkeypatch.setattr(job_module, "estimate_blur", partial(wait_for_ever, began=began))
        dock.fields.psf.kind.value = "From the image"
        press(dock, monkeypatch)
        qtbot.waitUntil(began.exists)  # a child that dies before is replaced without a word
    else:
        press(dock, monkeypatch, waits=stage)
        qtbot.waitUntil(lambda: stage.lower() in dock.status.text().lower())
        if stage == ITERATIONS:
            qtbot.waitUntil(lambda: len(dock._viewer.layers) > 1)


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_a_killed_process_is_told_and_replaced(
    stage, viewer, dock, source, blurred, solver, qtbot, finished, told, monkeypatch, tmp_path
):
    go_to(stage, dock, monkeypatch, qtbot, tmp_path)
    process = child_of(solver, qtbot)
    os.kill(process.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: "ended by the system" in dock.status.text())
    finished(dock)
    sentences = [text for text in told if "ended by the system" in text]
    assert len(sentences) == (stage != PREVIEW)  # the preview says it in the dock only
    np.testing.assert_array_equal(source.data, blurred)
    names = [layer.name for layer in viewer.layers]
    if stage == ITERATIONS:
        assert names == ["cells", "cells deblurred (stopped)"]
        np.testing.assert_allclose(viewer.layers[1].data, blurred + 1)
    else:
        assert names == ["cells"]
    dock.fields.psf.kind.value = "Gaussian"
    press(dock, monkeypatch)
    finished(dock)
    assert result_of(viewer, "cells") is not None
    assert child_of(solver, qtbot).pid != process.pid
    assert not blocks()


def test_a_replaced_result_comes_back_when_the_process_is_killed(
    viewer, dock, source, solver, qtbot, finished, monkeypatch
):
    press(dock, monkeypatch)
    finished(dock)
    (layer,) = results_of(viewer, "cells")
    data, name = layer.data, layer.name
    press(dock, monkeypatch, waits=ITERATIONS)
    qtbot.waitUntil(lambda: layer.data is not data)
    os.kill(child_of(solver, qtbot).pid, signal.SIGKILL)
    finished(dock)
    assert layer.data is data
    assert layer.name == name
    assert results_of(viewer, "cells") == [layer]


@pytest.mark.parametrize("stage", ["finding the weight", ITERATIONS, BLUR])
def test_stop_is_answered_by_a_window_whose_solver_hangs(
    stage, viewer, dock, source, blurred, solver, qtbot, finished, monkeypatch, tmp_path
):
    monkeypatch.setattr(child_handle, "SETTLE_SECONDS", 0.5)
    go_to(stage, dock, monkeypatch, qtbot, tmp_path)
    process = child_of(solver, qtbot)
    os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    dock.stop()
    finished(dock)
    assert time.monotonic() - began < 0.5 + 0.5  # half a second is the window's
    assert len(viewer.layers) == 1 + (stage == ITERATIONS)
    np.testing.assert_array_equal(source.data, blurred)
    dock.fields.psf.kind.value = "Gaussian"
    press(dock, monkeypatch)
    finished(dock)
    assert result_of(viewer, "cells") is not None
    assert not psutil.pid_exists(process.pid)


def test_exhausted_memory_is_told_and_the_next_press_works(
    viewer, dock, source, solver, qtbot, finished, told, monkeypatch
):
    press(dock, monkeypatch, fails="finding the weight")
    finished(dock)
    assert any(text.startswith("The memory is exhausted") for text in told)
    assert list(viewer.layers) == [source]
    process = child_of(solver, qtbot)
    process.kill()  # its limit stays
    process.join()
    press(dock, monkeypatch)
    finished(dock)
    assert result_of(viewer, "cells") is not None


# ---------------------------------------------------------------- ends


@pytest.fixture
def only_dock(monkeypatch):
    """Let the dock be the only one."""
    monkeypatch.setattr(window_solver, "_docks", WeakSet())


@pytest.mark.parametrize("stage", ["", *ALL_STAGES])
def test_nothing_is_left_when_the_viewer_is_closed(
    stage, only_dock, make_napari_viewer, blurred, solver, qtbot, monkeypatch, tmp_path
):
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    viewer.add_image(blurred, name="cells")
    dock.fields.psf.kind.value = "Gaussian"
    if stage:
        go_to(stage, dock, monkeypatch, qtbot, tmp_path)
    process = child_of(solver, qtbot)
    began = time.monotonic()
    viewer.close()
    assert time.monotonic() - began < 2.0
    qtbot.waitUntil(lambda: dock._is_closed)
    qtbot.waitUntil(lambda: not psutil.pid_exists(process.pid))
    assert solver._child is None
    assert not blocks()


def test_a_dock_that_is_closed_ends_its_preview_and_the_process(
    only_dock, viewer, dock, source, solver, qtbot, monkeypatch, tmp_path
):
    go_to(PREVIEW, dock, monkeypatch, qtbot, tmp_path)
    process = child_of(solver, qtbot)
    viewer.window.remove_dock_widget(dock.native)
    qtbot.waitUntil(lambda: not psutil.pid_exists(process.pid))
    assert list(viewer.layers) == [source]
    viewer.window.add_dock_widget(dock)
    assert child_of(solver, qtbot).is_alive()


def test_a_run_in_progress_ends_well_after_its_dock_is_closed(
    only_dock, viewer, dock, source, solver, qtbot, finished, monkeypatch, tmp_path
):
    go_to(ITERATIONS, dock, monkeypatch, qtbot, tmp_path)
    process = child_of(solver, qtbot)
    viewer.window.remove_dock_widget(dock.native)
    qtbot.wait(300)
    assert process.is_alive()
    dock.stop()
    finished(dock)
    assert viewer.layers[-1].name.startswith("cells deblurred")
    qtbot.waitUntil(lambda: not psutil.pid_exists(process.pid))
    viewer.window.add_dock_widget(dock)  # which is deleted with the window


SCRIPT = """
import os, sys
flags = getattr(sys, "getdlopenflags", int)()
import napari, numpy as np
from qtpy.QtWidgets import QApplication
from napari_tf_deblur import RichardsonLucy
viewer = napari.Viewer()
environment = dict(os.environ)  # napari sets variables itself
viewer.add_image(np.random.default_rng(0).random((300, 300), np.float32), name="cells")
dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")[1]
dock.fields.psf.kind.value = "Gaussian"
dock.fields.methods.choice.value = RichardsonLucy
dock.fields.methods.forms[RichardsonLucy].iterations.value = 10000
dock.deblur()
while len(viewer.layers) < 2:
    QApplication.processEvents()
assert dict(os.environ) == environment
assert getattr(sys, "getdlopenflags", int)() == flags
assert "tensorflow" not in sys.modules
print(dock._solver._child.process.pid, flush=True)
while True:
    QApplication.processEvents()
"""


def test_nothing_is_left_when_napari_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    window = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    answer = window.stdout.readline()
    window.kill()
    _, errors = window.communicate()
    assert answer, errors
    until = time.monotonic() + 30
    while psutil.pid_exists(int(answer)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(answer))
    assert not list(Path("/dev/shm").glob(f"ntd{window.pid}_*"))
