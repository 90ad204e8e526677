"""Fixtures and settings of all tests: TensorFlow, strict viewers, the dock."""

import gc
import os
import sys
from functools import cache, partial

os.environ["NAPARI_CONFIG"] = ""  # default settings of napari, not those of the user

import numpy as np
import psutil
import pytest
from npe2 import PluginManifest

from napari_tf_deblur import TotalVariation
from napari_tf_deblur._core.threads import limit_threads
from napari_tf_deblur._run.verdict import UNKNOWN_VERDICT
from napari_tf_deblur._run.weight_trials import WeightSearchResult
from napari_tf_deblur._solvers import load

if processes := os.environ.get("TEST_PROCESSES"):  # they share the cores
    limit_threads(max(1, (os.cpu_count() or 1) // int(processes)))

QUICK = {"iterations": 3, "weight": 1e-3}

MOST_MEMORY = 4.5 * 2**30
"""Largest memory of a test process in bytes; two must fit into a machine of 16 GB."""

LONGEST_DELAY_MS = 25
"""Longest wait of a timer of the dock before it changes the display."""

LONGEST_WAIT_MS = 120_000
"""Time after which a test that waits for a state fails."""

ROUNDS_AT_REST = 3
"""Number of equal pictures of the windows in a row after which they are final."""

collect_ignore_glob = ["*conftest.py"]
"""Files without doctests: several of them have the same name."""


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_through_its_door():
    load.tensorflow()
    keep_what_is_there()


def keep_what_is_there():
    """Freeze the objects that stay to the end: each viewer runs the garbage collector, which
    then takes a third of a second less."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _code_is_kept_for_the_session(tmp_path_factory):
    """Let solver processes keep compiled code in a folder of this session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _manifests_are_read_once():
    """Read the manifests of all plugins once: napari reads them again for each viewer."""
    discover = PluginManifest.discover
    read = cache(lambda paths=(): tuple(discover(paths)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", read)
        yield


@pytest.fixture(scope="module", autouse=True)
def _memory_is_bounded():
    """Check the memory of a test process: compiled code fills it. `.ci/test.py` starts new ones."""
    yield
    keep_what_is_there()
    if "TEST_PROCESSES" in os.environ:
        assert psutil.Process().memory_info().rss < MOST_MEMORY


@pytest.fixture(autouse=True)
def _weights_without_trials(request, monkeypatch):
    """Use the suggested weight without trials, unless a test is marked `finds_weight`.

    A weight that is given is not checked either. Tests of solvers alone have no verdict, too.
    """

    def untried(prepared, _stop=None):
        yield from ()
        return WeightSearchResult(prepared.calibration)

    def unchecked(_prepared, _stop=None):
        yield from ()

    if request.path.parent.name == "solvers" or request.path.stem == "test_equivariance":
        module = sys.modules["napari_tf_deblur._run.whole_image"]
        monkeypatch.setattr(
            module, "_judge_planes", lambda *_: UNKNOWN_VERDICT
        )  # which costs as much as a run
    if "finds_weight" not in request.keywords:
        module = sys.modules["napari_tf_deblur._run.whole_image"]
        monkeypatch.setattr(module, "search_weight", untried)
        monkeypatch.setattr(sys.modules["napari_tf_deblur.deconvolve"], "search_weight", untried)
        monkeypatch.setattr(module, "check_weight", unchecked)


@pytest.fixture(autouse=True)
def _window_solves_here(request, monkeypatch):
    """Let docks deblur in this process, unless a test is marked `solver_process`.

    What a test replaces is then replaced, and TensorFlow is imported once.
    """
    if "solver_process" not in request.keywords:
        from napari_tf_deblur._dock import window_solver
        from napari_tf_deblur._process.solver import THIS_PROCESS

        monkeypatch.setattr(window_solver, "_solver", THIS_PROCESS)


@pytest.fixture
def blurred():
    """A small picture, 32 x 40, with a bright square, blurred."""
    from napari_tf_deblur import convolve, gaussian_psf

    scene = np.zeros((32, 40), np.float32)
    scene[10:20, 12:28] = 1.0
    return convolve(scene, gaussian_psf(1.5))


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path_factory):
    """Give each test its own settings of Qt."""
    from qtpy.QtCore import QSettings

    ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(ini, user, str(tmp_path_factory.mktemp("settings")))


@pytest.fixture
def qtbot(qtbot):
    """Return a function that waits for a state, long enough for a slow machine."""
    qtbot.waitUntil = partial(qtbot.waitUntil, timeout=LONGEST_WAIT_MS)
    return qtbot


@pytest.fixture
def at_rest(qtbot):
    """Wait until the windows do not change any more."""
    from qtpy.QtWidgets import QApplication, QWidget

    def look():
        windows = [window for window in QApplication.topLevelWidgets() if window.isVisible()]
        return [
            (type(part), part.isVisible(), part.geometry().getRect())
            for window in windows
            for part in (window, *window.findChildren(QWidget))
        ]

    def wait():
        seen = [look()]

        def is_same():
            qtbot.wait(LONGEST_DELAY_MS)
            seen.append(look())
            return len(seen) > ROUNDS_AT_REST and all(x == seen[-1] for x in seen[-ROUNDS_AT_REST:])

        qtbot.waitUntil(is_same)

    return wait


@pytest.fixture
def viewer(make_napari_viewer):
    """Return a viewer that raises an error if a widget remains after the test."""
    return make_napari_viewer(strict_qt="raise")


@pytest.fixture
def dock(viewer):
    """Return the dock in a viewer, with a method of few iterations and fixed values."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    for form in widget.fields.methods.forms.values():
        for field in form:
            if field.name in QUICK:
                field.value = QUICK[field.name]
    widget.fields.methods.choice.value = TotalVariation
    widget.fields.psf.kind.value = "Gaussian"
    for field in widget.fields.psf.fields_by_title["Gaussian"].sigmas:
        field.value = 2.0
    return widget


@pytest.fixture(scope="module")
def client():
    """The active client of a cluster within this process."""
    from distributed import Client

    with Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
    ) as client:
        yield client


@pytest.fixture
def told():
    """Return the notifications of napari."""
    from napari.utils.notifications import notification_manager

    messages = []

    def note(notification):
        messages.append(str(notification.message))

    notification_manager.notification_ready.connect(note)
    yield messages
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture
def finished(qtbot):
    """Wait for a dock to be ready again."""

    def wait(dock):
        qtbot.waitUntil(lambda: dock.deblur_button.enabled)

    return wait
