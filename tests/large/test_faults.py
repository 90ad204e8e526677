"""Faults in a run on a large image: finished pieces are kept, and messages describe the fault.

`benchmarks/faults.py` has the tests that take longer: processes killed at random, and 500 pieces.
"""

import gc
import json
import re
import resource
import signal
import time
from functools import partial
from itertools import count
from threading import Event

import dask.array as da
import numpy as np
import pytest

from napari_tf_deblur import TotalVariation, Wiener, deconvolve, gaussian_psf, iter_deconvolve
from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError, PiecesFailedError
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._large import plan, tasks
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image

PSF = gaussian_psf(1.0)

METHOD = TotalVariation(iterations=10, weight=3e-3)

PIECES = 6

pytestmark = [
    pytest.mark.usefixtures("small_pieces", "client"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),
]


@pytest.fixture(scope="module")
def lazy(spots):
    return da.from_array(spots, chunks=64)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.ome.zarr"


@pytest.fixture(scope="module")
def undisturbed(lazy, client, tmp_path_factory):
    """The pixels of a run without faults."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plan.PIECE_SIZE_UNIT, 2, 64)
        patch.setitem(plan.MAX_PIECE_PIXELS, 2, 64 * 64)
        result = run(lazy, tmp_path_factory.mktemp("undisturbed") / "a.ome.zarr")
    return np.asarray(result.image)


@pytest.fixture
def pieces_done(monkeypatch):
    """The numbers of the pieces that workers deblur, in order."""
    done = []
    solve = tasks.PieceTask.solve

    def noted(task):
        done.append(task.piece.number)
        return solve(task)

    monkeypatch.setattr(tasks.PieceTask, "solve", noted)
    return done


def run(image, path, psf=PSF, method=METHOD, **options):
    return deconvolve(image, psf, method, output=path, **options)


def run_until(image, path, is_there, stop=None, **options):
    """Run until a step meets a condition, and stop there; return the result."""
    stop = stop or Event()
    steps = iter_deconvolve(image, PSF, METHOD, output=path, stop=stop, **options)
    while True:
        try:
            if is_there(next(steps)):
                stop.set()
        except StopIteration as end:
            return end.value


def run_and(image, path, do):
    """Run, and call a function at each step with pieces."""
    for step in iter_deconvolve(image, PSF, METHOD, output=path):
        if step.stage == "pieces":
            do()


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found.image), expected)


def failing(image, broken, place=(1, 2)):
    """Return an image with one chunk that cannot be read while the event `broken` is set."""

    def block(values, block_info=None):
        if broken.is_set() and block_info[0]["chunk-location"] == place:
            raise OSError("the sector cannot be read.")
        return values

    return image.map_blocks(block, dtype=image.dtype)


def test_a_chunk_that_cannot_be_read_fails_its_pieces_only(lazy, path, pieces_done, tmp_path):
    lazy = da.concatenate([lazy, lazy[::-1]]).rechunk(64)  # 4 x 3 pieces
    undisturbed = run(lazy, tmp_path / "undisturbed.ome.zarr")
    broken = Event()
    image = failing(lazy, broken, (1, 1))
    with pytest.raises(PiecesFailedError) as raised:
        run_and(image, path, broken.set)
    words = str(raised.value)
    assert re.search(r"At \(\d+, \d+\), the image cannot be read there: the sector", words)
    failed = int(words.split(" of 12 pieces failed")[0])
    assert 0 < failed <= 9  # the last row does not read that chunk
    assert f"{12 - failed} are done and kept in {path}" in words
    broken.clear()
    pieces_done.clear()
    same(run(image, path), np.asarray(undisturbed.image))
    assert len(pieces_done) == failed


def test_samples_are_taken_elsewhere_where_a_chunk_cannot_be_read(path, monkeypatch):
    monkeypatch.setattr(plan, "MAX_PLANES_PIXELS", 1)
    rng = np.random.default_rng(0)
    image = da.from_array(rng.random((2, 40, 40)).astype(np.float32), chunks=(1, 40, 40))
    broken = Event()
    broken.set()
    with pytest.raises(PiecesFailedError, match=r"At \(1, 0, 0\), the image cannot be read"):
        run(failing(image, broken, (1, 0, 0)), path)
    broken.clear()
    result = run(failing(image, broken, (1, 0, 0)), path)
    assert "of 40 x 40 pixels at (0, 0, 0): those with most structure" in result.pieces
    assert "of 1 place. 1 more could not be read." in result.pieces
    assert np.isfinite(np.asarray(result.image)).all()


def test_an_image_of_which_nothing_can_be_read(lazy, path):
    broken = Event()
    broken.set()
    with pytest.raises(InvalidValueError, match="cannot be read: the sector"):
        run(failing(lazy[:64, :64], broken, (0, 0)), path)
    assert not path.exists()


def test_a_finished_run_is_returned_at_once(lazy, path, undisturbed, pieces_done):
    first = run(lazy, path)
    same(first, undisturbed)
    verdicts = open_image(path).read_verdicts()
    assert (len(verdicts), "(0, 64)" in verdicts) == (PIECES, True)
    open_image(path).set_verdicts({})  # as if the power had failed before they were kept
    pieces_done.clear()
    steps = list(iter_deconvolve(lazy, PSF, METHOD, output=path, scheduler="tcp://127.0.0.1:1"))
    assert {step.stage for step in steps} == {"looking for something to see"}
    again = run(lazy, path, memory=3)
    assert not pieces_done
    assert open_image(path).read_verdicts() == verdicts
    same(again, undisturbed)
    for name in ("verdict", "warnings", "pieces", "calibration", "blur", "converged", "iterations"):
        assert getattr(again, name) == getattr(first, name)
    np.testing.assert_array_equal(again.loss_history, first.loss_history)


def test_the_blur_that_was_found_is_kept(lazy, path):
    first = deconvolve(lazy, method=METHOD, output=path)
    again = deconvolve(lazy, method=METHOD, output=path)
    assert again.blur == first.blur is not None
    assert again.calibration.blur == first.calibration.blur
    np.testing.assert_array_equal(again.blur.curve, first.blur.curve)


@pytest.mark.parametrize("stage", ["looking for something to see", "deblurred by a worker"])
def test_stopped_before_the_first_piece(lazy, path, stage):
    began = time.monotonic()
    with pytest.raises(InvalidValueError, match="stopped before its first piece"):
        run_until(lazy, path, lambda step: step.stage == stage)
    assert time.monotonic() - began < 10  # no piece was waited for
    assert not path.exists()


def test_stopped_before_the_first_step(lazy, path):
    stop = Event()
    stop.set()
    with pytest.raises(InvalidValueError, match="stopped before its first piece"):
        finish(iter_deconvolve(lazy, PSF, METHOD, output=path, stop=stop))
    assert not path.exists()


def test_stopped_between_pieces_and_again(lazy, path, undisturbed, pieces_done, monkeypatch):
    stop, solve, numbers = Event(), PieceSolver.solve, count()

    def solve_once(*arguments):
        if next(numbers):
            assert stop.wait(20)
        return solve(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PieceSolver, "solve", solve_once)
        result = run_until(lazy, path, lambda step: step.pieces_done, stop)
    assert "of 6 pieces are deblurred, because the run was stopped" in result.warnings[0]
    assert result.warnings[0].kind == "stopped"
    done = len(Journal.for_image(path).read_entries())
    assert 0 < done < PIECES
    pieces_done.clear()
    same(run(lazy, path), undisturbed)
    assert len(pieces_done) <= PIECES - done


def test_a_run_that_nobody_pulls_on_any_more(lazy, path, undisturbed):
    steps = iter_deconvolve(lazy, PSF, METHOD, output=path)
    while next(steps).stage != "pieces":
        pass
    del steps
    gc.collect()
    same(run(lazy, path), undisturbed)


def test_entries_without_a_shard_or_damaged_do_not_count(lazy, path, undisturbed, pieces_done):
    run(lazy, path)
    journal = Journal.for_image(path)
    image = open_image(path)
    shards = [image._shard_files(0, part)[0] for part in image.shard_regions()]
    shards[0].unlink()
    damaged = bytearray(shards[1].read_bytes())
    damaged[len(damaged) // 2] ^= 255
    shards[1].write_bytes(damaged)
    journal.write_entry(2, {"verdict": "nonsense"})
    (path / ".napari-tf-deblur" / "3.json").write_text('{"verdict": "fi')
    (path / ".napari-tf-deblur" / "end.json").unlink()
    pieces_done.clear()
    same(run(lazy, path), undisturbed)
    assert sorted(pieces_done) == [0, 1, 2, 3]


def test_a_finished_result_of_which_a_shard_was_deleted(lazy, path, undisturbed, pieces_done):
    run(lazy, path)
    image = open_image(path)
    image._shard_files(0, image.shard_regions()[4])[0].unlink()
    pieces_done.clear()
    same(run(lazy, path), undisturbed)
    assert pieces_done == [4]


def test_ended_between_the_empty_image_and_its_journal(lazy, path, undisturbed, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "begin", killed)
        with pytest.raises(Killed):
            run(lazy, path)
    assert open_image(path).is_own_image
    same(run(lazy, path), undisturbed)


def test_a_result_without_a_journal_is_not_written_over(lazy, path, undisturbed):
    run(lazy, path)
    (path / ".napari-tf-deblur" / "run.json").unlink()
    with pytest.raises(FileInTheWayError, match="already holds a result"):
        run(lazy, path)
    np.testing.assert_array_equal(open_image(path).dask_levels()[0], undisturbed)


def test_notes_that_are_damaged(lazy, path):
    run(lazy, path)
    file = path / ".napari-tf-deblur" / "run.json"
    table = json.loads(file.read_text())
    del table["recipe"]["method"]
    file.write_text(json.dumps(table))
    with pytest.raises(FileInTheWayError, match="a run whose notes are damaged"):
        run(lazy, path)


def test_another_run_is_refused_and_named(lazy, spots, path, undisturbed):
    run(lazy, path)
    mask = np.zeros(lazy.shape, bool)
    mask[3, 4] = True
    brighter = spots + 1
    for what, change in {
        "other settings": {"method": TotalVariation(iterations=11, weight=3e-3)},
        "other settings ": {"smoothing": 2},
        "other settings  ": {"spacing": (1, 2)},
        "another PSF": {"psf": gaussian_psf(1.1)},
        "another mask": {"mask": mask},
        "another image": {"image": da.from_array(brighter, chunks=64)},
    }.items():
        asked = {"image": lazy, **change}
        with pytest.raises(FileInTheWayError, match=rf"holds a result of {what.strip()}\. Choose"):
            run(path=path, **asked)
    np.testing.assert_array_equal(open_image(path).dask_levels()[0], undisturbed)


def test_the_same_is_the_same_however_it_is_given(lazy, spots, path, pieces_done):
    mask = np.zeros(lazy.shape, bool)
    mask[3, 4] = True
    run(lazy, path, spacing=(1, 1), mask=mask)
    pieces_done.clear()
    stop = Event()
    run(spots, path, PSF.tolist(), spacing=[1.0, 1.0], mask=mask.astype(int))
    finish(iter_deconvolve(lazy, PSF, METHOD, output=path, spacing=(1, 1), mask=mask, stop=stop))
    assert not pieces_done
    mask[3, 5] = True
    with pytest.raises(FileInTheWayError, match="another mask"):
        run(lazy, path, spacing=(1, 1), mask=mask)


def test_a_calibration_in_place_of_a_method(lazy, spots, path, pieces_done):
    found = run(lazy, path)
    second = path.with_name("b.ome.zarr")
    run(lazy, second, method=found.calibration)
    pieces_done.clear()
    run(lazy, second, method=run(lazy, path).calibration)
    assert not pieces_done


def test_a_lazy_mask_that_has_changed(lazy, path):
    mask = np.zeros(lazy.shape, bool)
    run(lazy, path, mask=da.from_array(mask, chunks=50))
    run(lazy, path, mask=da.from_array(mask, chunks=50))
    mask[-1, -1] = True
    with pytest.raises(FileInTheWayError, match="another mask"):
        run(lazy, path, mask=da.from_array(mask, chunks=50))


def test_a_file_that_has_no_room(lazy, path, undisturbed):
    """The limit on the size of files stands for a full disk: a shard has more than 8 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    little = (8_000, limits[1])
    try:
        with pytest.raises(PiecesFailedError, match=r"At \(.*\), the disk is full") as raised:
            run_and(lazy, path, partial(resource.setrlimit, resource.RLIMIT_FSIZE, little))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert "Start the same run again to continue" in str(raised.value)
    same(run(lazy, path), undisturbed)


def test_no_room_for_the_empty_image(lazy, path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "begin", full)
        with pytest.raises(PiecesFailedError, match=r"The disk is full, and .* cannot be written"):
            run(lazy, path)
    run(lazy, path)


def test_a_piece_that_takes_too_much_memory_is_done_in_parts(lazy, path, tmp_path, monkeypatch):
    method = Wiener(balance=0.01)  # takes least time to compile, for parts of many sizes
    undisturbed = np.asarray(run(lazy, tmp_path / "undisturbed.ome.zarr", method=method).image)
    solve = PieceSolver.solve

    def scarce(recipe, pixels, mask, where):
        if pixels.shape[0] * pixels.shape[1] > 70 * 70:
            raise MemoryError
        return solve(recipe, pixels, mask, where)

    monkeypatch.setattr(PieceSolver, "solve", scarce)
    result = run(lazy, path, method=method)
    assert result.warnings[0] == "6 pieces took too much memory and were done in smaller parts."
    assert np.abs(np.asarray(result.image) - undisturbed).max() < 0.03 * np.ptp(undisturbed)


def test_a_piece_that_takes_too_much_memory_however_small(lazy, path, monkeypatch):
    def scarce(*_):
        raise MemoryError

    monkeypatch.setattr(PieceSolver, "solve", scarce)
    with pytest.raises(PiecesFailedError, match=r"At \(0, 0\), there is not enough memory"):
        run(lazy, path)
