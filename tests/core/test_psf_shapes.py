"""PSFs of defocus and motion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import j1

from napari_tf_deblur import disc_psf, gaussian_psf, motion_psf
from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.psf_shapes import disc_shape, motion_shape

FINE = 40
"""Points per pixel, along each axis, of the shapes that PSFs are compared with."""


def drawn(points, psf):
    """Fraction of points, (row, column) from the middle, that lie in each pixel of a PSF."""
    edges = [np.arange(n + 1) - n / 2 for n in psf.shape]
    return np.histogram2d(*points, edges)[0] / len(points[0])


def spread(psf, angle=0.0):
    """Variance along a direction."""
    rows, columns = np.indices(psf.shape) - np.array(psf.shape)[:, None, None] // 2
    turn = np.radians(angle)
    return float(np.sum(psf * (columns * np.cos(turn) - rows * np.sin(turn)) ** 2))


@given(st.floats(0.3, 12))
def test_a_disc_covers_its_pixels(radius):
    psf = disc_psf(radius)
    line = (np.arange(FINE * psf.shape[0]) + 0.5) / FINE - psf.shape[0] / 2
    rows, columns = np.meshgrid(line, line, indexing="ij")
    inside = rows**2 + columns**2 < radius**2
    np.testing.assert_allclose(
        psf, drawn((rows[inside], columns[inside]), psf), atol=0.03 / max(radius, 1) ** 2
    )
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    for turned in (psf.T, psf[::-1], psf[:, ::-1]):
        np.testing.assert_allclose(psf, turned, atol=1e-7)
    smaller = np.array(psf.shape) - 2  # the size is the smallest that holds it
    assert radius <= psf.shape[0] / 2 + 1e-6
    assert smaller[0] < 0 or radius > smaller[0] / 2 - 1e-6


@pytest.mark.parametrize(("radius", "within"), [(1.5, 0.08), (2.3, 0.08), (3.5, 0.03), (5.2, 0.03)])
def test_a_discs_variance_and_transfer_function(radius, within):
    psf = disc_psf(radius)
    assert 0 < spread(psf) - radius**2 / 4 < 0.15
    rows, columns = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)
    x = 2 * np.pi * radius * np.hypot(rows, columns) + 1e-9
    found = transfer_function(psf, (128, 128)).real
    np.testing.assert_allclose(found, 2 * j1(x) / x, atol=within)


@pytest.mark.parametrize("edge", [0.5, 1.5, 2.0, 3.0, 7.5, 12.0])
def test_a_disc_whose_rim_is_at_the_edge_of_a_pixel_is_finite(edge):
    """Rounding may put the edge of the pixel beyond the rim."""
    radius = edge
    for _ in range(12):
        radius = np.nextafter(radius, np.inf)
        np.testing.assert_allclose(
            disc_psf(radius, (31, 31)), disc_psf(edge, (31, 31)), atol=1e-6, rtol=0
        )


@given(length=st.floats(0.5, 25), angle=st.floats(-400, 400))
def test_a_line_is_shared_among_its_pixels(length, angle):
    psf = motion_psf(length, angle)
    turn = np.radians(angle)
    along = (np.arange(1000) + 0.5) / 1000 * length - length / 2
    rows, columns = np.indices(psf.shape) - np.array(psf.shape)[:, None, None] // 2
    near_row = np.maximum(1 - np.abs(rows[..., None] + np.sin(turn) * along), 0)
    near_column = np.maximum(1 - np.abs(columns[..., None] - np.cos(turn) * along), 0)
    np.testing.assert_allclose(psf, np.mean(near_row * near_column, axis=-1), atol=5e-4)
    np.testing.assert_allclose(psf, psf[::-1, ::-1], atol=1e-6)
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= spread(psf, angle) - length**2 / 12 + 1e-4 < 0.26
    assert spread(psf, angle + 90) < 0.26


def test_a_lines_direction_is_that_of_gaussian_psf():
    line = motion_psf(12, 30, size=25)
    wide = gaussian_psf((1, 3.5), 25, angle=30)
    other = gaussian_psf((1, 3.5), 25, angle=-30)
    assert np.corrcoef(line.ravel(), wide.ravel())[0, 1] > 2 * abs(
        np.corrcoef(line.ravel(), other.ravel())[0, 1]
    )


@pytest.mark.parametrize("length", [5.0, 11.0, 17.5])
@pytest.mark.parametrize("angle", [0, 90, 30, -63])
def test_a_lines_transfer_function(length, angle):
    psf = motion_psf(length, angle)
    found = transfer_function(psf, (128, 128)).real
    rows, columns = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)
    turn = np.radians(angle)
    expected = np.sinc(length * (columns * np.cos(turn) - rows * np.sin(turn)))
    error = np.abs(found - expected)
    assert error[np.hypot(rows, columns) < 0.15].max() < 0.08
    assert error[np.hypot(rows, columns) < 0.25].max() < 0.21
    assert spread(psf, angle) == pytest.approx(length**2 / 12 + 1 / 6, abs=0.02)
    assert spread(psf, angle + 90) < 0.2


def test_sizes():
    assert disc_psf(3, 9).shape == (9, 9)
    assert disc_psf(3, (7, 11)).shape == disc_shape(3, (7, 11)) == (7, 11)
    assert motion_psf(6, 20, 9).shape == motion_shape(6, 20, 9) == (9, 9)
    assert disc_psf(0.2).tolist() == motion_psf(3, 77, 1).tolist() == [[1.0]]
    np.testing.assert_allclose(disc_psf(3, 3), 1 / 9, atol=1e-6)
    np.testing.assert_allclose(disc_psf(2, 9)[2:-2, 2:-2], disc_psf(2), atol=1e-7)


@pytest.mark.parametrize(
    ("make", "arguments", "error", "says"),
    [
        (disc_psf, (0,), ValueError, "radius is 0"),
        (disc_psf, (np.nan,), ValueError, "above 0"),
        (disc_psf, ("wide",), TypeError, "radius is 'wide'"),
        (disc_psf, ((2, 3),), TypeError, "must be a number"),
        (disc_psf, (2, 4), ValueError, "odd"),
        (disc_psf, (2, (3, 3, 3)), TypeError, "one number per axis"),
        (motion_psf, (-1,), ValueError, "length is -1"),
        (motion_psf, (np.inf,), ValueError, "above 0"),
        (motion_psf, (5, np.nan), ValueError, "angle is nan"),
        (motion_psf, (5, "left"), TypeError, "angle is 'left'"),
        (motion_psf, (5, 0, 2), ValueError, "odd"),
    ],
)
def test_refusals(make, arguments, error, says):
    with pytest.raises(error, match=says):
        make(*arguments)
