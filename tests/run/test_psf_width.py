"""What a spectrum says of the width of a PSF, and on what that must not depend."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import (
    PoissonLikelihood,
    TotalVariation,
    Wiener,
    convolve,
    deconvolve,
    disc_psf,
    gaussian_psf,
    motion_psf,
)
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.prediction_error import RiskDifference
from napari_tf_deblur._run.psf_width import SOFTENING_BIAS, UNKNOWN_WIDTH, PSFWidthTest
from napari_tf_deblur._run.psf_width_fit import fit_psf_width
from napari_tf_deblur._run.trial_region import mask_near_saturated


def scene(shape, seed=0):
    """Return noise whose amplitudes fall with frequency, like those of photographs."""
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
    white = np.fft.fftn(np.random.default_rng(seed).normal(size=shape))
    values = np.fft.ifftn(white / np.maximum(frequency, 1 / max(shape)) ** 1.1).real
    return 40 + 200 * (values - values.min()) / np.ptp(values)


def observed(psf, shape=(144, 160), noise=0.5):
    blurred = convolve(scene(shape), psf, boundary="periodic")
    return blurred + np.random.default_rng(1).normal(0, noise, shape)


def width(image, psf, **options):
    return fit_psf_width(PreparedRun.from_arguments(Arguments(image, psf, Wiener(1.0), **options)))


PSF_OF_NOISE = gaussian_psf(1.6)


def line(length):
    return np.eye(length, dtype=np.float32) / length


def rational(scale, size=31):
    rows, columns = np.mgrid[-size // 2 + 1 : size // 2 + 1, -size // 2 + 1 : size // 2 + 1]
    psf = 1 / (1 + (rows**2 + columns**2) / scale**2) ** 2
    return (psf / psf.sum()).astype(np.float32)


@pytest.mark.parametrize(
    ("psf", "shape"),
    [
        (lambda times: gaussian_psf(1.6 * times), (144, 160)),
        (lambda times: gaussian_psf((3.0 * times, 1.2 * times)), (144, 160)),
        (lambda times: gaussian_psf((1.5 * times, times, times)), (32, 48, 56)),
        (lambda times: gaussian_psf((2.0 * times,)), (600,)),
        (lambda times: rational(2.0 * times), (144, 160)),
        (lambda times: line(round(9 * times)), (144, 160)),
    ],
    ids=["round", "elongated", "volume", "trace", "tails", "motion"],
)
def test_a_psf_is_likeliest_at_its_own_width(psf, shape):
    """This holds for any shape: a PSF of the right width is told from wider and narrower ones."""
    image = observed(psf(1.0), shape)
    right, wide, narrow = (width(image, psf(times)) for times in (1.0, 1.25, 0.8))
    assert max(right.narrower_log_odds, right.wider_log_odds) < 1.5
    assert wide.narrower_log_odds > max(right.narrower_log_odds, wide.wider_log_odds)
    assert narrow.wider_log_odds > max(right.wider_log_odds, narrow.narrower_log_odds)


@pytest.mark.parametrize(
    "psf",
    [
        lambda times: gaussian_psf(1.5 * times),
        lambda times: disc_psf(3.0 * times),
        lambda times: motion_psf(8.0 * times, 25.0),
        lambda times: rational(1.5 * times),
    ],
    ids=["Gaussian", "disc", "motion", "tails"],
)
def test_a_psf_far_from_right_is_as_clear(psf):
    """If a disc or a line is twice too wide, one of half the width is likelier, not one of 0.8."""
    image = observed(psf(1.0))
    twice, right = width(image, psf(2.0)), width(image, psf(1.0))
    assert twice.evidence(RiskDifference(0.0, 0.01)) == "too wide"
    assert right.narrower_factor == 0.8
    assert right.evidence(RiskDifference(0.0, 0.01)) != "too wide"
    assert not right.seems_soft


def test_trials_are_asked_of_what_the_spectrum_leaves_open():
    found = partial(PSFWidthTest, equivalent_sigma=1.6)
    assert not found(narrower_log_odds=-9.0, wider_log_odds=-12.0).should_try_narrower
    assert (
        found(narrower_log_odds=-9.0, wider_log_odds=-12.0).evidence(RiskDifference(0.2, 0.01))
        == "untested"
    )
    assert found(narrower_log_odds=-5.0, wider_log_odds=-9.0).should_try_narrower
    assert not found(
        narrower_log_odds=-5.0, wider_log_odds=-9.0, slope=0.5
    ).should_try_narrower  # thin structures
    assert found(narrower_log_odds=-1.0, wider_log_odds=-9.0).should_try_narrower
    assert (
        found(narrower_log_odds=-1.0, wider_log_odds=-9.0).evidence(RiskDifference(0.2, 0.01))
        == "too wide"
    )
    assert found(narrower_log_odds=9.0, wider_log_odds=-9.0).should_try_narrower


def test_evidence_needs_spectrum_and_trials_together():
    image = observed(gaussian_psf(1.6))
    right, wide, narrow = (width(image, gaussian_psf(1.6 * f)) for f in (1, 1.25, 0.8))
    worse, alike, better = (RiskDifference(gain, 0.01) for gain in (-0.1, 0.0, 0.1))
    assert right.evidence(worse) == "not too wide"
    assert right.evidence(alike) == "untested"
    assert wide.evidence(alike) == wide.evidence() == "too wide"
    assert narrow.evidence(worse) == "seems soft"
    assert narrow.evidence(worse, better) == "too narrow"
    assert PSFWidthTest().evidence() == PSFWidthTest().evidence(alike) == "untested"


def test_chance_is_no_evidence():
    told = PSFWidthTest(narrower_log_odds=0.5, wider_log_odds=-3.0, equivalent_sigma=2.0)
    assert told.evidence(RiskDifference(0.05, 0.01)) == "too wide"
    assert told.evidence(RiskDifference(0.05, 0.03)) == "untested"


def test_of_points_trials_say_little():
    """A narrower PSF undoes the smoothing of points by the prior."""
    said = RiskDifference(0.06, 0.01)
    assert PSFWidthTest(-0.5, -9.0, 2.0, trials_are_biased=True).evidence(said) == "untested"
    assert PSFWidthTest(-0.5, -9.0, 2.0, trials_are_biased=False).evidence(said) == "too wide"


@pytest.mark.parametrize(("log_odds", "z_score"), [(0.6, 6.0), (-1.7, 6.8)])
def test_trials_on_noisy_images_say_less(log_odds, z_score):
    """What was measured with exact PSFs and 100 photons."""
    said, more = RiskDifference(z_score, 1.0), RiskDifference(z_score + 3, 1.0)
    told = PSFWidthTest(log_odds, -9.0, 2.0)
    assert told.evidence(said) == "too wide"
    assert replace(told, is_noisy=True).evidence(said) == "untested"
    assert replace(told, is_noisy=True).evidence(more) == "too wide"
    agreeing = replace(told, narrower_log_odds=3.0, is_noisy=True)
    assert agreeing.evidence(RiskDifference(1.6, 1.0)) == "too wide"


@pytest.mark.parametrize(("photons", "noisy"), [(50, True), (2000, False)])
@pytest.mark.parametrize("unit", [1.0, 1e-4, 300.0])
def test_an_image_of_few_photons_is_noisy_in_any_unit(photons, noisy, unit):
    light = convolve(scene((96, 96)), PSF_OF_NOISE) * photons / 240
    image = unit * np.random.default_rng(0).poisson(light)
    assert width(image, PSF_OF_NOISE).is_noisy is noisy


@pytest.mark.parametrize(("log_odds", "z_score"), [(3.1, 2.2), (3.0, 4.9), (-2.5, 3.7), (-3.4, 6)])
def test_a_method_that_softens_edges_does_not_make_an_exact_psf_too_wide(log_odds, z_score):
    """What was measured with `Hessian` and exact PSFs."""
    narrower = RiskDifference(z_score, 1.0)
    biased = PSFWidthTest(log_odds, -9.0, 1.8, trials_are_biased=True, trial_bias=SOFTENING_BIAS)
    assert biased.evidence(narrower) != "too wide"
    sure = replace(biased, narrower_log_odds=log_odds + 5)
    assert sure.evidence(RiskDifference(z_score + 5, 1.0)) == "too wide"


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(lambda x: 1e-20 * x, id="small unit"),
        pytest.param(lambda x: 1e15 * x, id="large unit"),
        pytest.param(lambda x: x + 1e4, id="offset"),
        pytest.param(lambda x: x[::-1], id="mirror"),
        pytest.param(lambda x: x.T, id="transpose"),
        pytest.param(lambda x: np.stack([x, x]), id="stack"),
    ],
)
def test_unit_offset_and_direction_do_not_matter(turn):
    psf, image = gaussian_psf(2.0), observed(gaussian_psf(1.6))
    before, after = width(image, psf), width(turn(image), psf)
    assert after.narrower_log_odds == pytest.approx(before.narrower_log_odds, rel=0.02, abs=0.1)


def test_ignored_and_saturated_pixels_do_not_matter():
    psf, image = gaussian_psf(1.6), observed(gaussian_psf(1.6))
    before = width(image, psf)
    mask = np.zeros(image.shape, bool)
    mask[20:26, 30:38] = True
    image[mask] = 1e6
    for after in (width(image, psf, mask=mask), width(image, psf)):
        assert after.narrower_log_odds == pytest.approx(before.narrower_log_odds, rel=0.3)
        assert after.wider_log_odds == pytest.approx(before.wider_log_odds, rel=0.3)


@pytest.mark.parametrize("part", [0.003, 0.02, 0.1, 0.4])
@pytest.mark.parametrize("offset", [0.0, -300.0])
@pytest.mark.parametrize("psf", [gaussian_psf(1.2), gaussian_psf(2.0), disc_psf(2.5)])
def test_where_areas_are_saturated_an_exact_psf_is_not_too_wide(part, offset, psf):
    image = observed(psf, (224, 240), noise=2) + offset
    found = width(np.minimum(image, np.quantile(image, 1 - part)), psf)
    assert found.evidence() != "too wide"
    if part > 0.1:  # the spectrum is not asked, trials are
        assert found.narrower_log_odds == found.wider_log_odds == 0
        assert found.should_try_narrower
        assert found.evidence(RiskDifference(0.1, 0.01)) == "too wide"


@pytest.mark.parametrize(("radius", "reach"), [(1.6, 1), (1.7, 2), (2.6, 2), (2.7, 3)])
def test_pixels_with_a_tenth_of_the_light_of_a_saturated_one_are_not_compared(radius, reach):
    """The rim of the disc covers its last pixels in part: by 7, 18, 8 and 18 %."""
    saturated = np.zeros((1, 1, 9, 9), bool)
    saturated[0, 0, 4, 4] = True
    compared = mask_near_saturated(saturated, None, disc_psf(radius))
    assert compared is not None
    assert np.flatnonzero(~compared[0, 0, 4]).tolist() == [*range(4 - reach, 5 + reach)]


@pytest.mark.parametrize("image", [np.full((64, 64), 3.0), scene((16, 16))])
def test_nothing_is_said_of_flat_and_of_small_images(image):
    assert width(image, gaussian_psf(1.5)) == UNKNOWN_WIDTH


def test_what_the_method_is_does_not_matter():
    psf, image = gaussian_psf(1.6), observed(gaussian_psf(1.6))
    prepared = PreparedRun.from_arguments(Arguments(image, psf, PoissonLikelihood(weight=1.0)))
    assert fit_psf_width(prepared).narrower_log_odds == pytest.approx(
        width(image, psf).narrower_log_odds, abs=0.05
    )


def test_beside_fine_psfs_the_softness_of_scenes_counts():
    """The lens and pixels of a camera blur as much, so trials must agree with the spectrum."""
    against = RiskDifference(gain=-1.0, error=1.0)
    fine, coarse = (
        PSFWidthTest(narrower_log_odds=-40.0, wider_log_odds=-900.0, equivalent_sigma=blurs)
        for blurs in (0.8, 1.6)
    )
    assert coarse.evidence() == fine.evidence(against) == coarse.evidence(against) == "not too wide"
    assert fine.evidence() == fine.evidence(RiskDifference(gain=1.0, error=1.0)) == "untested"
    assert fine.should_try_narrower
    assert not coarse.should_try_narrower
    assert fine.evidence(RiskDifference(gain=3.5, error=1.0)) == "too wide"


@pytest.mark.parametrize("kind", [gaussian_psf, disc_psf])
def test_a_psf_of_half_the_width_is_not_too_wide(kind):
    found = width(observed(kind(3.0), (224, 240), noise=2.0), kind(1.5))
    assert found.wider_log_odds > max(found.narrower_log_odds, 0)


def threads(shape, count, seed):
    """Return winding curves, about 1.5 pixels wide, on a dark background."""
    random = np.random.default_rng(seed)
    values = np.zeros(shape)
    for _ in range(count):
        angles = random.uniform(0, 2 * np.pi) + np.cumsum(0.1 * random.normal(size=500))
        steps = 0.5 * np.stack([np.sin(angles), np.cos(angles)])
        path = random.uniform(0, shape)[:, None] + np.cumsum(steps, 1)
        values[tuple((path % np.array(shape)[:, None]).astype(int))] = random.uniform(0.2, 1)
    values = ndimage.gaussian_filter(values, 0.75, mode="wrap")
    return values / values.max()


@pytest.mark.finds_weight
@pytest.mark.parametrize("radius", [1.5, 1.8, 2.0])
def test_an_exact_disc_is_not_too_wide_for_threads(radius):
    """Trials favour a narrower disc by several standard errors; zeros of the spectrum do not."""
    psf = disc_psf(radius)
    light = convolve(threads((220, 220), 20, seed=1), psf, boundary="reflect")
    image = np.random.default_rng(1).poisson(400 * np.maximum(light, 0) + 4)
    done = deconvolve(image, psf, TotalVariation())
    assert done.calibration.psf_width == 1
    assert done.verdict.kind == "fits"


@pytest.mark.parametrize("turn", [lambda x: x, lambda x: x[::-1], lambda x: x[:, :, ::-1]])
def test_a_psf_that_is_too_short_along_z_is_told(turn):
    """An exact PSF is not, and neither is one of which only the width across is wrong."""
    volume = observed(gaussian_psf((3.2, 1.2, 1.2)), (40, 56, 56))
    short = width(turn(volume), gaussian_psf((1.6, 1.2, 1.2)))
    exact = width(turn(volume), gaussian_psf((3.2, 1.2, 1.2)))
    narrow = width(turn(volume), gaussian_psf((3.2, 0.9, 0.9)))
    assert short.evidence() == "short along z"
    assert exact.evidence() != "short along z"
    assert narrow.evidence() != "short along z"
    assert width(volume[20], gaussian_psf(1.0)).longer_log_odds == 0
