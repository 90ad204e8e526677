"""Verdicts of results in pieces: those on PSF and weight come from the samples."""

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_tf_deblur import PoissonLikelihood, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.results import combine_verdicts
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._run import psf_width_fit
from napari_tf_deblur._run.judge import KIND_BY_PSF_EVIDENCE
from napari_tf_deblur._run.verdict import Verdict


def test_pieces_are_put_together():
    pieces = {"(0, 0)": "fits", "(0, 64)": "noise fitted", "(64, 0)": "fits"}
    found = combine_verdicts(pieces, Verdict("noise fitted", "untested"))
    assert (found.kind, found.psf, found.planes) == ("fits", "untested", 3)
    assert found.others == (("noise fitted", ("(0, 64)",)),)
    assert combine_verdicts({}, Verdict("unknown")) == Verdict("unknown")


@pytest.fixture(scope="module")
def half_empty():
    """An image whose right half is dark and shows noise only."""
    rng = np.random.default_rng(2)
    scene = np.zeros((192, 384), np.float32)
    scene[:, :170] = 200 * rng.random((192, 170)) ** 8
    psf = gaussian_psf(1.2)
    light = np.maximum(convolve(scene, psf), 0)
    return rng.poisson(light + 20).astype(np.float32), psf


@pytest.mark.parametrize(
    "evidence", ["not too wide", "untested", "too narrow", "short along z", "too wide"]
)
def test_pieces_say_of_psf_and_weight_what_their_image_said(half_empty, evidence, monkeypatch):
    image, psf = half_empty
    whole = deconvolve(image, psf, PoissonLikelihood(weight=0.5))
    shared = replace(whole.global_values, psf_evidence=evidence, weight_evidence="suits")
    recipe = PieceSolver(
        psf, replace(whole.calibration, global_values=shared), {}, None, False, None
    )
    monkeypatch.setattr(psf_width_fit, "fit_known_psf", None)  # is not looked for again
    gap = (slice(0, 0),) * 2
    verdicts = [
        deconvolve(part, psf, recipe.piece_arguments(part, None, gap).method).verdict
        for part in (image[:, :192], image[:, 192:])
    ]
    kinds = {"too wide": "PSF too wide"} | KIND_BY_PSF_EVIDENCE
    kind = kinds.get(evidence, "fits")
    assert verdicts[0].kind == kind
    assert verdicts[1].kind == ("PSF too wide" if evidence == "too wide" else "unknown")


def test_nothing_is_said_of_pieces_where_noise_is_shared(half_empty):
    image, psf = half_empty
    whole = deconvolve(image, psf, PoissonLikelihood(weight=0.5))
    shared = replace(whole.global_values, noise_is_shared=True)
    known = replace(whole.calibration, global_values=shared)
    assert deconvolve(image, psf, known).verdict.kind == "unknown"


def test_an_exact_psf_is_not_called_wrong_in_empty_pieces(half_empty, monkeypatch):
    from napari_tf_deblur._large import plan

    monkeypatch.setitem(plan.PIECE_SIZE_UNIT, 2, 64)
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 2, 64 * 64)
    image, psf = half_empty
    found = deconvolve(da.from_array(image, chunks=64), psf)
    shared = found.calibration.global_values
    assert isinstance(shared, GlobalValues)
    assert shared.psf_evidence not in ("too wide", "too narrow")
    pieces = deconvolve(image, psf, memory=4e-3)
    said = {pieces.verdict.kind, *(kind for kind, _ in pieces.verdict.others)}
    assert said.isdisjoint({"PSF too wide", "PSF too narrow"})
