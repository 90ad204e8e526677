"""Images with many axes and with masks: results in pieces agree with those in memory."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_tf_deblur import RichardsonLucy, TotalVariation, deconvolve, gaussian_psf
from napari_tf_deblur._large import plan
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._preparation.arguments import Arguments

PSF = gaussian_psf(1.0)

METHOD = TotalVariation(iterations=30, weight=3e-3, tolerance=0)

pytestmark = pytest.mark.usefixtures("small_pieces")


def close(found, expected, span=None):
    """Compare by 0.02 of the range; single pixels in corners differ by a little over 0.01."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    largest = np.abs(found - expected)[finite].max()
    assert largest <= 0.02 * (span or np.ptp(expected[finite])), largest


def both(image, psf=PSF, method=METHOD, mask=None, chunks=64, **options):
    """Return the result in pieces and that in memory."""
    lazy = da.from_array(image, chunks=chunks)
    pieces = deconvolve(lazy, psf, method, mask=mask, **options)
    if isinstance(mask, da.Array):
        mask = mask.compute()
    return pieces, deconvolve(image, psf, method, mask=mask, **options)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_colours(axis, spots):
    image = np.stack([spots, 0.5 * spots, spots[::-1]], axis)
    pieces, whole = both(image, channel_axis=axis)
    close(pieces.image, whole.image)
    close(pieces.residual, whole.residual, np.ptp(whole.image))


def test_transparency(spots):
    alpha = np.full(spots.shape, 77.0, np.float32)
    image = np.stack([spots, 0.5 * spots, spots, alpha], -1)
    pieces, whole = both(image, channel_axis=-1, alpha=True)
    close(pieces.image, whole.image)
    close(pieces.residual, whole.residual, np.ptp(whole.image))
    assert (np.asarray(pieces.image)[..., 3] == 77).all()


def test_leading_axes(spots):
    image = np.stack([spots, spots[::-1], spots[:, ::-1], spots * 0.7]).reshape(2, 2, 120, 150)
    pieces, whole = both(image, method=RichardsonLucy(iterations=10, background=0))
    close(pieces.image, whole.image)


def test_one_axis():
    rng = np.random.default_rng(0)
    line = 100 * rng.random(300, np.float32) ** 8
    psf = gaussian_psf((1.5,))
    pieces, whole = both(np.convolve(line, psf, "same").astype(np.float32), psf)
    close(pieces.image, whole.image)


def test_three_axes(monkeypatch):
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 3, 32**3)
    rng = np.random.default_rng(0)
    points = 1000 * rng.random((20, 70, 40), np.float32) ** 40
    volume = gaussian_filter(points, 1) + rng.normal(0, 0.5, points.shape).astype(np.float32)
    pieces, whole = both(volume, gaussian_psf((1, 1, 1)), TotalVariation(iterations=15))
    assert np.ptp(whole.image) > 0.5 * np.ptp(volume)
    close(pieces.image, whole.image)


def test_a_psf_with_more_pixels_than_the_image():
    image = np.zeros((20, 24), np.float32)
    image[8:12, 8:14] = 50
    pieces, whole = both(image, gaussian_psf(2.0, size=61))
    close(pieces.image, whole.image)


def test_an_axis_that_is_shorter_than_the_margin(spots):
    pieces, whole = both(np.ascontiguousarray(spots[50:58]))
    close(pieces.image, whole.image)


MASK = np.zeros((120, 150), bool)
MASK[30:40, 60:75] = True


@pytest.mark.parametrize("mask", [MASK, MASK.astype(np.uint8), da.from_array(MASK, chunks=40)])
def test_what_is_masked_is_ignored(mask, spots):
    image = spots.copy()
    image[MASK] = np.nan
    pieces, whole = both(image, mask=mask)
    close(pieces.image, whole.image)


def test_a_masked_array_in_memory_over_budget(spots):
    image = np.tile(np.ma.masked_array(np.where(MASK, 9e9, spots), MASK), (2, 2))
    whole = deconvolve(image, PSF, METHOD)
    pieces = deconvolve(image, PSF, METHOD, memory=6e-3)
    assert "in 20 pieces" in pieces.pieces
    close(pieces.image, whole.image)


@pytest.mark.parametrize("values", ["masked", "nan", "constant"])
def test_pieces_with_nothing_to_see(values, spots):
    image, mask = spots.copy(), np.zeros(spots.shape, bool)
    nothing = np.s_[:, 80:]  # the last pieces, with their margins
    if values == "constant":
        image[nothing] = 10
    else:
        mask[nothing] = True
        image[nothing] = np.nan if values == "nan" else 3
    pieces, whole = both(image, mask=mask)
    found, expected = np.asarray(pieces.image), whole.image
    seen = ~mask
    close(np.where(seen, found, 0), np.where(seen, expected, 0))


def test_photons_are_counted_alike(spots):
    image = np.random.default_rng(1).poisson(np.maximum(spots, 0)).astype(np.uint16)
    pieces, whole = both(image, method=RichardsonLucy(iterations=10))
    close(pieces.image, whole.image)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_pieces_read_what_an_image_holds(data):
    """For all shapes, axes, masks and dtypes, a region is read with its own pixels and mask."""
    shape = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple))
    dtype = data.draw(st.sampled_from(["u1", ">u2", "i4", "f4", ">f8", "?"]))
    values = (np.arange(np.prod(shape)).reshape(shape) % 97).astype(dtype)
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    frame = tuple(n for a, n in enumerate(shape) if axis is None or a != axis % len(shape))
    mask = data.draw(st.none() | st.just(np.arange(np.prod(frame)).reshape(frame) % 3 == 0))
    chunks = data.draw(st.integers(1, 10))
    lazy = mask is not None and mask.ndim and data.draw(st.booleans())
    given_mask = da.from_array(mask, chunks=2) if lazy else mask
    image = LargeImage.from_arguments(
        Arguments(da.from_array(values, chunks=chunks), channel_axis=axis, mask=given_mask)
    )
    region = tuple(
        slice(start, data.draw(st.integers(start + 1, n)))
        for n in shape
        for start in [data.draw(st.integers(0, n - 1))]
    )
    pixels, ignored = image.get_region_reader(region).read()
    np.testing.assert_array_equal(pixels, values[region])
    if mask is None:
        assert ignored is None
    else:
        where = tuple(s for a, s in enumerate(region) if a != image.channel_axis)
        np.testing.assert_array_equal(ignored, mask[where])
