"""What is remembered is found again by equal arguments, and only by these."""

import pickle
from functools import partial
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_tf_deblur import (
    METHODS,
    PoissonLikelihood,
    TotalVariation,
    convolve,
    deconvolve,
    estimate_blur,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.masking import mask_not_finite
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._large import preview as preview_module
from napari_tf_deblur._large.preview import preview_regions
from napari_tf_deblur._large.preview_requests import RegionRequest
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._run import memo, whole_image
from napari_tf_deblur._run.memo import Memo, make_digest

PSF = gaussian_psf(1.5)
IMAGE = convolve(10 * np.eye(48, dtype=np.float32) + 1, PSF)
IMAGE += np.random.default_rng(0).normal(0, 0.05, IMAGE.shape).astype(np.float32)
WITH_NAN = np.where(np.eye(48) > 0, np.nan, IMAGE).astype(np.float32)

VALUES = {
    "image": IMAGE,
    "integers": np.arange(12, dtype=np.uint16).reshape(3, 4),
    "masked": mask_not_finite(WITH_NAN),
    "masked without NaN": mask_not_finite(IMAGE),
    "blur": estimate_blur(IMAGE),
    "options": LayerOptions().run_arguments(),
    "function": estimate_blur,
    **{kind.__name__: kind() for kind in METHODS},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_came_from_another_process_is_the_same(name):
    value = VALUES[name]
    received = pickle.loads(pickle.dumps(value, protocol=5))
    again = pickle.loads(pickle.dumps(received, protocol=5))
    assert make_digest({name: value}) == make_digest({name: received}) == make_digest({name: again})
    for other in VALUES:
        if other != name:
            assert make_digest({"value": VALUES[other]}) != make_digest({"value": value})


def test_neither_the_order_of_names_nor_shared_parts_matter():
    word, array = "auto", np.arange(5.0)
    one = make_digest({"a": word, "b": [word], "c": array, "d": array})
    two = make_digest({"d": array.copy(), "c": array, "b": ["".join("auto")], "a": "auto"})
    assert one == two


@given(
    arrays.arrays(st.sampled_from(["uint8", "float32", "int64"]), st.tuples(st.just(3), st.just(4)))
)
def test_any_other_pixel_type_or_shape_is_another_value(array):
    digest = make_digest({"a": array})
    other = array.copy()
    other[1, 2] = 7 if array[1, 2] != 7 else 8
    for different in (other, array.reshape(4, 3), array.astype(np.complex64)):
        assert make_digest({"a": different}) != digest


def test_the_value_that_was_used_longest_ago_is_forgotten():
    calls = []

    def work(number):
        yield from ()
        calls.append(number)
        return 10 * number

    remembered = Memo(2)
    for number in (1, 2, 1, 3, 1, 2):
        assert finish(remembered.find({"number": number}, partial(work, number))) == 10 * number
    assert calls == [1, 2, 3, 2]


def test_work_that_was_stopped_is_not_remembered():
    remembered, stop, calls = Memo(1), Event(), []

    def work():
        yield from ()
        calls.append(1)

    stop.set()
    finish(remembered.find({"a": 1}, work, stop))
    finish(remembered.find({"a": 1}, work))
    assert len(calls) == 2


@pytest.mark.finds_weight
@pytest.mark.parametrize("method", [TotalVariation(), PoissonLikelihood(), "auto"])
@pytest.mark.parametrize("smoothing", [1.0, 2.0])
def test_a_run_after_a_preview_at_rest_computes_nothing(monkeypatch, method, smoothing):
    for remembered, size in ((memo.SEARCHES, 1), (memo.RESULTS, 1), (memo.CALLS, 1)):
        monkeypatch.setattr(remembered, "size", size)
        remembered.clear()
    monkeypatch.setattr(preview_module, "WHOLE_PAUSE_SECONDS", 0.0)
    options = {**LayerOptions().run_arguments(), "smoothing": smoothing}
    axes = {"channel_axis": None, "alpha": False, "spacing": (1.0, 1.0)}
    steps = preview_regions(IMAGE, None, stop=Event(), **axes)
    next(steps)
    state = steps.send(RegionRequest((slice(0, 32), slice(0, 32)), PSF, method, options))
    while state != "ready":
        state = steps.send(None)
    monkeypatch.setattr(whole_image, "search_weight", None)
    monkeypatch.setattr(whole_image, "solve_batches", None)
    arguments = pickle.loads(pickle.dumps((IMAGE, PSF, method), protocol=5))
    stepwise = finish(iter_deconvolve(*arguments, stop=Event(), **axes, **options))
    at_once = deconvolve(*arguments, **axes, **options)
    assert stepwise is at_once
    remembered.clear()
