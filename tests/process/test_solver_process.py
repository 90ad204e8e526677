"""A solver in a process of its own: the same results, faults, stops, ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty
from threading import Event, Timer

import numpy as np
import psutil
import pytest
from common import drain

from napari_tf_deblur import (
    GradientDescent,
    TotalVariation,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.errors import InvalidValueError, SolverLostError, StoppedError
from napari_tf_deblur._core.steps import Step, StoredImage, finish
from napari_tf_deblur._process import child, child_handle
from napari_tf_deblur._process.solver_process import SolverProcess

QUICK = TotalVariation(weight=0.01, iterations=10)
PSF = gaussian_psf(1.5)


@pytest.fixture(scope="module")
def solver():
    process = SolverProcess()
    process.start()
    yield process
    process.end()


def child_of(solver):
    return solver._child.process


def deblur(solver, image, stop=None):
    return finish(solver.iterate(iter_deconvolve, image, PSF, QUICK, stop=stop or Event()))


def count_until_stopped(seconds=1e9, pause=0.01, *, stop):
    """Stand for a run: count, and obey."""
    began = time.monotonic()
    number = 0
    while not stop.is_set() and time.monotonic() < began + seconds:
        time.sleep(pause)
        number += 1
        image = StoredImage(np.full((300, 300), number, np.float32))
        yield Step("iterating", f"{number}", 0.5, np.zeros(number, np.float32), image)
    return number


def fail_at(number, error, *, stop):
    """Stand for a run that fails."""
    for step in count_until_stopped(pause=0, stop=stop):
        yield step
        if len(step.loss_history) == number:
            raise error


def hang(after, *, stop):
    """Stand for a run that does not obey."""
    for step in count_until_stopped(pause=0, stop=Event()):
        yield step
        if len(step.loss_history) == after:
            time.sleep(1000)


def fill_memory(*, stop):
    """Stand for a run that needs more memory than there is."""
    import resource

    yield from ()
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    return np.ones(2**40)


def test_the_result_is_that_of_this_process(solver, blurred):
    here, there = deconvolve(blurred, PSF, QUICK), deblur(solver, blurred)
    np.testing.assert_array_equal(there.image, here.image)
    np.testing.assert_array_equal(there.residual, here.residual)
    assert there.calibration == here.calibration
    assert there.verdict == here.verdict
    assert child_of(solver).pid != os.getpid()


def test_a_step_brings_its_image_when_it_is_asked_for(solver):
    steps = solver.iterate(count_until_stopped, 60, stop=Event())
    for number in range(1, 6):
        step = next(steps)
        assert step.message == str(number)
        assert step.image()[0, 0] == number
    steps.close()
    assert step.image()[0, 0] == 5  # the last one stays


def test_a_run_that_was_left_makes_room_for_the_next(solver, blurred):
    pid = child_of(solver).pid
    steps = solver.iterate(count_until_stopped, stop=Event())
    next(steps)
    steps.close()
    assert deblur(solver, blurred).iterations == 10
    assert child_of(solver).pid == pid


def test_functions_of_a_console_travel(solver, blurred):
    strength = 0.25
    method = GradientDescent(
        mu=0.01, iterations=3, prior=lambda image: strength * image[0, 0, 0, 0] ** 2
    )
    result = finish(solver.iterate(iter_deconvolve, blurred, PSF, method, stop=Event()))
    assert result.iterations == 3


def test_calls_return_values_and_raise_errors(solver):
    assert solver.call(np.add, 2, 3, stop=Event()) == 5
    with pytest.raises(InvalidValueError, match="sigma"):
        solver.call(gaussian_psf, -1.0, stop=Event())
    with pytest.raises(ZeroDivisionError) as caught:
        solver.call(divmod, 1, 0, stop=Event())
    assert "Traceback" in caught.value.__notes__[0]


def test_errors_of_a_run_are_raised_here(solver):
    steps = solver.iterate(fail_at, 3, InvalidValueError("Not this."), stop=Event())
    with pytest.raises(InvalidValueError, match=r"^Not this.$"):
        finish(steps)


def test_a_run_that_obeys_returns_its_result_at_once(solver):
    stop = Event()
    steps = solver.iterate(count_until_stopped, stop=stop)
    next(steps)
    Timer(0.2, stop.set).start()
    began = time.monotonic()
    assert finish(steps) > 3
    assert time.monotonic() - began < 0.2 + child_handle.STOP_SECONDS


@pytest.mark.parametrize("after", [1, 5])
def test_a_run_that_does_not_obey_is_given_up_and_its_process_replaced(
    solver, after, monkeypatch, blurred
):
    monkeypatch.setattr(child_handle, "SETTLE_SECONDS", 0.5)
    pid = child_of(solver).pid
    stop = Event()
    Timer(0.2, stop.set).start()
    began = time.monotonic()
    with pytest.raises(StoppedError):
        finish(solver.iterate(hang, after, stop=stop))
    assert time.monotonic() - began < 0.2 + child_handle.STOP_SECONDS + 0.5
    assert deblur(solver, blurred).iterations == 10
    assert child_of(solver).pid != pid
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_process_that_is_killed_is_replaced(solver, number, blurred):
    deblur(solver, blurred)
    pid = child_of(solver).pid
    steps = solver.iterate(count_until_stopped, stop=Event())
    for _ in range(number):
        step = next(steps)
    if number:
        step.image()
    os.kill(pid, signal.SIGKILL)
    if number:
        with pytest.raises(SolverLostError, match="memory"):
            finish(steps)
    assert deblur(solver, blurred).iterations == 10
    assert child_of(solver).pid != pid


def test_a_process_that_is_hung_is_replaced(solver, blurred, monkeypatch):
    monkeypatch.setattr(child_handle, "PING_SECONDS", 0.2)
    monkeypatch.setattr(child_handle, "SILENCE_SECONDS", 1.0)
    steps = solver.iterate(count_until_stopped, stop=Event())
    next(steps)
    os.kill(child_of(solver).pid, signal.SIGSTOP)
    with pytest.raises(SolverLostError, match="does not answer"):
        finish(steps)
    monkeypatch.undo()
    assert deblur(solver, blurred).iterations == 10


def test_a_process_that_is_busy_does_not_count_as_hung(solver, monkeypatch):
    monkeypatch.setattr(child_handle, "PING_SECONDS", 0.2)
    monkeypatch.setattr(child_handle, "SILENCE_SECONDS", 1.5)
    assert finish(solver.iterate(count_until_stopped, 3.0, 3.0, stop=Event())) == 1


def test_running_out_of_memory_is_an_error_and_no_end(solver, blurred):
    with pytest.raises(MemoryError):
        finish(solver.iterate(fill_memory, stop=Event()))
    solver.end()  # its limit stays
    assert deblur(solver, blurred).iterations == 10


def test_two_runs_take_turns(solver, blurred):
    steps = solver.iterate(count_until_stopped, 0.5, stop=Event())
    next(steps)
    results = []
    timer = Timer(0, lambda: results.append(deblur(solver, blurred)))
    timer.start()
    time.sleep(0.2)
    assert not results
    finish(steps)
    timer.join()
    assert results[0].iterations == 10


def test_a_run_that_waits_for_its_turn_can_be_stopped(solver):
    steps = solver.iterate(count_until_stopped, stop=Event())
    next(steps)
    stop = Event()
    stop.set()
    with pytest.raises(StoppedError):
        finish(solver.iterate(count_until_stopped, stop=stop))
    steps.close()


SCRIPT = """
import os, sys, time
import numpy as np
from threading import Event
from napari_tf_deblur._process.solver_process import SolverProcess
solver = SolverProcess()  # no guard of __main__
before = dict(os.environ)
assert solver.call(np.add, 1, 2, stop=Event()) == 3
assert dict(os.environ) == before
print(solver._child.process.pid, "tensorflow" in sys.modules, flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end",
    ["", "sys.exit(3)", "os._exit(1)", "os.abort()", "time.sleep(100)"],
    ids=["returns", "exits", "exits at once", "aborts", "is killed"],
)
def test_the_process_ends_with_its_parent(tmp_path, end):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(end=end))
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pid, loaded = parent.stdout.readline().split()
    assert loaded == "False"
    if "sleep" in end:
        parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while psutil.pid_exists(int(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(pid))
    if sys.platform == "linux":
        assert not list(Path("/dev/shm").glob(f"ntd{parent.pid}_*"))


class NoRequests:
    """A queue of requests that stays empty, and the seconds that it was waited for."""

    def __init__(self):
        self.waited = []

    def get(self, timeout):
        self.waited.append(timeout)
        raise Empty


@pytest.mark.parametrize(("most", "is_kept"), [(2**50, True), (1, False)])
def test_a_process_with_much_compiled_code_ends_early(monkeypatch, most, is_kept):
    monkeypatch.setattr(child, "MAX_IDLE_BYTES", most)
    requests = NoRequests()
    with pytest.raises(Empty):
        child._wait(requests)
    waits = [child.RELEASE_SECONDS, child.FORGET_SECONDS, child.IDLE_SECONDS]
    assert requests.waited == waits[: 3 if is_kept else 2]


def test_standard_deviations_come_from_the_process_too(solver):
    image = np.random.default_rng(0).poisson(100, (40, 48)).astype(np.float32)
    run = solver.iterate(iter_deconvolve, image, PSF, QUICK, uncertainty=True, stop=Event())
    step = next(step for step in run if step.stage == "repeating with new noise")
    shown = step.image()
    _, found = drain(run)
    here = deconvolve(image, PSF, QUICK, uncertainty=True)
    tolerance = 1e-3 * here.uncertainty.max()
    np.testing.assert_allclose(found.uncertainty, here.uncertainty, atol=tolerance)
    np.testing.assert_array_equal(shown, found.image)
