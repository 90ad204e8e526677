"""A PSF that depends on a mounting medium that was not given is not said to fit."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from scipy.ndimage import gaussian_filter

from napari_tf_deblur import Specimen, convolve, gaussian_psf
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import GaussianPSF, MicroscopePSF
from napari_tf_deblur._layers.psf_kinds.focus_shift import (
    compare_widths,
    describe_focus,
    needs_medium,
)
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._run.verdict import SENTENCES, Verdict

OIL = Optics(1.4, 520.0, 1.515)


@pytest.mark.parametrize(
    ("aperture", "immersion", "expected"),
    [
        (0.3, 1.0, False),
        (0.75, 1.0, False),
        (0.95, 1.0, True),
        (1.2, 1.33, False),
        (1.3, 1.406, True),
        (1.25, 1.515, True),
        (1.4, 1.515, True),
    ],
)
def test_objectives_of_high_aperture_need_a_medium(aperture, immersion, expected):
    assert needs_medium(Optics(aperture, 520.0, immersion)) == expected


@pytest.mark.parametrize(
    ("specimen", "expected"),
    [
        (None, True),
        (Specimen(), True),
        (Specimen(depth=5000), True),
        (Specimen(refractive_index=1.33), True),  # the depth is missing
        (Specimen(refractive_index=1.33, depth=1000), False),
        (Specimen(refractive_index=1.515), False),
        (Specimen(refractive_index=1.51), False),  # it changes little at any depth
    ],
)
def test_medium_and_depth_are_needed_together(specimen, expected):
    assert needs_medium(replace(OIL, specimen=specimen)) == expected


def test_what_a_medium_changes_is_said_only_where_it_matters():
    (said,) = describe_focus(OIL)
    along, across = compare_widths(OIL)
    assert along > across > 1.1
    assert f"{along:.1f} times as long and {across:.1f} times as wide" in said
    assert describe_focus(Optics(0.75, 520.0)) == ()
    assert describe_focus(replace(OIL, specimen=Specimen(refractive_index=1.515))) == ()


@pytest.fixture(scope="module")
def image():
    scene = gaussian_filter(np.random.default_rng(3).normal(size=(128, 128)), 3)
    blurred = convolve(np.float32(50 + 500 * (scene > 0.05)), gaussian_psf(1.35))
    return np.random.default_rng(4).poisson(blurred.clip(0)).astype(np.float32)


@pytest.mark.parametrize("output", [False, True])
def test_a_result_fits_only_if_medium_and_depth_are_given(image, tmp_path, output):
    layer = Image(image, name="cells", scale=(65, 65), units=("nm", "nm"))
    source = read_source(layer)
    path = tmp_path / "cells.ome.zarr" if output else None

    def run(psf):
        return finish(Job(source, psf, "auto", output=path).steps())

    untold = run(MicroscopePSF(OIL, 2))
    assert untold.deconvolution.verdict.kind == "medium not given"
    assert untold.record["verdict"]["kind"] == "medium not given"
    assert untold.record["verdict"]["sentence"].startswith(SENTENCES["medium not given"])
    if output:
        return
    told = replace(OIL, specimen=Specimen(refractive_index=1.515))
    assert run(MicroscopePSF(told, 2)).deconvolution.verdict.kind == "fits"
    assert run(GaussianPSF((1.35, 1.35))).deconvolution.verdict.kind == "fits"


def test_only_what_fits_is_restricted():
    planes = (("fits", ("0",)), ("saturated", ("4",)))
    verdict = Verdict("noise fitted", "untested", 5, planes).without_medium()
    assert verdict.kind == "noise fitted"
    assert verdict.others == (("medium not given", ("0",)), ("saturated", ("4",)))
    assert verdict.without_medium() == verdict
    assert Verdict("fits", "seems soft").without_medium().psf == "seems soft"


@pytest.mark.parametrize("specimen", [None, Specimen(refractive_index=1.33, depth=5000)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_the_preview_shows_the_plane_in_focus(specimen, ndim):
    image = np.zeros((9, 64, 64), np.float32)
    layer = Image(image, scale=(200, 65, 65), units=("nm",) * 3, axis_labels=("z", "y", "x"))
    source = read_source(layer)
    psf = MicroscopePSF(replace(OIL, specimen=specimen), ndim)
    made, _ = psf.array(source)
    preview = psf.preview(source)
    plane = made[len(made) // 2] if ndim == 3 else made
    half = min(len(plane), len(preview)) // 2
    middles = [one[len(one) // 2 - half :][:, len(one) // 2 - half :] for one in (plane, preview)]
    cut = [one[: 2 * half + 1, : 2 * half + 1] / one.max() for one in middles]
    np.testing.assert_allclose(*cut, atol=2e-3)
