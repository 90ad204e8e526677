"""Notices are text for users, and a kind for code."""

import copy
import json
import pickle

import dask.array as da
import numpy as np
import pytest

from napari_tf_deblur import RichardsonLucy, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._core.notices import NOTICE_KINDS, Notice
from napari_tf_deblur._large.run_state import RunState
from napari_tf_deblur._large.samples import Samples
from napari_tf_deblur._run.judge import judge_result
from napari_tf_deblur._storage.journal import Journal

PSF = gaussian_psf(1.2)
TEXT = "The image is blank."


def test_a_notice_is_its_text_and_keeps_its_kind():
    notice = Notice("blank image", TEXT)
    assert (notice, repr(notice), hash(notice)) == (TEXT, repr(TEXT), hash(TEXT))
    assert type(str(notice)) is str
    assert json.loads(json.dumps([notice])) == [TEXT]
    for again in (pickle.loads(pickle.dumps(notice)), copy.deepcopy(notice)):
        assert (again, again.kind) == (TEXT, "blank image")


@pytest.mark.parametrize("kind", [*NOTICE_KINDS, None, 3, "nonsense", ["stopped"]])
def test_an_unknown_kind_in_a_file_becomes_other(kind):
    known = isinstance(kind, str) and kind in NOTICE_KINDS
    assert Notice.of_file(kind, TEXT).kind == (kind if known else "other")


def test_a_verdict_uses_the_kind_and_not_the_text():
    words = "12 pixels have exactly the largest value, 9: they look saturated."
    assert judge_result(None, warnings=[Notice("other", words)]).kind == "unknown"
    assert judge_result(None, warnings=[Notice("saturated pixels", TEXT)]).kind == "saturated"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda image: np.minimum(image, 0.5 * image.max()), "saturated pixels"),
        (lambda image: np.full_like(image, 7.0), "blank image"),
        (lambda image: image - 0.4 * np.ptp(image), "negative values"),
        (lambda image: np.where(np.eye(*image.shape) > 0, np.nan, image)[None], None),
    ],
)
def test_warnings_of_a_run_have_a_kind(change, kind):
    rng = np.random.default_rng(0)
    image = np.round(change(900 * convolve(rng.random((48, 48)) ** 8, PSF)))
    mask = np.isnan(image)
    warnings = deconvolve(image, PSF, RichardsonLucy(iterations=2), mask=mask).warnings
    assert all(type(warning) is Notice for warning in warnings)
    assert kind is None or kind in {warning.kind for warning in warnings}


@pytest.mark.usefixtures("client")
def test_kinds_are_kept_with_a_run_and_are_not_needed(tmp_path):
    """A file of an earlier version has no kinds; its notices keep their texts."""
    image = 900 * convolve(np.random.default_rng(0).random((64, 64)) ** 8, PSF)
    image = np.round(np.minimum(image, 0.5 * image.max()))
    path = tmp_path / "a.ome.zarr"
    done = deconvolve(da.from_array(image), PSF, RichardsonLucy(iterations=2), output=path)
    kinds = [warning.kind for warning in done.warnings]
    assert "saturated pixels" in kinds
    table = Journal.for_image(path).read_run()
    assert [type(text) for text in table["warnings"]] == [str] * len(kinds)
    samples = Samples((), image[None], 1, 0)
    again = RunState.from_dict(table, samples).sample_calibration.sample_result.warnings
    assert [warning.kind for warning in again] == kinds
    del table["warning_kinds"]
    again = RunState.from_dict(table, samples).sample_calibration.sample_result.warnings
    assert (again, {warning.kind for warning in again}) == (done.warnings, {"other"})
