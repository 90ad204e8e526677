import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from napari_tf_deblur import convolve, gaussian_psf
from napari_tf_deblur._core.psf_resizing import passes_zero, resize_psf
from napari_tf_deblur._core.scene_grid import Grid

sizes = st.integers(1, 9)
modes = {"zero": "constant", "periodic": "wrap", "reflect": "reflect"}


@st.composite
def images_and_psfs(draw):
    axes = draw(st.integers(1, 3))
    psf_shape = draw(st.lists(sizes, min_size=axes, max_size=axes))
    shape = [draw(st.integers(n, 12)) for n in psf_shape]
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    return random.random(shape), random.random(psf_shape)


@given(images_and_psfs(), st.sampled_from(list(modes)))
def test_it_is_the_convolution_that_scipy_computes(pair, boundary):
    image, psf = pair
    expected = ndimage.convolve(image, psf, mode=modes[boundary])
    np.testing.assert_allclose(convolve(image, psf, boundary=boundary), expected, atol=1e-4)


@given(images_and_psfs())
def test_an_impulse_becomes_the_psf_where_it_is(pair):
    image, psf = pair
    impulse = np.zeros_like(image)
    middle = tuple(n // 2 for n in image.shape)
    impulse[middle] = 1
    blurred = convolve(impulse, psf, boundary="zero")
    full = signal.convolve(impulse, psf, mode="full")
    cut = tuple(slice(n // 2, n // 2 + m) for n, m in zip(psf.shape, image.shape))
    np.testing.assert_allclose(blurred, full[cut], atol=1e-5)


def test_leading_axes_and_channels_are_blurred_one_by_one():
    stack = np.random.default_rng(0).random((2, 10, 11, 3))
    psf = gaussian_psf(1)
    blurred = convolve(stack, psf, channel_axis=-1)
    np.testing.assert_allclose(
        blurred[1, ..., 2], convolve(stack[1, ..., 2], psf), rtol=1e-5, atol=1e-6
    )


def test_flux_is_kept_in_a_periodic_world():
    image = np.random.default_rng(1).random((17, 20))
    blurred = convolve(image, gaussian_psf(2), boundary="periodic")
    assert blurred.sum() == pytest.approx(image.sum(), rel=1e-5)


@given(images_and_psfs(), st.sampled_from(list(modes)), st.sampled_from([1e-20, 1.0, 4e4, 1e20]))
def test_light_stays_light(pair, boundary, scale):
    image, psf = pair
    image[image < 0.7] = 0
    blurred = convolve(scale * image, psf, boundary=boundary)
    assert blurred.min() >= 0
    assert not np.signbit(blurred).any()  # no -0.0 either


def test_what_is_negative_is_blurred_as_it_is():
    blurred = convolve(-np.eye(9), gaussian_psf(1))
    np.testing.assert_array_equal(blurred, -convolve(np.eye(9), gaussian_psf(1)))
    assert convolve(np.eye(9), [[1.0, -0.5]]).min() == pytest.approx(-0.5)


@given(st.integers(1, 40), st.integers(1, 25))
@settings(max_examples=50)
def test_the_scene_holds_all_that_reaches_the_frame(frame, size):
    psf = np.ones(size, np.float32) / size
    grid = Grid.around((frame,), psf, "unknown")
    before, after = size // 2, size - 1 - size // 2
    assert grid.margins[0][0] >= after
    assert grid.margins[0][1] >= before
    assert grid.window == (slice(after, after + frame),)


def test_the_scene_leaves_out_the_faint_rim_of_a_large_psf_only():
    psf = 0.9998 * gaussian_psf(3, 101) + np.float32(0.0002 / 101**2)
    narrow = Grid.around((100, 100), psf, "unknown", reach=0.999)
    assert max(narrow.margins[0]) < 20
    assert min(Grid.around((100, 100), psf, "unknown").margins[0]) >= 50


@pytest.mark.parametrize(
    ("image", "options", "error", "says"),
    [
        (np.ones(5), {}, ValueError, "2 axes"),
        (np.ones((5, 5), complex), {}, TypeError, "complex"),
        (np.ones((5, 5)), {"boundary": "open"}, ValueError, "open"),
    ],
)
def test_bad_input(image, options, error, says):
    with pytest.raises(error, match=says):
        convolve(image, np.ones((3, 3)), **options)


def test_a_gaussian_that_its_array_cuts_does_not_pass_zero():
    assert not passes_zero(gaussian_psf(2.0, 11))
    assert passes_zero(np.full((5, 5), 0.04, np.float32))


def test_a_psf_is_resized_along_one_axis_alone():
    psf = gaussian_psf((2.0, 1.5, 1.0))
    longer = resize_psf(psf, (1.4, 1.0, 1.0))
    assert longer.shape[1:] == psf.shape[1:]
    for axis in range(3):
        rest = tuple(a for a in range(3) if a != axis)
        places = [np.arange(n) - n // 2 for n in (psf.shape[axis], longer.shape[axis])]
        before, after = (
            float(array.sum(rest) @ at**2) for array, at in zip((psf, longer), places, strict=True)
        )
        assert after / before == pytest.approx(1.4**2 if axis == 0 else 1.0, rel=0.02)


@pytest.mark.parametrize("times", [0.64, 0.8, 1.0, 1.25])
@pytest.mark.parametrize("name", ["gaussian", "tilted", "motion", "box", "ring", "beside"])
def test_a_resized_psf_is_as_many_times_as_wide(name, times):
    rows, columns = np.mgrid[-12:13, -12:13]
    beside = np.roll(gaussian_psf(1.5, 25), (3, -2), (0, 1))
    psf = {
        "gaussian": gaussian_psf(2.0, 25),
        "tilted": gaussian_psf((3, 1.2), 25, angle=30),
        "motion": np.where((abs(rows) < 1) & (abs(columns) < 6), 1.0, 0.0),
        "box": np.where((abs(rows) < 4) & (abs(columns) < 5), 1.0, 0.0),
        "ring": np.where(abs(np.hypot(rows, columns) - 6) < 1, 1.0, 0.0),
        "beside": beside,
    }[name]
    psf = (psf / psf.sum()).astype(np.float32)
    other = resize_psf(psf, times)
    assert other.sum() == pytest.approx(1, abs=1e-5)
    for axis in (0, 1):
        along, of_other = (np.arange(n) - n // 2 for n in (25, other.shape[axis]))
        light, others = psf.sum(1 - axis), other.sum(1 - axis)
        centre = float(light @ along)
        assert float(others @ of_other) == pytest.approx(centre, abs=0.02)
        before = float(light @ (along - centre) ** 2)
        after = float(others @ (of_other - centre) ** 2)
        assert after == pytest.approx(times**2 * before, rel=0.03, abs=0.25)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), min_size=1, max_size=3),
    st.integers(0, 40),
)
def test_a_frame_is_continued_from_the_nearer_side(axes, offset):
    frame, beyond = zip(*axes)
    scene = tuple(n + more for n, more in axes)
    grid = Grid(frame, scene, tuple(min(offset, more) for more in beyond))
    values = np.random.default_rng(0).random((2, *frame)).astype(np.float32)
    found = grid.extend_mirrored(values)
    assert found.shape == (2, *scene)
    np.testing.assert_array_equal(found[(slice(None), *grid.window)], values)
    # Mirrored about the frame's middle, whichever place it has in the scene.
    for axis, (n, start) in enumerate(zip(frame, grid.offset), 1):
        mirrored = np.roll(np.flip(found, axis), 2 * start + n, axis)
        np.testing.assert_allclose(grid.extend_mirrored(np.flip(values, axis)), mirrored, rtol=1e-6)
    # As far as half way, as NumPy continues it.
    near = [(0, 0), *((min(b, m // 2), min(a, m // 2)) for (b, a), m in zip(grid.margins, beyond))]
    cut = tuple(slice(o - b, o + n + a) for o, n, (b, a) in zip(grid.offset, frame, near[1:]))
    np.testing.assert_array_equal(
        found[(slice(None), *cut)], np.pad(values, near, mode="symmetric")
    )
