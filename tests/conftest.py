"""What all tests share: TensorFlow through its one door, strict viewers, the dock."""

import gc
import os
import sys
from functools import partial

os.environ["NAPARI_CONFIG"] = ""  # napari as it comes, whatever the user's settings

import numpy as np
import psutil
import pytest

from napari_tf_deblur import TotalVariation
from napari_tf_deblur._run.verdict import UNKNOWN_VERDICT
from napari_tf_deblur._run.weight_trials import WeightSearchResult
from napari_tf_deblur._solvers import load

QUICK = {"iterations": 3, "weight": 1e-3}

MOST_MEMORY = 4.5 * 2**30
"""Bytes of a process, of which two must fit into a machine of 16 GB beside all else."""

LONGEST_DELAY_MS = 25
"""No timer of the dock waits longer before it changes what is seen."""

LONGEST_WAIT_MS = 120_000
"""Until a test fails that waits for a state."""

ROUNDS_AT_REST = 3
"""Looks at the windows that are the same, until they are taken for final."""

collect_ignore_glob = ["*conftest.py"]
"""Doctests are not looked for in these files: several have one name."""


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_through_its_door():
    load.tensorflow()
    keep_what_is_there()


def keep_what_is_there():
    """Spare the garbage collector, which each viewer calls, what stays to the end: a third of a
    second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _memory_is_bounded():
    """A process of tests grows with what TensorFlow compiles; `.ci/test.py` starts new ones."""
    yield
    keep_what_is_there()
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert psutil.Process().memory_info().rss < MOST_MEMORY


@pytest.fixture(autouse=True)
def _weights_without_trials(request, monkeypatch):
    """A weight is the one that about suits the image, unless a test is marked `finds_weight`.

    One that is given is not checked either.

    What is about solvers alone does without a verdict, too.
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


@pytest.fixture
def blurred():
    """A small picture, 32 x 40, with a bright square, blurred."""
    from napari_tf_deblur import convolve, gaussian_psf

    scene = np.zeros((32, 40), np.float32)
    scene[10:20, 12:28] = 1.0
    return convolve(scene, gaussian_psf(1.5))


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path_factory):
    """What Qt remembers between sessions is of this test alone."""
    from qtpy.QtCore import QSettings

    ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(ini, user, str(tmp_path_factory.mktemp("settings")))


@pytest.fixture
def qtbot(qtbot):
    """Waits for a state as long as the slowest machine may take to reach it."""
    qtbot.waitUntil = partial(qtbot.waitUntil, timeout=LONGEST_WAIT_MS)
    return qtbot


@pytest.fixture
def at_rest(qtbot):
    """Wait until nothing in any window changes any more, however long the machine takes."""
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
    """A viewer that complains about every widget that is left over."""
    return make_napari_viewer(strict_qt="raise")


@pytest.fixture
def dock(viewer):
    """The dock in a viewer, with a method of few iterations and nothing to be found."""
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


@pytest.fixture
def told():
    """What napari notified the user of."""
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
