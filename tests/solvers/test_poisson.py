"""The penalised Poisson likelihood: flux, units, limits, and independence of planes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import PoissonLikelihood, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._solvers import poisson, poisson_data, poisson_problem
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.registry import find_prior

PSF = gaussian_psf(1.5)
KNOWN = PoissonLikelihood(weight=1, gain=1.0, background=0)


def bead(shape=(48, 48), place=(20, 27), peak=2000.0, ground=5.0):
    """A point of light on a dim background, and its photons."""
    scene = np.full(shape, ground)
    scene[place] += peak
    return scene, photons_of(scene)


def photons_of(scene, seed=0, psf=PSF):
    blurred = np.maximum(convolve(scene, psf, boundary="reflect"), 0)
    return np.random.default_rng(seed).poisson(blurred).astype(np.float32)


def cells(*shape, photons=100, seed=3):
    random = np.random.default_rng(seed)
    places = np.indices(shape)
    scene = np.full(shape, 0.03)
    for _ in range(6):
        centre, radius = random.uniform(0, shape), random.uniform(3, 9, len(shape))
        distance = sum(((p - c) / r) ** 2 for p, c, r in zip(places, centre, radius))
        scene = np.maximum(scene, random.uniform(0.3, 1) * (distance < 1))
    return photons * scene


def beyond_bounds(method, **fields):
    """Make a method with values beyond the bounds of its fields, to test the solver with them."""
    for name, value in fields.items():
        object.__setattr__(method, name, value)
    return method


def apart(a, b):
    """Largest difference, as a part of the range."""
    return np.abs(a - b).max() / np.ptp(b)


@pytest.mark.parametrize("place", [(20, 27), (33, 12), (8, 8)])
@pytest.mark.parametrize("peak", [1000.0, 5000.0])
def test_a_single_bead_keeps_its_flux_and_its_place(place, peak):
    scene, image = bead(place=place, peak=peak)
    result = deconvolve(image, PSF, KNOWN).image
    near = tuple(slice(c - 4, c + 5) for c in place)
    # The flux is that of the photons, and nearly all of it lies at the bead.
    noise = 3 * np.sqrt(scene.sum())
    assert result[near].sum() == pytest.approx(scene[near].sum(), abs=noise)
    assert np.unravel_index(result.argmax(), result.shape) == place
    light = result[near] - np.median(result)
    for axis, centre in enumerate(np.indices(light.shape) - 4):
        shift = np.vdot(light, centre) / light.sum()
        assert abs(shift) < 5 * 1.5 / np.sqrt(peak), axis  # the precision of the photons
    if peak > 2000:
        assert result[place] > 0.4 * peak


def test_more_iterations_change_little():
    image = photons_of(cells(48, 48))
    result = deconvolve(image, PSF, KNOWN)
    longer = PoissonLikelihood(weight=1, gain=1.0, iterations=500, tolerance=0.0, background=0)
    assert result.converged
    assert 8 <= result.iterations < 100
    difference = result.image - deconvolve(image, PSF, longer).image
    assert np.sqrt(np.mean(difference**2)) < 0.02 * np.ptp(image)


def test_a_faint_bead_beside_a_bright_one():
    scene, _ = bead(place=(14, 14), peak=60_000.0, ground=2.0)
    scene[34, 30] += 600
    result = deconvolve(photons_of(scene), PSF, KNOWN).image
    near = (slice(29, 40), slice(25, 36))
    assert result[near].sum() == pytest.approx(scene[near].sum(), rel=0.2)
    assert np.unravel_index(result[near].argmax(), (11, 11)) == (5, 5)


@given(st.integers(-26, 17), st.sampled_from([0.0, 1.5]), st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_values_that_are_given_have_the_units_of_the_image(exponent, read_noise, seed):
    unit = 10.0**exponent
    image = photons_of(cells(24, 25), seed).astype(np.float64) + 3.0
    method = PoissonLikelihood(
        weight=1, gain=1.0, read_noise=read_noise, background=3.0, iterations=40
    )
    expected = deconvolve(image, PSF, method).image
    fields = {"gain": unit, "read_noise": read_noise * unit, "background": 3 * unit}
    scaled = beyond_bounds(PoissonLikelihood(weight=1, iterations=40, background=0), **fields)
    result = deconvolve(image * unit, PSF, scaled).image
    assert apart(result.astype(np.float64) / unit, expected) < 0.01


@pytest.mark.parametrize("level", [1e-30, 1.0, 1e17])
def test_pictures_without_noise_stay_finite(level):
    image = convolve(cells(32, 30), PSF) * level
    gain = max(level * 1e-9, PoissonLikelihood.bounds("gain")[0])
    method = PoissonLikelihood(weight=1, gain=gain, iterations=60, background=0)
    result = deconvolve(image, PSF, method).image / level
    assert np.isfinite(result).all()
    # The re-blurred result is the image.
    assert apart(convolve(result, PSF)[8:-8, 8:-8], image[8:-8, 8:-8] / level) < 0.02


def test_photons_are_counted_within_bounds():
    least, most = poisson_problem.PHOTON_LIMITS
    assert poisson_problem.photons_per_unit(1e-30, 1e-32) == pytest.approx(100)
    assert poisson_problem.photons_per_unit(1e300, 1e-300) == most
    assert poisson_problem.photons_per_unit(1.0, 0.0) == most
    assert poisson_problem.photons_per_unit(1e-300, 1e300) == least


@pytest.mark.parametrize("read_noise", [0.3, 1.6, 5.0])
def test_read_noise_leaves_the_dark_dark_and_the_flux_right(read_noise):
    scene = np.zeros((64, 64))
    scene[20, 27] = scene[41, 44] = 20_000
    noise = np.random.default_rng(1).normal(100, read_noise, scene.shape)
    method = PoissonLikelihood(weight=1, gain=1.0, background=100, read_noise=read_noise)
    result = deconvolve(photons_of(scene) + noise, PSF, method).image
    near = np.zeros(scene.shape, bool)
    for row, column in ((20, 27), (41, 44)):
        near[row - 6 : row + 7, column - 6 : column + 7] = True
        flux = result[row - 4 : row + 5, column - 4 : column + 5].sum()
        assert flux == pytest.approx(20_000, rel=0.02)
    assert result[~near].mean() < 0.65 * read_noise


def test_a_plane_does_not_depend_on_its_companions():
    planes = [photons_of(cells(32, 32)), bead((32, 32), (12, 17))[1], np.zeros((32, 32))]
    # All planes share the scale of intensities, and so the tolerance: all runs are equally long.
    method = replace(KNOWN, iterations=30, tolerance=0.0)
    together = deconvolve(np.stack(planes), PSF, method)
    assert np.isfinite(together.image).all()
    assert together.image[2].max() < 1e-3
    for plane, image in zip(together.image[:2], planes):
        assert apart(plane, deconvolve(image, PSF, method).image) < 0.01


@given(
    st.sampled_from([(11,), (6, 9), (5, 6, 8)]),
    st.sampled_from([0.0, 7.0, "random"]),
    st.sampled_from([0.0, 1e-3, 2.0, 1e6]),
    st.sampled_from([1e-6, 1.0, 1e6]),
    st.sampled_from(["unknown", "zero"]),
)
@settings(max_examples=8, deadline=None)
def test_results_are_finite_and_not_negative(shape, level, read_noise, gain, boundary):
    image = (
        np.random.default_rng(0).poisson(5, shape) if level == "random" else np.full(shape, level)
    )
    mask = np.zeros(shape, bool)
    mask[(slice(1, 3),) * len(shape)] = True
    method = PoissonLikelihood(
        weight=1, gain=gain, read_noise=read_noise, iterations=8, background=0
    )
    psf = gaussian_psf((0.8,) * len(shape), (3,) * len(shape))
    result = deconvolve(image, psf, method, mask=mask, boundary=boundary).image
    assert np.isfinite(result).all()
    assert result.min() >= 0


def test_volumes_do_not_fall_into_points():
    """More iterations do not change that: the weight regularises, not the early end of a run."""
    psf = gaussian_psf((1.2, 1.2, 1.2))
    truth = cells(20, 28, 28, photons=60)
    image = photons_of(truth, psf=psf)

    def error(iterations):
        method = PoissonLikelihood(
            weight=1, gain=1.0, iterations=iterations, tolerance=1e-6, background=0
        )
        return np.sqrt(np.mean((deconvolve(image, psf, method).image - truth) ** 2))

    assert error(150) < 1.1 * error(15)
    assert error(150) < 0.9 * np.sqrt(np.mean((image - truth) ** 2))


def constants(**fields):
    """Constants of which a test uses only some."""
    tf = tensorflow()
    values = dict.fromkeys(poisson_problem.Constants._fields)
    values |= {name: tf.constant(np.asarray(v, np.float32)) for name, v in fields.items()}
    return poisson_problem.Constants(**values)


@pytest.mark.parametrize("dark", [0.01, 30.0, 1e4])
def test_the_deviance_keeps_its_digits(dark):
    """With much read noise beside the light, and with small differences from the data."""
    model = np.random.default_rng(0).uniform(0.5, 1, (1, 1, 16, 16)).astype(np.float32)
    observed = model * np.float32(1 + 1e-3) + np.float32(1e-3)
    c = constants(observed=observed, scaled_data_weight=np.ones_like(model), dark=dark)
    loss = poisson_data.deviance(c, tensorflow().constant(model)).numpy().sum()
    m, y = model.astype(float) + dark, observed.astype(float) + dark
    excess = y / m - 1
    wanted = np.sum(m * (excess**2 / 2 - excess**3 / 6))
    assert loss == pytest.approx(wanted, rel=1e-3)


@given(
    st.floats(-3, 4), st.floats(-4, 2), st.sampled_from([0.0, 1e-4, 1.0, 30.0]), st.floats(-50, 50)
)
@settings(max_examples=100, deadline=None)
def test_the_photon_step_solves_its_equation(data_weight, dark, count, blurred):
    weight, dark = 10.0**data_weight, 10.0**dark
    c = constants(observed=count - dark, scaled_data_weight=weight, dark=dark)
    count = float(np.float32(count - dark)) + float(np.float32(dark))  # as float32 holds it
    light = poisson_data.poisson_prox(c, tensorflow().constant(np.float32(blurred))).numpy()
    lack = weight - dark - blurred
    root = 0.5 * (np.sqrt(lack**2 + 4 * weight * count) - lack)
    assert light == pytest.approx(root - dark, abs=2e-6 * (weight + dark + abs(blurred) + count))


def test_pixels_to_ignore_pull_nowhere():
    c = constants(observed=7, scaled_data_weight=0, dark=1)
    assert poisson_data.poisson_prox(c, tensorflow().constant(-3.0)).numpy() == -3


def test_a_run_ends_at_the_minimum():
    """The objective with the final thresholds is not lower at any point nearby."""
    tf = tensorflow()
    image = photons_of(cells(32, 32, photons=30))
    method = PoissonLikelihood(weight=1, gain=1.0, background=0)
    problem = PreparedRun.from_arguments(
        Arguments(image, PSF, method, boundary="periodic")
    ).build_problem([0])
    arrays, start = poisson_problem.build_constants(problem, method)
    c = poisson_problem.Constants(*map(tf.constant, arrays))
    prior = find_prior(method, problem.spacing)
    run, read_image, first_state = poisson._compile_solver(prior, False)
    state = [tf.Variable(s) for s in first_state(c, tf.constant(start))]
    losses = []
    for _ in range(8):
        found, done, _ = run(c, state, tf.constant(250), tf.constant(0.0), tf.ones(1, tf.bool))
        losses.extend(found.numpy()[: int(done), 0])
    scene = read_image(c, state).numpy().astype(np.float64)
    threshold = poisson.State.unpack(state).threshold.numpy().astype(np.float64)

    def objective(x):
        blurred = np.fft.irfft2(arrays.spectrum * np.fft.rfft2(x), x.shape[2:])
        model = np.maximum(blurred, 0) + arrays.dark
        y = arrays.observed.astype(np.float64) + arrays.dark
        misfit = arrays.scaled_data_weight * (model - y + y * np.log(np.maximum(y, 1e-30) / model))
        slopes = prior.apply(tf.constant(x))
        length = np.sqrt(sum(np.square(s.numpy()) for s in slopes))
        return float((arrays.penalty * (misfit + arrays.ratio * threshold * length)).sum())

    least = objective(scene)
    assert losses[-1] == pytest.approx(least, rel=2e-3)
    assert losses[-1] < 0.9 * losses[0]
    random = np.random.default_rng(0)
    sides = [0.01 * scene, -0.01 * scene, 0.1 * (start - scene)]
    sides += [0.003 * random.normal(size=scene.shape) for _ in range(5)]
    sides += [ndimage.gaussian_filter(side, (0, 0, 2, 2)) for side in sides[-5:]]
    for side in sides:
        assert objective(np.maximum(scene + side, 0)) > least * (1 - 1e-4)


def test_without_a_blur_or_a_prior_the_image_stays():
    image = photons_of(cells(32, 32)) + 20
    delta = np.zeros((3, 3), np.float32)
    delta[1, 1] = 1
    method = PoissonLikelihood(weight=0, gain=1.0, background=0)
    assert apart(deconvolve(image, delta, method).image, image) < 0.02
