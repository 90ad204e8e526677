"""Steps are plain data that can cross a process; their image is computed only when asked for."""

import pickle
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from napari_tf_deblur import METHODS, GradientDescent, convolve, gaussian_psf, iter_deconvolve
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, StoredImage
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._solvers import loop, run

PSF = gaussian_psf(1.2)
STAGES = get_args(RunStage)


def image(planes=1):
    rng = np.random.default_rng(0)
    light = 200 * convolve((rng.random((32, 36)) ** 8), PSF).clip(0)
    return np.squeeze(rng.poisson(np.stack([light] * planes)).astype(np.float32))


def few(method):
    """A method with few iterations, whose weight is searched."""
    options = {"iterations": 6} if hasattr(method, "iterations") else {}
    return method(**options)


class Counter(ImageSource):
    """Source of an image that counts its requests."""

    asked = 0

    def current_image(self):
        self.asked += 1
        return np.zeros((2, 3), np.float32)


class Handle(StoredImage):
    """Handle that stands for a run in another process."""


def check_travels(step):
    """Check that a pickled step is the same afterwards, with its image."""
    again = pickle.loads(pickle.dumps(step))
    assert (again.stage, again.message, again.fraction) == (
        step.stage,
        step.message,
        step.fraction,
    )
    np.testing.assert_array_equal(again.loss_history, step.loss_history)
    np.testing.assert_array_equal(again.image(), step.image())


@pytest.mark.finds_weight
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_every_step_can_cross_a_process(monkeypatch, method, planes):
    monkeypatch.setattr(memory, "plan_batch", lambda *_: (1, False))
    monkeypatch.setattr(run, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(loop, "REPORT_INTERVAL", 0.0)
    seen = image(planes)
    stages = []
    for step in iter_deconvolve(seen, PSF, few(method)):
        check_travels(step)
        assert step.image().shape == seen.shape
        stages.append(step.stage)
    assert set(stages) <= set(STAGES)
    assert stages[-1] == "iterating"
    assert ("finding the weight" in stages) == (getattr(few(method), "weight", None) == "auto")


def test_the_image_of_a_step_is_computed_on_request_only():
    source = Counter()
    step = Step("preparing", "preparing", 0.0, np.zeros(0, np.float32), source)
    sent = pickle.loads(pickle.dumps(replace(step, image_source=Handle("here"))))
    assert (sent.image(), source.asked) == ("here", 0)
    again = pickle.loads(pickle.dumps(step))
    assert source.asked == 1
    again.image()
    assert again.image().shape == (2, 3)
    assert source.asked == 1


def test_steps_of_a_run_compute_no_image(monkeypatch):
    """If no image of a step is requested, the run computes only the image of its result."""
    computed = []
    current = run.Progress.current_image
    monkeypatch.setattr(run, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(
        run.Progress, "current_image", lambda self: computed.append(1) or current(self)
    )
    method = GradientDescent(iterations=5)
    steps = list(iter_deconvolve(image(), PSF, method))
    assert len(computed) == 1
    pickle.dumps(replace(steps[-1], image_source=Handle(None)))
    assert len(computed) == 1
