"""Records from files: their values are used, and none of their text becomes code."""

import ast
import json

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import METHODS, GradientDescent, TotalVariation, Wiener, gaussian_psf
from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import (
    ArrayPSF,
    DefocusPSF,
    EstimatedPSF,
    GaussianPSF,
    MicroscopePSF,
    MotionPSF,
)
from napari_tf_deblur._layers.record import (
    check_record,
    describe_outcome,
    describe_settings,
    parse_requested_method,
)
from napari_tf_deblur._layers.result_names import choose_distinct_name
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import record_from_json, record_to_json

ATTACK = "x\n__import__('os').abort()  # "
QUICK = Wiener(balance=0.02)
OPTICS = Optics(1.4, 520.0, microscope="confocal", excitation=488.0)
WATER = Specimen(1.33, 5000.0, first_plane="deepest")
PSFS = {
    "defocus": DefocusPSF(2.5),
    "motion": MotionPSF(7.0, 30.0),
    "gaussian": GaussianPSF((1.5, 1.0), 9, 0.0),
    "microscope": MicroscopePSF(OPTICS, 2),
    "specimen": MicroscopePSF(Optics(1.2, 520.0, 1.515, specimen=WATER), 2),
    "estimated": EstimatedPSF(2),
    "array": ArrayPSF(gaussian_psf(1.0)),
}


def plain(value):
    """Return a value that JSON can contain."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else str(value)


def through_a_file(record):
    return json.loads(json.dumps(record, default=plain))


@pytest.fixture(scope="module")
def records():
    image = np.random.default_rng(0).poisson(100, (32, 40)).astype(np.uint16)
    layer = Image(image, name="cells", scale=(80, 80), units=("nm", "nm"))
    mask = np.eye(32, 40)
    found = {}
    for name, psf in PSFS.items():
        job = Job(read_source(layer), psf, QUICK, LayerOptions(smoothing=2.0), lambda: mask)
        found[name] = finish(job.steps()).record
    return found


@pytest.mark.parametrize("kind", PSFS)
def test_a_record_says_the_same_after_it_was_in_a_file(records, kind):
    before, after = records[kind], through_a_file(records[kind])
    if kind != "array":  # whose numbers have lost their type
        assert write_script(after) == write_script(before)
    np.testing.assert_array_equal(check_record(after)["psf"]["array"], before["psf"]["array"])
    assert describe_outcome(after) == describe_outcome(before)
    assert describe_settings(after) == describe_settings(before)
    assert describe_outcome(record_from_json(record_to_json(before))) == describe_outcome(before)
    assert (
        parse_requested_method(after)
        == parse_requested_method(record_from_json(record_to_json(before)))
        == QUICK
    )
    assert choose_distinct_name(after, [before]) == "cells deblurred (Wiener)"


@pytest.mark.parametrize(
    "method", [Wiener(), TotalVariation(), GradientDescent(prior="tv"), "auto"]
)
def test_the_method_that_was_asked_for_is_told(method):
    record = {
        "asked": method if method == "auto" else {"name": type(method).__name__, **vars(method)}
    }
    assert parse_requested_method(through_a_file(record)) == method


def places(value, path=()):
    """All entries of a record, without those inside arrays."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*path, name))
    else:
        yield path


def changed(record, path, value):
    record = through_a_file(record)
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return record


def words_of(text):
    """Return all names and attributes that a script uses."""
    tree = ast.walk(ast.parse(text))
    return {getattr(node, "id", getattr(node, "attr", None)) for node in tree} - {None}


def script_or_refusal(record):
    try:
        return write_script(record), ""
    except UserError as error:
        return "", str(error)


@pytest.mark.parametrize("kind", PSFS)
def test_no_text_of_a_record_becomes_code(records, kind):
    usual = set().union(*(words_of(write_script(record)) for record in records.values()))
    usual |= {"PluginManager", "ViewerModel", "instance", "discover", "open", "open_sample", "name"}
    usual |= {
        "np",
        "path",
        "tifffile",
        "imwrite",
        "print",
        "layers",
        "one",
        "ignored",
        "load",
        "layer",
        "data",
    }
    refusals = []
    for path in places(records[kind]):
        record = changed(records[kind], path, ATTACK)
        assert isinstance(describe_outcome(record), str)
        assert isinstance(describe_settings(record), str)
        text, refusal = script_or_refusal(record)
        assert words_of(text) <= usual, path
        refusals += [refusal] if refusal else []
    assert len(refusals) > 15
    assert all(refusal.endswith(".") for refusal in refusals)


@pytest.mark.parametrize("path", ["method", "psf", "origin", "versions", "boundary"])
@pytest.mark.parametrize("value", [None, 3, [], {}, "words", {"name": "exec"}])
def test_what_is_missing_or_wrong_is_said(records, path, value):
    for record in (changed(records["gaussian"], (path,), value), {"kind": "result"}):
        with pytest.raises(UserError, match="record"):
            check_record(record)
        assert isinstance(describe_outcome(record), str)
        assert isinstance(describe_settings(record), str)


@pytest.mark.parametrize("value", [-1, 1e30, 1e400, float("nan"), "0.1", True, [0.1]])
def test_values_out_of_bounds_are_refused(records, value):
    record = changed(records["gaussian"], ("method", "balance"), value)
    with pytest.raises(UserError, match="'method'"):
        write_script(record)


def test_every_method_has_a_short_name():
    names = [method.short_name for method in METHODS]
    assert len(set(names)) == len(METHODS)
    assert all(0 < len(name) < 9 for name in names)


def test_results_of_one_source_differ_by_their_settings(records):
    first = records["gaussian"]
    smoother = {**first, "smoothing": 0.5}
    wider = {**first, "psf": {**first["psf"], "sigma": (3.0, 3.0)}}
    assert choose_distinct_name(smoother, [first]) == "cells deblurred, smoothing x 0.5 (Wiener)"
    assert choose_distinct_name(wider, [first]) == "cells deblurred, sigma 3 (Wiener)"
    assert choose_distinct_name(wider, [first, smoother]).count(",") == 2
    other = {**first, "source": "other"}
    assert choose_distinct_name(other, [first]) == "other deblurred (Wiener)"


def test_a_specimen_is_in_the_record_and_the_script(records):
    record = records["specimen"]
    assert record["psf"]["optics"]["specimen"] == WATER.to_dict()
    assert record["psf"]["notes"][1] == "the focus is 3.98 µm below the coverslip, not 5 µm"
    assert f"specimen={WATER.to_dict()!r}" in "".join(write_script(record).split("\n"))
    assert f"specimen={WATER.to_dict()!r}" in record["python"]
    assert "the focus is 3.98 µm below" in describe_settings(record)
    deeper = through_a_file(record)
    deeper["psf"]["optics"]["specimen"]["depth"] = 6000.0
    assert "depth 6e+03" in choose_distinct_name(deeper, [record])


def test_what_a_run_left_undone_is_said_first(records):
    left = "Only 2 of 9 planes are deblurred, for the run was stopped."
    stopped = {**records["gaussian"], "stopped": True, "waited": 3.0, "warnings": (left,)}
    assert describe_outcome(stopped).startswith("Stopped after 3.0 s: the image after ")
    assert describe_outcome(stopped).split(" is kept. ")[1].startswith(left)
