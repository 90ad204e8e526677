"""PSFs from pictures of beads, and theoretical PSFs that are used unchanged."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import (
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
    measured_psf,
    microscope_psf,
)
from napari_tf_deblur._beads.ready_psf import is_ready_psf
from napari_tf_deblur._core.psf_centre import light_centre

few = settings(max_examples=12, deadline=None)


def beads(shape, centres, sigma, peaks=1000.0, ground=100.0):
    """Picture of Gaussian beads without noise."""
    picture = np.full(shape, float(ground))
    widths = np.broadcast_to(sigma, len(shape))
    for centre, peak in zip(centres, np.broadcast_to(peaks, len(centres))):
        exponent = sum(
            ((x - c) / s) ** 2 for x, c, s in zip(np.indices(shape), centre, widths, strict=True)
        )
        picture += peak * np.exp(-exponent / 2)
    return picture


def noisy(picture, noise, seed=0):
    return picture + np.random.default_rng(seed).normal(0, noise, picture.shape)


def middle_of(psf):
    return [n // 2 for n in psf.shape]


def widths_of(psf):
    """Root of the second moment about the middle, per axis."""
    places = [x - m for x, m in zip(np.indices(psf.shape), middle_of(psf))]
    return [float(np.sqrt((psf * place**2).sum())) for place in places]


def check_bead(psf, sigma, centred=0.1, wide=0.1):
    """Check sum, size, centre, width, and that the light lies within 4 sigma."""
    sigma = np.broadcast_to(sigma, psf.ndim)
    assert psf.dtype == np.float32
    assert all(n % 2 for n in psf.shape)
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert psf.min() >= 0
    assert np.abs(ndimage.center_of_mass(psf) - np.array(middle_of(psf))).max() < centred
    np.testing.assert_allclose(widths_of(psf), sigma, rtol=wide)
    square = sum(
        ((x - m) / s) ** 2 for x, m, s in zip(np.indices(psf.shape), middle_of(psf), sigma)
    )
    assert psf[square <= 16].sum() > 0.97


@st.composite
def scenes(draw):
    """A bead at any place of a frame of 1 to 3 axes: shape, centre, sigma, peak over noise."""
    ndim = draw(st.integers(1, 3))
    sigma = [draw(st.floats(0.8, 2.6)) for _ in range(ndim)]
    # A line has few dark pixels to tell noise by, unless it is long.
    room = [int(np.ceil((8 if ndim > 1 else 20) * s)) for s in sigma]
    shape = [n + 4 + draw(st.integers(0, 40 if ndim < 3 else 8)) for n in room]
    centre = [draw(st.floats(4 * s, n - 1 - 4 * s)) for s, n in zip(sigma, shape)]
    signal = draw(st.sampled_from([20, 60, 300, 4000]))
    return tuple(shape), centre, sigma, signal, draw(st.integers(0, 1000))


@few
@given(scenes())
@example(((40,), [4.0], [1.0], 300, 1))  # its light at one end is no slope of the background
def test_a_noisy_bead_is_found_and_centred_wherever_it_lies(scene):
    shape, centre, sigma, signal, seed = scene
    picture = noisy(beads(shape, [centre], sigma, peaks=signal), 1.0, seed)
    psf, notes = measured_psf(picture)
    # One line of pixels tells less about a bead than a plane or a volume.
    check_bead(psf, sigma, wide=0.15 if len(shape) == 1 and signal < 50 else 0.08)
    assert notes[0] == "1 bead used"


@pytest.mark.parametrize("ground", [0.05, 0.4, 2])
def test_few_photons(ground):
    clean = beads((60, 60), [(30.3, 29.2)], 2.0, peaks=80, ground=ground)
    psf, notes = measured_psf(np.random.default_rng(21).poisson(clean).astype(np.uint16))
    check_bead(psf, 2.0, wide=0.1)
    assert notes[0] == "1 bead used"


def least_width_error(picture, centre, sigma, ground):
    """Least relative standard error that an unbiased estimate of sigma has (Cramer-Rao bound).

    The picture is a Gaussian bead without noise, and its noise is that of photons. Its peak, its
    place and its background are not known either.
    """
    light = picture - ground
    steps = [(x - c) / sigma for x, c in zip(np.indices(picture.shape), centre)]
    slopes = [light, np.ones_like(light), *(light * s for s in steps)]
    slopes += [light * s**2 for s in steps]  # over the logarithm of each sigma
    slopes = np.reshape(slopes, (len(slopes), -1))
    information = (slopes / picture.ravel()) @ slopes.T
    return np.sqrt(np.linalg.inv(information)[-1, -1])


@few
@given(
    ground=st.sampled_from([3, 100, 2000]),
    row=st.floats(10, 60),
    column=st.floats(10, 40),
    seed=st.integers(0, 1000),
)
@example(ground=3, row=57.28125, column=27, seed=205)  # an error of 13 %, 3.5 times the bound
def test_a_bead_on_a_poisson_ground_is_as_wide_as_its_photons_tell(ground, row, column, seed):
    clean = beads((71, 53), [(row, column)], 2.0, peaks=20 * np.sqrt(ground), ground=ground)
    psf, _ = measured_psf(np.random.default_rng(seed).poisson(clean))
    check_bead(psf, 2.0, wide=6 * least_width_error(clean, (row, column), 2.0, ground))


def test_widths_of_beads_have_the_error_that_their_photons_allow():
    clean = beads((71, 53), [(35.3, 26.7)], 2.0, peaks=35, ground=3)
    pictures = np.random.default_rng(0).poisson(clean, (40, *clean.shape))
    errors = np.array([widths_of(measured_psf(picture)[0]) for picture in pictures]) / 2 - 1
    least = least_width_error(clean, (35.3, 26.7), 2.0, 3)
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(errors.size)
    assert errors.std() < 1.5 * least


def test_a_bead_far_from_the_middle():
    rng = np.random.default_rng(0)
    y, x = np.indices((64, 64))
    bead = 100 + 1000 * np.exp(-((y - 20) ** 2 + (x - 44) ** 2) / 8)
    psf, notes = measured_psf(bead + rng.normal(0, 5, (64, 64)))
    assert np.unravel_index(psf.argmax(), psf.shape) == tuple(middle_of(psf))
    check_bead(psf, 2.0, centred=0.03, wide=0.02)
    assert "sigma 2.00 x 2.00 pixels" in " ".join(notes)


def equal(one, other, within=1e-3):
    assert one.shape == other.shape
    assert np.abs(one - other).max() < within * one.max()


@few
@given(
    st.sampled_from([1e-26, 1e-9, 1.0, 1e4, 1e17]),
    st.sampled_from([-1e3, 0.0, 1e4]),
    st.sampled_from([(5, 20), (30, 31), (44, 20)]),
)
def test_scale_offset_flip_and_transposition(scale, offset, place):
    shape = (56, 47)
    picture = noisy(beads(shape, [np.add(place, 0.3)], (1.2, 1.7)), 10)
    psf, _ = measured_psf(picture)
    equal(psf, measured_psf((picture + offset) * scale)[0])
    equal(psf, measured_psf(picture[::-1])[0][::-1])
    equal(psf, measured_psf(picture[:, ::-1])[0][:, ::-1])
    equal(psf, measured_psf(picture.T)[0].T)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f2", "f4", ">f8"])
def test_dtypes(dtype):
    picture = np.rint(noisy(beads((50, 40), [(21.3, 17.8)], 1.8, peaks=150, ground=40), 2))
    equal(measured_psf(picture)[0], measured_psf(picture.astype(dtype))[0])


@pytest.mark.parametrize("signal", [25, 1000])
def test_dark_surroundings_change_nothing(signal):
    field = noisy(beads((200, 220), [(50.4, 160.7)], 1.6, peaks=signal), 1)
    small, _ = measured_psf(field[30:71, 140:183])
    large, _ = measured_psf(field)
    cut = [(n - min(n, m)) // 2 for n, m in zip(large.shape, small.shape)]
    pad = [(m - min(n, m)) // 2 for n, m in zip(large.shape, small.shape)]
    large = np.pad(
        large[tuple(slice(c, n - c) for c, n in zip(cut, large.shape))], [(p, p) for p in pad]
    )
    assert np.abs(small - large).sum() < 0.02


def test_several_beads_are_aligned_and_averaged():
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(15, 120, 26)] * 2), -1).reshape(-1, 2)
    centres = grid + rng.uniform(-3, 3, grid.shape)
    peaks = rng.uniform(300, 1000, len(centres))
    picture = noisy(beads((130, 130), centres, 1.8, peaks), 25, 4)
    psf, notes = measured_psf(picture)
    assert notes[0] == f"{len(centres)} beads used, aligned and averaged"
    check_bead(psf, 1.8, centred=0.02, wide=0.02)


def test_beads_that_cannot_be_used_are_left_out_and_counted():
    centres = [(30.2, 30.7), (90.4, 31.3), (60.1, 100.9), (1.5, 70.0), (100, 100), (105, 104)]
    picture = beads((128, 128), centres, 1.5)
    picture += beads((128, 128), [(60, 60)], 3.5, peaks=1500, ground=0)
    picture[15, 90] += 9000
    psf, notes = measured_psf(noisy(picture, 8, 5))
    check_bead(psf, 1.5, centred=0.03, wide=0.03)
    said = " ".join(notes)
    assert "3 beads used" in said
    for reason in ("1 cut by the frame", "1 single hot pixel", "1 of other width"):
        assert reason in said


def test_beads_in_a_volume():
    centres = [(12.3, 20.4, 20.8), (13.1, 44.6, 31.2), (10.9, 20.1, 49.5)]
    psf, notes = measured_psf(noisy(beads((26, 64, 70), centres, (2.6, 1.3, 1.5), 200), 6, 6))
    check_bead(psf, (2.6, 1.3, 1.5), centred=0.05, wide=0.04)
    assert notes[0].startswith("3 beads used")


def airy(shape, centre, width):
    from scipy.special import j1

    r = np.hypot(*(x - c for x, c in zip(np.indices(shape), centre))) / width + 1e-9
    return (2 * j1(r) / r) ** 2


def test_a_bright_beads_own_shape_is_kept():
    truth = airy((41, 41), (20, 20), 1.4)
    picture = 50 + 4000 * airy((101, 110), (38.4, 60.3), 1.4)
    psf, _ = measured_psf(noisy(picture, 1, 7))
    half = min(psf.shape[0] // 2, 10)
    about = tuple(slice(n // 2 - half, n // 2 + half + 1) for n in psf.shape)
    within = tuple(slice(20 - half, 21 + half) for _ in range(2))
    assert half >= 7  # the first bright ring included
    assert np.abs(psf[about] / psf.max() - truth[within]).max() < 0.01


def filaments(seed):
    rng = np.random.default_rng(seed)
    picture = np.zeros((128, 128))
    t = np.linspace(0, 1, 3000)[:, None]
    for _ in range(10):
        start, way, bend = rng.uniform(0, 128, 2), rng.normal(0, 90, 2), rng.normal(0, 30, 2)
        place = np.rint(start + way * t + bend * np.sin(4 * t)).astype(int)
        place = place[np.all((place >= 0) & (place < 128), axis=1)]
        picture[tuple(place.T)] = 1
    return ndimage.gaussian_filter(picture, 1.3)


def cells(seed):
    rng = np.random.default_rng(seed)
    picture = np.zeros((128, 128))
    for _ in range(14):
        y, x = np.indices(picture.shape) - rng.uniform(0, 128, 2).reshape(2, 1, 1)
        a, b = rng.uniform(5, 14, 2)
        picture = np.maximum(picture, rng.uniform(0.3, 1) * ((y / a) ** 2 + (x / b) ** 2 < 1))
    return ndimage.gaussian_filter(picture, 1.5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("noise", "tilt"), [(0.0, 0), (0.01, 0), (0.01, 1000)])
@pytest.mark.parametrize("scene", [filaments, cells])
def test_what_is_no_bead_is_refused(scene, noise, tilt, seed):
    picture = scene(seed)
    ground = 100 + tilt * np.linspace(0, 1, picture.shape[1])
    with pytest.raises(ValueError, match="layer"):
        measured_psf(noisy(ground + 1000 * picture / picture.max(), 1000 * noise))


FOUR_BEADS = [(20, 20, 20), (18, 55, 22), (22, 22, 58), (20, 58, 60)]


@pytest.mark.parametrize("ground", ["falls along z", "falls off along z", "tilted", "bent", "both"])
def test_an_uneven_background_is_subtracted(ground):
    z, y, x = (i / n for i, n in zip(np.indices((40, 80, 80)), (40, 80, 80)))
    changes = {
        "falls along z": 600 * (1 - z),
        "falls off along z": 1000 * np.exp(-3 * z),
        "tilted": 500 * y + 700 * x,
        "bent": 800 * (2 * y - 1) ** 2,
        "both": 600 * (1 - z) + 800 * (2 * x - 1) ** 2,
    }[ground]
    picture = beads((40, 80, 80), FOUR_BEADS, (2.5, 1.5, 1.5)) + changes
    picture = noisy(np.flip(picture) if ground == "both" else picture, 10)
    psf, notes = measured_psf(picture)
    check_bead(psf, (2.5, 1.5, 1.5), wide=0.05)
    assert notes[0] == "4 beads used, aligned and averaged"
    assert "uneven background" in notes[1]


@pytest.mark.parametrize("axis", [0, 2])
def test_light_out_of_focus_is_kept_above_a_tilted_ground(axis):
    """It is as large as on a flat background with the same photon noise."""
    light = microscope_psf(1.2, 520, spacing=(200, 80, 80), shape=(31, 45, 45))
    light = 5000 * light / light.max()
    tilt = 1000 * np.indices(light.shape)[axis] / light.shape[axis]
    on_level, on_tilted = (
        measured_psf(np.random.default_rng(0).poisson(light + ground))[0]
        for ground in (600 + 0 * tilt, 100 + tilt)
    )
    np.testing.assert_allclose(widths_of(on_tilted), widths_of(on_level), rtol=0.1)
    assert min(on_tilted.shape) > 9


def test_some_faint_spots_are_not_averaged_with_a_clean_bead():
    centres = [(40, 40), (16, 16), (16, 64), (64, 16)]
    clean = beads((80, 80), centres, 2.0, peaks=np.array([2000, 80, 80, 80]))
    _, notes = measured_psf(noisy(clean, 10))
    assert notes[0].startswith("1 bead ")


@pytest.mark.parametrize("signal", [6, 8])
def test_dim_beads_are_averaged(signal):
    random = np.random.default_rng(1)
    centres = np.reshape(np.mgrid[20:200:40, 20:200:40], (2, -1)).T + random.uniform(-3, 3, (25, 2))
    clean = beads((200, 200), centres, 2.0, peaks=10 * signal)
    psf, notes = measured_psf(noisy(clean, 10))
    check_bead(psf, 2.0, wide=0.07)
    assert int(notes[0].split()[0]) >= 20
    with pytest.raises(ValueError, match="10 times their noise"):  # one alone says too little
        measured_psf(noisy(beads((64, 64), [(30.3, 31.2)], 2.0, peaks=60), 10))


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.full((64, 64), 7.0), "nothing brighter"),
        (noisy(np.full((64, 64), 7.0), 1), "nothing brighter"),
        (noisy(np.zeros((20, 30, 30)), 1), "nothing brighter"),
        (noisy(np.zeros((64, 64)), 1) + 500 * np.eye(64)[30][:, None] * np.eye(64)[9], "hot"),
        (np.minimum(noisy(beads((64, 64), [(30, 31)], 2.2), 4), 600), "saturated"),
        (np.minimum(beads((64, 64), [(30, 31)], 2.2), 600), "saturated"),
        (noisy(beads((64, 64), [(3, 31)], 2.2), 4), "cut by the frame"),
        (beads((64, 64), [(3, 31)], 2.2), "cut by the frame"),
        (noisy(beads((9, 64, 64), [(1, 31, 30)], 1.5), 4), "cut by the frame"),
    ],
)
def test_pictures_that_are_refused(picture, says):
    with pytest.raises(ValueError, match=says) as error:
        measured_psf(picture)
    assert str(error.value).endswith(".")


def test_nan_pixels_and_wrong_shapes_are_refused():
    picture = beads((40, 40), [(20, 20)], 2)
    picture[3, 4:6] = np.nan
    with pytest.raises(ValueError, match="2 pixels that are NaN"):
        measured_psf(picture)
    with pytest.raises(ValueError, match="1 to 3 axes"):
        measured_psf(np.ones((2, 2, 5, 5)))
    with pytest.raises(TypeError, match="real numbers"):
        measured_psf(np.ones((5, 5), complex))
    with pytest.raises(ValueError, match="empty"):
        measured_psf(np.ones((0, 5)))


def test_leading_axes_of_length_one_are_dropped():
    volume = noisy(beads((24, 30, 30), [(11, 14, 15)], 1.5), 5)
    spacing = (1.0, 1.0, 1.0)
    psf, _ = measured_psf(volume[None, None], spacing=spacing, image_spacing=spacing)
    equal(psf, measured_psf(volume)[0])
    assert measured_psf(volume.max(0)[None])[0].ndim == 2
    assert measured_psf(np.ones((1, 15)))[0].shape == (1, 15)


def _finished():
    y, x = np.indices((33, 31)) - np.array([16, 15]).reshape(2, 1, 1)
    r = np.hypot(y, x)
    return {
        "gaussian": gaussian_psf(2.0),
        "tight gaussian": gaussian_psf(3.0, 7),
        "wide field": np.pad(gaussian_psf(1.0, 9), 60),
        "volume": gaussian_psf((3, 1, 2)),
        "line": np.ones((1, 15)),
        "upright line": np.ones((15, 1)),
        "slanted line": np.eye(15),
        "box": np.ones((7, 9)),
        "one axis": np.hanning(21)[1:-1],
        "small": np.array([[0, 1, 0], [1, 3, 1], [0, 1, 0]]),
        "disc": r < 6.2,
        "ring": np.exp(-((r - 8) ** 2) / 3),
        "doughnut": r**2 * np.exp(-(r**2) / 20),
        "airy": airy((33, 31), (16, 15), 1.7),
        "coma": np.exp(-(r**2) / 8) + 0.4 * np.exp(-((x - 4) ** 2) / 18 - y**2 / 8),
        "lobes": 1.5 * np.exp(-(r**2) / 8) - 0.5 * np.exp(-(r**2) / 18),
    }


@pytest.mark.parametrize("scale", [1e-20, 3.0])
@pytest.mark.parametrize("name", _finished())
def test_a_psf_without_noise_is_used_as_it_is(name, scale):
    truth = _finished()[name] * scale
    psf, notes = measured_psf(truth)
    assert "as it is" in notes[0]
    if name == "coma":  # whose light lies beside its middle
        assert "centred" in notes[1]
        np.testing.assert_allclose(light_centre(psf), middle_of(psf), atol=0.02)
        return
    assert psf.shape == truth.shape
    np.testing.assert_allclose(psf, truth / truth.sum(), atol=1e-6 * psf.max())
    assert ("negative values" in " ".join(notes)) == (name == "lobes")


@pytest.mark.parametrize("name", ["gaussian", "ring", "airy"])
def test_even_sizes_get_a_line_more(name):
    truth = np.asarray(_finished()[name])
    psf, notes = measured_psf(truth[:-1])
    expected = np.pad(truth[:-1], [(0, 1), (0, 0)])
    np.testing.assert_allclose(psf, expected / expected.sum(), atol=1e-6)
    assert "padded" in " ".join(notes)


def _shapes(row, column):
    """PSFs centred at any point of 32 by 33 pixels."""
    y, x = np.indices((32, 33)) - np.reshape((row, column), (2, 1, 1))
    r = np.hypot(y, x)
    return {
        "gaussian": np.exp(-(r**2) / 4.5),
        "moffat": (1 + r**2 / 9) ** -2.5,
        "doughnut": r**2 * np.exp(-(r**2) / 8),
        "ring": np.exp(-((r - 4) ** 2) / 3),
        "airy": airy((32, 33), (row, column), 1.7),
        "lobes": 1.5 * np.exp(-(r**2) / 8) - 0.5 * np.exp(-(r**2) / 18),
    }


@pytest.mark.parametrize("off", [(0.5, 0), (-0.33, 0.2), (-1, 1), (-5.5, 4.25)])
@pytest.mark.parametrize("name", _shapes(16, 16))
def test_a_psf_beside_its_middle_is_centred_whatever_its_shape(name, off):
    picture = _shapes(*np.add(off, 16))[name]
    psf, notes = measured_psf(picture)
    middle = middle_of(psf)
    truth = _shapes(*middle)[name] / picture.sum()
    inner = tuple(slice(m - 6, m + 7) for m in middle)
    cut = tuple(slice(0, m + 7) for m in middle)
    np.testing.assert_allclose(psf[inner], truth[cut][inner], atol=0.02 * psf.max())
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert (psf.min() >= 0) == (name != "lobes")
    assert "centred" in " ".join(notes)


def test_a_narrow_gaussian_is_not_made_wider():
    psf, _ = measured_psf(beads((17, 19), [(7.67, 9.2)], 0.8, ground=0))
    np.testing.assert_allclose(widths_of(psf), 0.8, rtol=0.06)


@pytest.mark.parametrize(("at_the_frame", "ready"), [(0.03, True), (0.09, False)])
def test_a_psf_beside_its_middle_is_ready_unless_the_frame_cuts_it(at_the_frame, ready):
    distance = 2 * np.sqrt(-2 * np.log(at_the_frame))
    y, x = np.indices((33, 33)) - np.reshape((distance, 16), (2, 1, 1))
    assert is_ready_psf(np.exp(-(y**2 + x**2) / 8)) == ready


@pytest.mark.parametrize("size", [2, 4, 6])
def test_sharp_edges_are_centred_without_ringing(size):
    psf, _ = measured_psf(np.ones((size, 9)))
    line = np.pad(np.ones(size - 1), 1, constant_values=0.5)
    np.testing.assert_allclose(psf, np.outer(line, np.ones(9)) / (9 * size), atol=1e-7)


@pytest.mark.parametrize("flips", [(), (0,), (0, 1)])
@pytest.mark.parametrize("axes", [2, 3])
def test_a_quarter_or_an_octant_is_refused_in_words(axes, flips):
    """The package psf 2026.1.18 makes a quarter, (z, r), with the focus at [0, 0]."""
    whole = gaussian_psf((3, 2, 2)[:axes], 25)
    with pytest.raises(ValueError, match=r"in a corner.*\.volume\(\)"):
        measured_psf(np.flip(whole[(slice(12, None),) * axes], flips))


@pytest.mark.parametrize("shift", [(0, 0), (2.3, -1.6), (0.5, 0.5), (-1, 0)])
@pytest.mark.parametrize("ground", [0, 100])
def test_a_spot_without_noise_is_centred(shift, ground):
    picture = beads((40, 41), [np.add(shift, (20, 20))], 2.0, ground=ground)
    psf, notes = measured_psf(picture)
    check_bead(psf, 2.0, centred=0.01, wide=0.01)
    assert (f"background of {ground}" in " ".join(notes)) == bool(ground)


@few
@given(
    sigma=st.lists(st.floats(0.7, 3), min_size=1, max_size=3),
    zoom=st.floats(0.2, 4),
)
def test_resampling_keeps_the_width(sigma, zoom):
    """Widths in voxels of the image; `zoom` of them make a voxel of the PSF."""
    ndim = len(sigma)
    fine = [max(s / zoom, 0.7) for s in sigma]  # what the PSF's own voxels can show
    psf, notes = measured_psf(gaussian_psf(fine), spacing=[zoom] * ndim, image_spacing=[1.0] * ndim)
    assert all(n % 2 for n in psf.shape)
    assert np.unravel_index(psf.argmax(), psf.shape) == tuple(middle_of(psf))
    np.testing.assert_allclose(widths_of(psf), np.multiply(fine, zoom), rtol=0.03)
    assert ("resampled" in " ".join(notes)) == (abs(zoom - 1) > 1e-3)


@pytest.mark.parametrize("fine", [0.8, 2.0, 4.0])
def test_a_psf_narrower_than_the_images_voxels(fine):
    psf, _ = measured_psf(gaussian_psf(fine), spacing=(1, 1), image_spacing=(20, 20))
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert psf.max() == psf[tuple(middle_of(psf))] > 0.7
    np.testing.assert_allclose(psf, psf[::-1, ::-1], atol=1e-6)


def test_deblurring_with_a_noisy_bead():
    rng = np.random.default_rng(11)
    scene = np.zeros((64, 64), np.float32)
    for row, column in rng.integers(10, 54, (8, 2)):
        scene[row - 2 : row + 3, column - 3 : column + 4] += rng.uniform(200, 1000)
    blurred = convolve(scene, gaussian_psf(2.0), boundary="reflect")
    blurred = blurred + rng.normal(0, 2, scene.shape)
    bead = noisy(beads((64, 64), [(20.3, 44.4)], 2.0), 5, 12)
    result = deconvolve(blurred, measured_psf(bead)[0], TotalVariation()).image
    assert np.std(result - scene) < 0.8 * np.std(blurred - scene)
    moved = np.subtract(ndimage.center_of_mass(result), ndimage.center_of_mass(scene))
    assert np.abs(moved).max() < 0.1
