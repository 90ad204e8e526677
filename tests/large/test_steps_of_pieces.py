"""Steps of a run in pieces can be pickled; for an image in a file, they hold only its path."""

import pickle
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_tf_deblur import RichardsonLucy, TotalVariation, gaussian_psf
from napari_tf_deblur._large import plan
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.run import solve_in_pieces
from napari_tf_deblur._large.sample_calibration import build_sample_arguments, sample_image
from napari_tf_deblur._large.written_image import WrittenImage
from napari_tf_deblur._preparation.arguments import (
    WHOLE,
    Arguments,
    CalibrationArguments,
    ImagePart,
    PartArguments,
)
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._solvers import run as solver_run

PSF = gaussian_psf(1.0)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setitem(plan.PIECE_SIZE_UNIT, 2, 64)
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 2, 64 * 64)


def levels(image):
    return [np.asarray(level) for level in (image if isinstance(image, list) else [image])]


@pytest.mark.parametrize("written", [False, True], ids=["in memory", "in a file"])
def test_every_step_of_a_run_in_pieces_can_cross_a_process(
    spots, small_pieces, tmp_path, monkeypatch, written
):
    image = np.maximum(spots, 0)[:96, :100]
    method, options = TotalVariation(iterations=4, weight=3e-3), {}
    if written:
        options = {"output": tmp_path / "a.ome.zarr"}
        image = da.from_array(image)
    monkeypatch.setattr(solver_run, "REPORT_INTERVAL", 0.0)
    stages, done = [], []
    for step in solve_in_pieces(Arguments(image, PSF, method, **options)):
        sent = pickle.dumps(step.image_source)
        again = pickle.loads(pickle.dumps(step))
        assert (again.stage, again.message) == (step.stage, step.message)
        if step.stage == "pieces":
            done.append(again.pieces_done)
            if written:
                assert len(sent) < 1000  # the place of the file
                assert isinstance(again.image_source, WrittenImage)
                assert [one.shape for one in again.image()] == [one.shape for one in step.image()]
            else:
                for one, other in zip(levels(again.image()), levels(step.image()), strict=True):
                    np.testing.assert_array_equal(one, other)
        stages.append(step.stage)
    assert stages[0] == "looking for something to see"
    assert stages[-1] == "pieces"
    assert done == sorted(done)
    assert ("giving out pieces" in stages) == written


def test_the_part_of_an_image_is_a_field_that_is_kept(spots):
    image = np.maximum(spots, 0)[:64, :64]
    gap = (slice(60, 64), slice(64, 64))
    method = RichardsonLucy(iterations=2)
    piece = PartArguments(image, PSF, method, part=ImagePart(gap=gap))
    assert replace(piece, method=TotalVariation()).part.gap == gap
    assert PreparedRun.from_arguments(piece).gap == gap
    assert CalibrationArguments(image, PSF).part == Arguments(image, PSF).part == WHOLE
    large = LargeImage(np.tile(image, (20, 20)), None, None)
    asked = build_sample_arguments(
        Arguments(large.data, PSF, method), large, sample_image(piece, large)
    )
    assert asked.part.are_samples
    assert PreparedRun.from_arguments(asked).are_samples
    assert not PreparedRun.from_arguments(Arguments(image, PSF, method)).are_samples
