"""The arguments of a run: PSFs of all sizes, blank planes, masks, array-likes, wrong types."""

from types import SimpleNamespace

import numpy as np
import pytest
from every_method import of_each
from scipy import ndimage

from napari_tf_deblur import (
    METHODS,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError, UserError
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._preparation.run_warnings import is_negative

PSF = gaussian_psf(1.2)
every_method = pytest.mark.parametrize("method", METHODS)


def picture(*shape, seed=2):
    random = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(random.random(shape), 1.5)
    return (100 * (image - image.min()) / np.ptp(image) + 5).astype(np.float32)


def apart(a, b):
    return np.abs(a - b).max() / np.ptp(b)


@every_method
@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((24, 26), (32, 31)), ((20, 22), (64, 9)), ((16, 12, 13), (17, 9, 9))],
)
def test_psfs_larger_than_the_image(method, shape, sizes):
    """Odd and even sizes: there is a warning if the PSF is larger, and the result is finite."""
    spots = np.zeros(sizes)
    spots[tuple(n // 2 for n in sizes)] = 1
    sigma = (2, 1, 1) if len(sizes) == 3 else 1.2
    psf = ndimage.gaussian_filter(spots, sigma, mode="constant")
    image = convolve(picture(*shape), psf, boundary="reflect")
    result = deconvolve(image, psf, method(), boundary="unknown")
    assert np.isfinite(result.image).all()
    assert result.image.shape == shape
    larger = any(p > n for p, n in zip(sizes, shape))
    notes = [note for note in result.warnings if "larger than the image" in note]
    assert bool(notes) is larger
    assert all(note.endswith(".") for note in notes)


def test_a_psf_as_large_as_the_image_is_not_larger():
    psf = np.pad(gaussian_psf(1.2, 11), ((7, 6), (8, 7)))
    assert psf.shape == (24, 26)
    warnings = deconvolve(picture(24, 26), psf, Wiener(), boundary="unknown").warnings
    assert not any("larger than the image" in warning for warning in warnings)


def test_sixteen_planes_take_the_gaussian_of_seventeen():
    psf = gaussian_psf((2, 1, 1))
    assert psf.shape[0] == 17
    truth = picture(16, 24, 24)
    image = convolve(truth, psf, boundary="reflect")
    result = deconvolve(image, psf)
    assert "17 x 9 x 9" in " ".join(result.warnings)
    error = [np.sqrt(np.mean((i - truth)[4:-4] ** 2)) for i in (result.image, image)]
    assert error[0] < 0.7 * error[1]


@pytest.mark.parametrize("ones", [1, 2, 3])
def test_leading_axes_of_length_1_of_a_psf_are_dropped(ones):
    image = picture(24, 26)
    psf = PSF.reshape(*(1,) * ones, *PSF.shape)
    np.testing.assert_array_equal(deconvolve(image, psf).image, deconvolve(image, PSF).image)
    series = picture(2, 3, 24, 26)  # TCYX, a PSF of TCZYX
    psf = PSF.reshape(1, 1, 1, *PSF.shape)
    assert deconvolve(series, psf).image.shape == series.shape


@every_method
@pytest.mark.parametrize("how", ["nan", "masked"])
def test_blank_frames_pass_through_by_name(method, how):
    good = picture(28, 30)
    series = np.stack([good, good, np.flip(good)])
    blank = np.full(good.shape, np.nan) if how == "nan" else good * 3
    series[1] = blank
    mask = np.zeros(series.shape, bool)
    mask[1] = how == "masked"
    result = deconvolve(series, PSF, method(), mask=mask if how == "masked" else None)
    np.testing.assert_array_equal(result.image[1], series[1])
    (note,) = [w for w in result.warnings if "nothing to deblur" in w]
    assert note.startswith("Plane 1 ")
    alone = deconvolve(series[[0, 2]], PSF, method()).image
    assert apart(result.image[[0, 2]], alone) < 1e-3
    assert apart(alone, series[[0, 2]]) > 0.02


def test_blank_frames_are_named_by_all_their_indices():
    series = picture(2, 3, 20, 20)
    series[1, 2] = series[0, 1] = np.nan
    (note,) = deconvolve(series, PSF).warnings
    assert note.startswith("Planes (0, 1), (1, 2) ")


@every_method
def test_masks_of_all_kinds_and_masked_arrays_are_alike(method):
    mask = np.zeros((28, 30), bool)
    mask[10:12, 14:17] = mask[3, 3] = True
    image = picture(28, 30)
    image[mask] = 1e4
    expected = deconvolve(image, PSF, method(), mask=mask).image
    assert (
        apart(deconvolve(image, PSF, method()).image, expected) > 0.05
    )  # the masked pixels matter
    for marks in (2 * mask.astype(int), 0.3 * mask, -1.0 * mask, mask.tolist()):
        result = deconvolve(image, PSF, method(), mask=marks).image
        np.testing.assert_array_equal(result, expected)
    own = np.ma.masked_array(image, mask)
    np.testing.assert_array_equal(deconvolve(own, PSF, method()).image, expected)
    half, rest = mask.copy(), mask.copy()
    half[:6], rest[6:] = False, False
    both = deconvolve(np.ma.masked_array(image, half), PSF, method(), mask=rest)
    np.testing.assert_array_equal(both.image, expected)
    other = deconvolve(np.where(mask, -3e4, image), PSF, method(), mask=mask).image
    np.testing.assert_array_equal(other, expected)  # the values of masked pixels do not matter


class ArrayLike:
    """An object that NumPy converts to an array, as it does arrays of xarray and dask."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def test_array_likes_are_taken():
    image, mask = picture(28, 30), np.zeros((28, 30), bool)
    mask[3, 4:6] = True
    expected = deconvolve(image, PSF, mask=mask).image
    result = deconvolve(ArrayLike(image), ArrayLike(PSF), mask=ArrayLike(mask)).image
    np.testing.assert_array_equal(result, expected)
    lists = deconvolve(image.tolist(), PSF.tolist(), mask=mask.tolist()).image
    np.testing.assert_array_equal(lists, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int16, "u2"])
def test_a_psf_of_any_dtype_keeps_its_sum(dtype):
    """A sum above 65504, the largest number of float16."""
    psf = np.round(30_000 * PSF / PSF.max()).astype(dtype)
    assert psf.sum(dtype=float) > 65504
    image = picture(20, 20)
    expected = convolve(image, psf.astype(np.float64))
    np.testing.assert_allclose(convolve(image, psf), expected, rtol=1e-5)
    np.testing.assert_allclose(
        deconvolve(image, psf).image, deconvolve(image, psf.astype(float)).image, rtol=1e-3
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_masked_pixel_leaves_no_ghost(method):
    """Its value has no effect: the error in and around it is no larger than elsewhere."""
    flat = 10 + np.random.default_rng(0).normal(0, 0.1, (40, 40))
    mask = np.zeros(flat.shape, bool)
    mask[18:21, 20:22] = True
    flat[mask] = 500
    strays = np.abs(deconvolve(flat, PSF, method(), mask=mask).image - 10)
    near = np.zeros(flat.shape, bool)
    near[13:26, 15:27] = True
    assert strays[near].max() < max(strays[~near].max(), 0.3)


IMAGE = picture(20, 20)
WRONG = [
    {"spacing": "a"},
    {"spacing": "ab"},
    {"spacing": (1, None)},
    {"spacing": (1, np.nan)},
    {"spacing": 2},
    {"spacing": [[1, 1], [1]]},
    {"channel_axis": "x"},
    {"channel_axis": 1.5},
    {"channel_axis": (0,)},
    {"channel_axis": 7},
    {"psf": [[1, 2], [3]]},
    {"psf": "psf"},
    {"psf": (PSF, ("one bead was used.",))},
    {"psf": PSF * 1j},
    {"image": [[1, 2], [3]]},
    {"image": None},
    {"image": "photo.tif"},
    {"mask": np.full((20, 20), "a")},
    {"mask": "mask"},
    {"mask": [[True], [True, False]]},
    {"mask": np.ones((3, 3))},
    {"alpha": 3},
    {"alpha": "yes"},
    {"alpha": True},
    {"method": "tv"},
    {"method": TotalVariation},
    {"method": None},
    {"boundary": 0},
    {"boundary": None},
    {"boundary": np.ones(3)},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: "{0[0]}={0[1]!r:.20}".format(*w.items()))
@pytest.mark.parametrize("function", [deconvolve, calibrate, iter_deconvolve])
def test_arguments_of_a_wrong_kind_end_in_a_sentence(function, wrong):
    arguments = {"image": IMAGE, "psf": PSF, "method": TotalVariation()} | wrong

    def call():
        result = function(**arguments)
        return next(result) if function is iter_deconvolve else result

    with pytest.raises(UserError) as caught:
        call()
    assert isinstance(caught.value, InvalidTypeError | InvalidValueError)
    said = str(caught.value)
    assert said.endswith(".")
    assert said[0].isupper() or said[0] == "'"
    assert len(said) < 400


def test_the_tuple_of_measured_psf_is_told_what_to_do():
    with pytest.raises(InvalidTypeError, match=r"psf, notes|\[0\]|first|measured_psf"):
        deconvolve(IMAGE, (PSF, ("one bead was used.",)))


@of_each()
def test_one_line_and_one_pixel_wide_images(method):
    """Images with an axis of length 1."""
    for shape, psf in [((30,), gaussian_psf(1.0, ndim=1)), ((1, 30), PSF), ((2, 2), PSF)]:
        result = deconvolve(picture(*(n + 8 for n in shape))[tuple(map(slice, shape))], psf, method)
        assert result.image.shape == shape
        assert np.isfinite(result.image).all()


# ---------------------------------------------------------------- values below the background


def cell():
    """A bright object on a dark background, without noise."""
    image = np.zeros((96, 96))
    image[20:70, 30:60] = ndimage.gaussian_filter(np.random.default_rng(0).random((50, 30)), 2)
    return ndimage.gaussian_filter(600 * image, 1.5)


def told_of_negative(image, method):
    warnings = deconvolve(image.astype(np.float32), gaussian_psf(1.5), method).warnings
    return any("below" in warning for warning in warnings)


@pytest.mark.parametrize("method", [PoissonLikelihood, RichardsonLucy])
def test_noise_about_the_background_is_no_fault_of_anybody(method):
    random = np.random.default_rng(1)
    assert not told_of_negative(
        random.poisson(0.3 * cell() + 8), method()
    )  # the background is estimated
    assert not told_of_negative(random.normal(cell(), 20), method(background=0))  # dark-corrected
    assert not told_of_negative(random.poisson(0.1 * cell() + 20) - 20, method(background=0))


@pytest.mark.parametrize("method", [PoissonLikelihood, RichardsonLucy])
def test_structure_below_the_background_is_told(method):
    counts = np.random.default_rng(2).poisson(cell() + 50)
    assert told_of_negative(counts - counts.mean(), method(background=0))
    assert told_of_negative(counts + 100, method(background=230))


@pytest.mark.parametrize(("lowest", "told"), [(-0.04, False), (-0.07, True)])
def test_values_a_little_below_the_background_do_no_harm(lowest, told):
    image = SimpleNamespace(values=np.array([lowest, 1.0]), noise_level=1e-3)
    assert is_negative(image, 1.0) == told


# ---------------------------------------------------------------- areas to ignore


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        (TotalVariation, (90, 80)),
        (Hessian, (90, 80)),
        (PoissonLikelihood, (90, 80)),
        (PoissonLikelihood, (16, 40, 42)),
        (TotalVariation, (400,)),
    ],
)
def test_what_was_saturated_comes_out_bright(method, shape):
    """The result is estimated from the surroundings, so it must not have a hole."""
    random = np.random.default_rng(4)
    sharp = 40 + 20 * ndimage.gaussian_filter(random.random(shape), 2) / 0.3
    middle = tuple(slice(n // 2 - 2, n // 2 + 3) for n in shape)
    sharp[middle] = 900
    psf = gaussian_psf((1.5,) * len(shape))
    seen = np.clip(convolve(sharp, psf, boundary="periodic") + random.normal(0, 1, shape), 0, 255)
    ignored = seen >= 255
    assert ignored[middle].all()
    found = deconvolve(seen.astype(np.float32), psf, method(), mask=ignored)
    assert found.image[middle].min() > 255


@pytest.mark.parametrize(
    ("where", "together"),
    [
        (np.s_[5::9, 4::7], False),
        (np.s_[10:12, 10:40], False),
        (np.s_[10:13, 10:13], True),
        (np.s_[:, :3], True),
    ],
)
def test_areas_are_told_from_single_pixels(where, together):
    mask = np.zeros((60, 60), bool)
    mask[where] = True
    arguments = Arguments(picture(60, 60), PSF, Wiener(), boundary="unknown", mask=mask)
    assert PreparedRun.from_arguments(arguments).build_problem((0,)).hides_areas == together
