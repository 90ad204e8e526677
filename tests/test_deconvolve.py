import threading
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from common import drain
from every_method import LOCAL, examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import (
    METHODS,
    GradientDescent,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.errors import InvalidValueError, OutOfMemoryError
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.problem import Iterate
from napari_tf_deblur._solvers import admm, loop, run

FAST = examples(
    TotalVariation(weight=5e-4),
    TotalVariation(weight=5e-4, nonnegative=True),
    Hessian(weight=3e-4),
    PoissonLikelihood(weight=1, gain=1e-4, background=0),
    RichardsonLucy(iterations=30, background=0),
    RichardsonLucy(iterations=30, background=0, accelerate=False),
    RichardsonLucy(iterations=30, background=0, tv_weight=0.002),
    Wiener(balance=0.01),
    GradientDescent(optimizer="lbfgs", data_term="gaussian", prior="tv", mu=1e-4, iterations=200),
)
ONE_EACH = [next(x for x in FAST if type(x) is method) for method in METHODS]
PSF = gaussian_psf(1.2)


def scene(*shape):
    """A scene of blobs and a box."""
    random = np.random.default_rng(3)
    image = ndimage.gaussian_filter(random.random(shape), 2)
    image = (image - image.min()) / np.ptp(image)
    image[tuple(slice(n // 3, n // 2) for n in shape)] += 0.7
    return image.astype(np.float32)


def psnr(image, truth):
    return 10 * np.log10(np.ptp(truth) ** 2 / np.mean((image - truth) ** 2))


@pytest.mark.parametrize(
    ("method", "boundary"),
    [
        *((method, "unknown") for method in FAST),
        *product(ONE_EACH, ["zero", "periodic"]),
    ],
    ids=repr,
)
def test_every_method_undoes_a_blur_with_every_boundary(method, boundary):
    psf = gaussian_psf((1.5, 1.0))
    # All cases have scenes of one shape, so that they share compiled code.
    truth = scene(*{"unknown": (80, 90), "zero": (60, 70), "periodic": (72, 80)}[boundary])
    if boundary == "unknown":
        blurred = convolve(truth, psf, boundary="periodic")[10:-10, 10:-10]
        truth = truth[10:-10, 10:-10]
    else:
        blurred = convolve(truth, psf, boundary=boundary)
    result = deconvolve(blurred, psf, method, boundary=boundary)
    assert result.image.dtype == np.float32
    assert np.isfinite(result.image).all()
    assert len(result.loss_history) == result.iterations
    assert result.method == method
    assert psnr(result.image, truth) > psnr(blurred, truth) + 3


@pytest.mark.parametrize("method", FAST, ids=repr)
def test_a_delta_psf_changes_next_to_nothing(method):
    truth = scene(39, 40)
    delta = np.zeros((3, 3))
    delta[1, 1] = 1
    result = deconvolve(truth, delta, method)
    assert psnr(result.image, truth) > 38


@pytest.mark.parametrize("method", FAST, ids=repr)
@given(
    shape=st.tuples(st.integers(31, 33), st.integers(31, 33)),
    sizes=st.tuples(st.integers(7, 8), st.integers(7, 8)),
    where=st.tuples(st.integers(13, 17), st.integers(13, 17)),
)
@settings(max_examples=3, deadline=None)
def test_a_bead_stays_where_it_was(method, shape, sizes, where):
    """The bead must not move, with an asymmetric PSF and odd and even sizes of PSF and image."""
    psf = np.zeros(sizes)
    psf[sizes[0] // 2, sizes[1] // 2] = 1.0
    psf = ndimage.gaussian_filter(psf, 1.0)
    psf += 0.3 * ndimage.shift(psf, (1.0, -1.0), order=1)
    bead = np.zeros(shape)
    bead[where] = 1
    bead = ndimage.gaussian_filter(bead, 1.0)
    result = deconvolve(convolve(bead, psf / psf.sum(), boundary="periodic"), psf, method)
    around = tuple(slice(w - 6, w + 7) for w in where)
    moved = np.subtract(ndimage.center_of_mass(result.image[around]), 6)
    assert np.abs(moved).max() < 0.02


@pytest.mark.parametrize("method", ONE_EACH, ids=repr)
def test_a_bead_stays_where_it_was_in_3d_and_1d(method):
    for sizes, psf_sizes in [((18, 21, 20), (5, 6, 7)), ((40,), (6,))]:
        psf = np.zeros(psf_sizes)
        psf[tuple(n // 2 for n in psf_sizes)] = 1
        psf = ndimage.gaussian_filter(psf, 0.8)
        bead = np.zeros(sizes)
        where = tuple(n // 2 for n in sizes)
        bead[where] = 1
        bead = ndimage.gaussian_filter(bead, 1.0)
        blurred = convolve(bead, psf / psf.sum(), boundary="periodic")
        result = deconvolve(blurred, psf, method)
        around = tuple(slice(w - 5, w + 6) for w in where)
        moved = np.subtract(ndimage.center_of_mass(result.image[around]), 5)
        assert np.abs(moved).max() < 0.02


@pytest.mark.parametrize("method", FAST, ids=repr)
def test_flux_is_kept(method):
    truth = np.pad(scene(20, 28), 20)
    blurred = convolve(truth, PSF)
    result = deconvolve(blurred, PSF, method)
    assert result.image.sum() == pytest.approx(truth.sum(), rel=2e-3)


def test_richardson_lucy_keeps_the_flux_of_what_it_saw_and_is_never_negative():
    """At the frame, too: the re-blurred flux in the frame is that of the image."""
    image = scene(40, 50)
    image[:, :3] = 2.0  # bright at the very edge
    for method in (
        RichardsonLucy(background=0, iterations=8),
        RichardsonLucy(background=0, iterations=8, accelerate=False),
    ):
        result = deconvolve(image, PSF, method)
        assert result.image.min() >= 0
        zero = deconvolve(image, PSF, method, boundary="periodic")
        assert zero.image.sum() == pytest.approx(image.sum(), rel=1e-4)


def test_photon_counts_are_never_negative_and_the_gain_is_found():
    truth = scene(96, 90) * 60
    counts = np.random.default_rng(0).poisson(convolve(truth, PSF, boundary="periodic"))
    result = deconvolve(
        7 * counts, PSF, PoissonLikelihood(weight=1, background=0), boundary="periodic"
    )
    assert result.method.gain == pytest.approx(7, rel=0.15)
    assert result.image.min() >= 0
    assert psnr(result.image / 7, truth) > psnr(counts, truth) + 4
    known = deconvolve(7 * counts, PSF, result.method, boundary="periodic")
    np.testing.assert_array_equal(known.image, result.image)


def test_photon_counts_with_an_offset_and_read_noise():
    """With both given, the result is as good as from the same counts without an offset."""
    random = np.random.default_rng(0)
    truth = scene(96, 90) * 60
    light = random.poisson(convolve(truth, PSF, boundary="periodic")) + random.normal(
        0, 3, (96, 90)
    )
    told = PoissonLikelihood(weight=1, gain=1, read_noise=3, background=100)
    result = deconvolve(light + 100, PSF, told, boundary="periodic")
    assert result.image.mean() == pytest.approx(truth.mean(), rel=0.01)
    untold = deconvolve(
        light + 100, PSF, PoissonLikelihood(weight=1, gain=1, background=0), boundary="periodic"
    )
    assert psnr(result.image, truth) > psnr(untold.image - 100, truth) + 0.2


def test_acceleration_saves_iterations():
    truth = scene(64, 64) * 200
    noisy = np.random.default_rng(0).poisson(convolve(truth, gaussian_psf(2))).astype(np.float32)
    psf = gaussian_psf(2)
    plain = deconvolve(noisy, psf, RichardsonLucy(background=0, iterations=100, accelerate=False))
    fast = deconvolve(noisy, psf, RichardsonLucy(background=0, iterations=30))
    assert fast.loss_history[-1] < plain.loss_history[-1]


def test_a_background_is_part_of_the_model_and_not_of_the_result():
    truth = scene(48, 48)
    blurred = convolve(truth, PSF, boundary="periodic")
    method = RichardsonLucy(background=5.0)
    result = deconvolve(blurred + 5, PSF, method, boundary="periodic")
    assert result.image.mean() == pytest.approx(truth.mean(), rel=1e-3)


def test_boolean_images_are_taken():
    picture = scene(30, 30) > 0.5
    result = deconvolve(picture, PSF)
    np.testing.assert_allclose(result.image, deconvolve(picture.astype(float), PSF).image)


def test_leading_axes_are_run_plane_by_plane():
    stack = np.stack([scene(32, 30), scene(32, 30)[::-1].copy()])[:, None]
    method = TotalVariation(weight=5e-4, iterations=40, tolerance=0)
    result = deconvolve(stack, PSF, method)
    assert result.image.shape == stack.shape
    for plane, source in zip(result.image[:, 0], stack[:, 0]):
        np.testing.assert_allclose(plane, deconvolve(source, PSF, method).image, atol=5e-3)


def test_batches_give_what_one_run_gives(monkeypatch):
    stack = np.random.default_rng(0).random((5, 20, 22)).astype(np.float32)
    method = TotalVariation(weight=5e-4, iterations=5, tolerance=0)
    at_once = deconvolve(stack, PSF, method)
    monkeypatch.setattr(memory, "BATCH_BYTES", 2 * 4 * 18 * 24 * 26)
    monkeypatch.setattr("napari_tf_deblur._solvers.run.REPORT_INTERVAL", 0)  # yield every step
    monkeypatch.setattr(loop, "FIRST_CALL_PIXELS", 0)
    steps, result = drain(iter_deconvolve(stack, PSF, method))
    np.testing.assert_allclose(result.image, at_once.image, atol=1e-5)
    np.testing.assert_allclose(result.loss_history, at_once.loss_history, rtol=1e-4)
    fractions = [step.fraction for step in steps]
    assert len(fractions) > 6
    assert fractions == sorted(fractions)
    assert 0.9 < fractions[-1] <= 1


def test_colour_is_coupled_and_transparency_copied():
    colour = np.stack([scene(36, 40), scene(36, 40) * 0.5, scene(36, 40)[::-1]], axis=-1)
    alpha = np.random.default_rng(1).random((36, 40, 1))
    blurred = convolve(colour, PSF, channel_axis=-1)
    rgb = deconvolve(blurred, PSF, channel_axis=-1)
    rgba = deconvolve(np.concatenate([blurred, alpha], -1), PSF, channel_axis=-1, alpha=True)
    np.testing.assert_allclose(rgba.image[..., :3], rgb.image, atol=1e-5)
    np.testing.assert_allclose(rgba.image[..., 3:], alpha, atol=1e-6)
    first = deconvolve(np.moveaxis(blurred, -1, 0), PSF, channel_axis=0)
    np.testing.assert_allclose(np.moveaxis(first.image, 0, -1), rgb.image, atol=1e-5)
    apart = deconvolve(np.moveaxis(blurred, -1, 0), PSF)
    assert np.abs(np.moveaxis(apart.image, 0, -1) - rgb.image).max() > 1e-3


def test_volumes_and_their_voxels():
    truth = scene(24, 27, 27)
    psf = gaussian_psf((2, 1, 1))
    blurred = convolve(truth, psf, boundary="periodic")
    for method in examples(
        TotalVariation(weight=5e-4),
        Hessian(weight=3e-4),
        PoissonLikelihood(weight=1, background=0),
        RichardsonLucy(15, background=0),
        of=LOCAL,
    ):
        result = deconvolve(blurred, psf, method, spacing=(3, 1, 1), boundary="periodic")
        assert psnr(result.image, truth) > psnr(blurred, truth) + 3
    even = deconvolve(blurred, psf, TotalVariation(weight=0.01), boundary="periodic")
    tall = deconvolve(
        blurred, psf, TotalVariation(weight=0.01), boundary="periodic", spacing=(3, 1, 1)
    )
    assert np.abs(even.image - tall.image).max() > 0.01


def test_the_frame_has_no_ringing():
    """The scene continues beyond the frame and is bright there; rim and inside are equally good."""
    truth = scene(120, 120)
    psf = gaussian_psf(2)
    blurred = convolve(truth, psf, boundary="periodic")[30:-30, 30:-30]
    truth = truth[30:-30, 30:-30]
    for method in (TotalVariation(weight=5e-4), RichardsonLucy(15, background=0), Wiener()):
        open_ended = deconvolve(blurred, psf, method)
        dark = deconvolve(blurred, psf, method, boundary="zero")
        rim = np.ones(truth.shape, bool)
        rim[4:-4, 4:-4] = False
        error = np.sqrt(np.mean((open_ended.image - truth)[rim] ** 2))
        assert error < 0.6 * np.sqrt(np.mean((dark.image - truth)[rim] ** 2))


@pytest.mark.parametrize("method", FAST, ids=repr)
def test_masked_pixels_do_not_count(method):
    truth = scene(72, 80)
    blurred = convolve(truth, PSF, boundary="periodic")
    broken = blurred.copy()
    mask = np.zeros(truth.shape, bool)
    mask[10, 10:14] = mask[30:32, 40] = True
    broken[mask] = [np.nan, np.inf, 1e6, -1e6, 5, 0]
    result = deconvolve(broken, PSF, method, mask=mask, boundary="periodic")
    whole = deconvolve(blurred, PSF, method, boundary="periodic")
    assert np.isfinite(result.image).all()
    assert psnr(result.image, truth) > psnr(whole.image, truth) - 2.5


def test_noise_that_grows_with_brightness_is_weighed():
    truth = scene(64, 64) ** 2 * 400 + 2
    psf = gaussian_psf(1.5)
    photons = np.random.default_rng(0).poisson(convolve(truth, psf, boundary="periodic"))
    even = deconvolve(3.0 * photons, psf, TotalVariation(weight=3e-3), boundary="periodic")
    weighed = deconvolve(
        3.0 * photons, psf, TotalVariation(weight=3e-3, gain=3.0), boundary="periodic"
    )
    dark = truth < 30
    error = [np.mean((r.image / 3 - truth)[dark] ** 2) for r in (weighed, even)]
    assert error[0] < error[1]


def test_a_users_own_prior():
    from napari_tf_deblur._solvers.load import tensorflow

    def energy(image):
        return tensorflow().reduce_sum(image**2)

    blurred = convolve(scene(24, 24), PSF)
    method = GradientDescent(optimizer="lbfgs", data_term="gaussian", prior=energy, iterations=50)
    weak, strong = (
        deconvolve(blurred, PSF, GradientDescent(**{**vars(method), "mu": mu})).image
        for mu in (1e-4, 10)
    )
    assert strong.std() < 0.5 * weak.std()


@pytest.mark.parametrize("method", METHODS)
def test_stopping_keeps_the_best_so_far(method):
    stop = threading.Event()
    source = convolve(scene(40, 40), PSF)
    options = {"iterations": 50_000} if hasattr(method, "iterations") else {}
    if hasattr(method, "tolerance"):
        options["tolerance"] = 0.0
    steps = iter_deconvolve(source, PSF, method(**options), stop=stop)
    first = next(steps)
    assert first.fraction == 0
    np.testing.assert_allclose(first.image(), source, atol=1e-5)
    stop.set()
    _, result = drain(steps)
    assert not result.converged
    assert result.iterations < 1000
    assert np.isfinite(result.image).all()
    assert result.warnings[0].kind == "stopped"


@pytest.mark.parametrize("method", [RichardsonLucy, TotalVariation])
def test_a_movie_that_was_stopped_is_on_one_scale(monkeypatch, method):
    """The first warning says which of its planes are not deblurred."""
    monkeypatch.setattr(memory, "plan_batch", lambda *_: (1, False))  # one plane after another
    monkeypatch.setattr(run, "REPORT_INTERVAL", 0.0)
    stop = threading.Event()
    light = 200 * convolve(scene(40, 40), PSF).clip(0)
    movie = 97.5 + np.random.default_rng(0).poisson(np.stack([light] * 4))
    offset = 97.5 if method is RichardsonLucy else 0.0
    options = {"background": offset} if offset else {"weight": 1e-3}
    steps = iter_deconvolve(movie, PSF, method(iterations=9, **options), stop=stop)
    while (step := next(steps)).fraction <= 0.25:  # the first of four planes
        pass
    expected = movie.sum(axis=(1, 2)) - offset * light.size
    np.testing.assert_allclose(step.image().sum(axis=(1, 2)), expected, rtol=0.02)
    stop.set()
    _, result = drain(steps)
    np.testing.assert_allclose(result.image.sum(axis=(1, 2)), expected, rtol=0.02)
    np.testing.assert_allclose(result.image[2:], movie[2:] - offset, atol=1e-3)
    said = "Only 2 of 4 planes are deblurred, because the run was stopped. Planes 2 to 3"
    assert result.warnings[0].startswith(said)
    assert ("the background of 97.5 is subtracted" in result.warnings[0]) == bool(offset)


def test_steps_come_at_most_ten_times_a_second():
    import time

    source = np.random.default_rng(0).random((32, 32))
    arrivals = []
    for step in iter_deconvolve(
        source, PSF, TotalVariation(weight=5e-4, iterations=400, tolerance=0)
    ):
        arrivals.append(time.perf_counter())
        assert step.image().shape == source.shape
        assert step.message
    assert min(np.diff(arrivals[2:]), default=1) > 0.09


def test_nothing_happens_before_the_first_step():
    steps = iter_deconvolve("not an image", "not a PSF")
    with pytest.raises(TypeError):
        next(steps)


IMAGE = np.ones((9, 9), np.float32)
NAN = IMAGE.copy()
NAN[2, 3] = np.nan


@pytest.mark.parametrize(
    ("image", "psf", "options", "error", "says"),
    [
        (NAN, PSF, {}, ValueError, "1 NaN or infinite"),
        (IMAGE * np.inf, PSF, {}, ValueError, "81 NaN or infinite"),
        (np.full((9, 9), 1e300), PSF, {}, ValueError, "infinite"),
        (NAN, PSF, {"mask": np.zeros((9, 9), bool)}, ValueError, "outside the mask"),
        (IMAGE, PSF, {"mask": np.ones((9, 9), bool)}, ValueError, "whole image"),
        (IMAGE, PSF, {"mask": np.ones((8, 9), bool)}, ValueError, "mask has the shape"),
        (IMAGE * 1j, PSF, {}, TypeError, "complex"),
        (np.full((9, 9), "a"), PSF, {}, TypeError, "real numbers"),
        (np.full((9, 9), None), PSF, {}, TypeError, "real numbers"),
        (np.ones((0, 9)), [[1]], {}, ValueError, "empty"),
        (np.ones((1, 1)), [[1]], {}, ValueError, "single pixel"),
        (IMAGE[0], PSF, {}, ValueError, "2 axes and the image has 1"),
        (IMAGE, -PSF, {}, ValueError, "positive sum"),
        (IMAGE, 0 * PSF, {}, ValueError, "positive sum"),
        (IMAGE, PSF * np.nan, {}, ValueError, "NaN"),
        (IMAGE, PSF, {"method": "tv"}, TypeError, "METHODS"),
        (IMAGE, PSF, {"boundary": "mirror"}, ValueError, "'mirror'"),
        (IMAGE, PSF, {"spacing": (1, 0)}, ValueError, "spacing"),
        (IMAGE, PSF, {"spacing": (1, 1, 1)}, ValueError, "2 voxel sizes"),
        (IMAGE, PSF, {"channel_axis": 5}, ValueError, "channel axis is 5"),
    ],
)
def test_bad_input_gives_one_clear_sentence(image, psf, options, error, says):
    with pytest.raises(error, match=says) as caught:
        deconvolve(image, psf[:9, :9] if psf is PSF else psf, **options)
    assert str(caught.value).endswith(".")


def test_constant_and_empty_looking_images():
    for value in (0, 7):
        result = deconvolve(np.full((16, 16), value), PSF)
        np.testing.assert_allclose(result.image, value, atol=1e-3)


def test_an_image_that_cannot_fit_is_refused(monkeypatch):
    class Memory:
        available = 2**20

    monkeypatch.setattr(memory.psutil, "virtual_memory", Memory)
    with pytest.raises(OutOfMemoryError, match=r"needs about .* GB") as caught:
        deconvolve(np.ones((512, 512)), PSF)
    assert isinstance(caught.value, ValueError | MemoryError)


def test_memory_that_runs_out_during_the_run(monkeypatch):
    from napari_tf_deblur._solvers.load import tensorflow

    def solve(_problem, _method):
        raise tensorflow().errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(admm, "solve", solve)
    with pytest.raises(OutOfMemoryError, match="memory ran out"):
        deconvolve(IMAGE, PSF[:9, :9], TotalVariation())


@pytest.mark.parametrize("where", ["image", "residual"])
@pytest.mark.parametrize("method", ONE_EACH, ids=repr)
def test_a_run_that_ends_in_no_numbers_is_refused_in_words(monkeypatch, method, where):
    """The check is made after all solvers, so it covers all methods."""

    def solve(problem, _method):
        scene = np.zeros((*problem.observed.shape[:2], *problem.grid.scene), np.float32)
        scene[(..., 0, 0) if where == "residual" else (..., *problem.grid.window)] = np.nan
        estimate = SimpleNamespace(scene=lambda: scene, computed_values=dict)
        yield Iterate(np.zeros((1, len(scene)), np.float32), 1.0, estimate, True)

    monkeypatch.setattr("napari_tf_deblur._solvers.run.find_solver", lambda _method: solve)
    with pytest.raises(InvalidValueError, match="infinite or not numbers") as caught:
        deconvolve(IMAGE, PSF[:9, :9], method)
    assert str(caught.value).endswith(f"{method.remedy}")


def test_steps_that_are_too_large_are_said_to_be():
    method = GradientDescent(data_term="gaussian", learning_rate=1e3)
    with pytest.raises(InvalidValueError, match="smaller learning rate"):
        deconvolve(scene(12, 12), gaussian_psf(1), method)


def test_large_steps_below_zero_do_not_end_in_no_numbers():
    image = np.random.default_rng(0).uniform(0, 10, (5, 3)).astype(np.float32)
    image[2, 1] = np.nan
    method = GradientDescent(optimizer="adam", learning_rate=1.0, data_term="poisson")
    result = deconvolve(image, gaussian_psf(1), method, mask=np.isnan(image))
    assert np.isfinite(result.image).all()
    assert result.loss_history[-1] < result.loss_history[0]


@pytest.mark.parametrize("peak", [1e-35, 3e38])
def test_what_single_precision_cannot_hold_is_refused(peak):
    with pytest.raises(InvalidValueError, match="multiply the image"):
        deconvolve(peak * np.eye(12), gaussian_psf(1))


def test_negative_values_and_richardson_lucy():
    result = deconvolve(scene(20, 20) - 0.5, PSF, RichardsonLucy(15, background=0))
    assert "below zero" in result.warnings[0]
