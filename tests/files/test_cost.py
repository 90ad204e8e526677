"""The estimates before a run: pieces, time and memory."""

import time

import dask.array as da
import pytest
from napari.layers import Image

from napari_tf_deblur import PoissonLikelihood, TotalVariation
from napari_tf_deblur._files import cost
from napari_tf_deblur._files.cost import describe_large_jobs, estimate_cost
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import estimate_job_plan
from napari_tf_deblur._layers.psf_kinds import GaussianPSF
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._preparation.layer_options import LayerOptions


def job(method="auto", size=4096, memory=1.9):
    """Make a job on an image that takes more than 1.9 GB at once."""
    image = da.zeros((size, size), chunks=1024, dtype="uint16")
    source = read_source(Image(image, contrast_limits=(0, 1), name="cells"))
    return Job(source, GaussianPSF((1.5, 1.5)), method, LayerOptions(memory=memory))


@pytest.fixture
def _slow_transforms(monkeypatch):
    """FFTs that wait for another program."""
    rfftn = cost.fft.rfftn

    def slow(*args, **options):
        time.sleep(0.3)
        return rfftn(*args, **options)

    monkeypatch.setattr(cost.fft, "rfftn", slow)
    cost._measure_pair_seconds.cache_clear()
    yield
    cost._measure_pair_seconds.cache_clear()


@pytest.mark.usefixtures("_slow_transforms")
def test_what_other_programs_take_of_a_core_does_not_count():
    assert cost._measure_pair_seconds((64, 64), one_core=True) < 0.1
    assert cost._measure_pair_seconds((64, 64)) > 0.3


@pytest.mark.parametrize("memory", [1.9, 4.0])
def test_workers_do_pieces_side_by_side_each_on_one_core(monkeypatch, memory):
    def pair(_scene, one_core=False):
        assert one_core
        return 1.0

    monkeypatch.setattr(cost, "_measure_pair_seconds", pair)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    asked = job(TotalVariation(iterations=10), 16384, memory)
    plan = estimate_job_plan(asked)
    assert plan.workers == {1.9: 1, 4.0: 2}[memory]
    pairs = 10 * cost.ITERATION_FFT_PAIRS[2]
    fixed = cost.START_SECONDS + cost.SAMPLE_SECONDS
    rounds = -(-len(plan.piece_grid) // plan.workers)
    assert estimate_cost(asked).seconds == pytest.approx(fixed + rounds * pairs)


def test_where_the_image_picks_the_method_its_pieces_are_those_of_photons():
    picked, photons, other = (
        len(estimate_job_plan(job(method)).piece_grid)
        for method in ("auto", PoissonLikelihood(), TotalVariation())
    )
    assert picked == photons > other
    assert f"in about {photons} pieces of " in describe_large_jobs([job()])
