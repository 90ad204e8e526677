"""Layers that are deblurred in pieces into a file: what they show while pieces are missing."""

from threading import Event

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import RichardsonLucy, TotalVariation, convolve, gaussian_psf
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._dock.run_sequence import RunSequence
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._large import plan
from napari_tf_deblur._layers import large_job
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import GaussianPSF
from napari_tf_deblur._layers.source import read_source

PSF = GaussianPSF((1.5, 1.5))
GROUND = 200.0


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setitem(plan.PIECE_SIZE_UNIT, 2, 64)
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 2, 64 * 64)


@pytest.fixture(scope="module", autouse=True)
def _client():
    from distributed import Client

    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"):
        yield


@pytest.fixture
def layer():
    """Spots on a bright background, 120 x 150 pixels; the contrast limits are their full range."""
    rng = np.random.default_rng(0)
    scene = np.zeros((120, 150), np.float32)
    scene[12:-12, 12:-12] = 1000 * rng.random((96, 126)).astype(np.float32) ** 20
    image = convolve(scene, gaussian_psf(1.5)) + GROUND + rng.standard_normal(scene.shape)
    limits = (float(image.min()), float(image.max()))
    return Image(da.from_array(image.astype(np.float32), chunks=64), contrast_limits=limits)


METHODS = [
    RichardsonLucy(iterations=20, background=GROUND),
    TotalVariation(iterations=20, weight=1e-4),
]


def run(job, stop=None):
    """Return the contrast limits of the first step that has them, and the result."""
    said, shown = [], False
    steps = job.steps(stop)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return said, end.value
        if isinstance(step, Step):
            shown |= len(step.loss_history) > 0
            if step.limits is not None:
                assert not shown
                said.append(step.limits)
            if stop is not None and step.stage == "pieces":
                stop.set()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_the_first_picture_has_limits_that_fit(layer, tmp_path, method):
    """The one sample contains the whole image, so its limits are those of the image."""
    shown = tuple(layer.contrast_limits)
    at_once = Job(read_source(Image(np.asarray(layer.data), contrast_limits=shown)), PSF, method)
    _, expected = run(at_once)
    (first,), result = run(Job(read_source(layer), PSF, method, output=tmp_path / "a.ome.zarr"))
    assert first == pytest.approx(expected.limits, rel=0.01)
    assert abs(np.subtract(first, shown)).max() > 0.1 * np.ptp(shown)  # the source's do not fit
    assert first == pytest.approx(result.limits, rel=0.05)


def test_a_run_that_goes_on_has_them_of_what_is_done(layer, tmp_path):
    job = Job(read_source(layer), PSF, METHODS[0], output=tmp_path / "a.ome.zarr")
    _, broken_off = run(job, Event())
    assert broken_off.record["stopped"]
    (first,), result = run(job)
    assert first == pytest.approx(result.limits, rel=0.2)


def test_the_dock_shows_the_first_picture_with_them(
    layer, viewer, dock, finished, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    viewer.add_layer(layer)
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].background.value = GROUND
    seen = []
    viewer.layers.events.inserted.connect(
        lambda event: seen.append(tuple(event.value.contrast_limits))
    )
    dock.deblur()
    finished(dock)
    (result,) = [one for one in viewer.layers if one is not layer]
    assert seen[0] == pytest.approx(tuple(result.contrast_limits), rel=0.2)
    assert seen[0][1] < layer.contrast_limits[1] - GROUND / 2


def test_pieces_say_how_long_the_others_take_once_one_is_done(layer, tmp_path, viewer):
    job = Job(read_source(layer), PSF, METHODS[0], output=tmp_path / "a.ome.zarr")
    told = [step for step in job.steps() if isinstance(step, Step)]
    first = next(k for k, step in enumerate(told) if step.seconds_left is not None)
    assert not any(step.pieces_done for step in told[:first])
    assert told[-1].seconds_left == 0
    batches = [
        RunSequence(viewer, [one], *[lambda *_: None] * 4, None)
        for one in (job, Job(read_source(Image(np.asarray(layer.data))), PSF, METHODS[0]))
    ]
    for left in (None, 7.0):
        update = Update("samples", 0.1, np.zeros(0, np.float32), seconds_left=left)
        said = [batch._scale_update(update, job).seconds_left for batch in batches]
        assert said[0] == left
        assert said[1] is not None  # of an image at once, by the part that is done


def test_limits_that_the_user_sets_in_a_run_stay(
    layer, viewer, dock, finished, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    viewer.add_layer(layer)

    def set_limits(event):
        event.value.contrast_limits = (1, 50)

    viewer.layers.events.inserted.connect(set_limits)
    dock.deblur()
    finished(dock)
    (result,) = [one for one in viewer.layers if one is not layer]
    assert tuple(result.contrast_limits) == (1, 50)
    assert result.metadata["napari_tf_deblur"]["pieces"]
