"""Pieces at the border of an image agree with the whole image, whose scene is periodic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    deconvolve,
    disc_psf,
    gaussian_psf,
)
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.margins import piece_margin, scene_gap
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.pieces import PieceGrid
from napari_tf_deblur._storage.regions import region_shape

METHODS = [
    TotalVariation(weight=2e-3),
    Hessian(weight=2e-3),
    PoissonLikelihood(weight=0.05),
    RichardsonLucy(iterations=15),
    Wiener(balance=0.01),
]


@pytest.mark.parametrize("psf", [gaussian_psf(1.5), disc_psf(2)], ids=["Gaussian", "disc"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_the_border_of_an_image_comes_out_as_in_the_whole(method, psf, spots):
    image = np.maximum(spots, 0)
    image[:, :75] *= 3  # opposite sides differ
    whole = deconvolve(image, psf, method)
    found = replace(whole.calibration, global_values=whole.global_values)
    recipe = PieceSolver(psf, found, {}, None, False, None)
    margin, gap = piece_margin(psf, method), scene_gap(image.shape, psf, method)
    cut = PieceGrid.from_sizes(image.shape, (0, 1), (40, 50), margin, gap)
    large = LargeImage(image, None, None)
    for piece in cut:
        part = large.get_region_reader(piece.input_region, piece.gap)
        off = np.abs(
            recipe.solve(part.pixels, None, piece).image - whole.image[piece.output_region]
        )
        assert off.max() < 0.01 * np.ptp(whole.image), piece


@settings(deadline=None)
@given(st.data())
def test_regions_read_round_the_scene(data):
    shape = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple))
    sizes, margins, gaps = (
        [data.draw(st.integers(least, most)) for _ in shape]
        for least, most in [(4, 20), (0, 5), (0, 9)]
    )
    gaps = [g * (m > 0) for g, m in zip(gaps, margins)]
    cut = PieceGrid.from_sizes(shape, tuple(range(len(shape))), sizes, margins, gaps)
    values = np.arange(1, np.prod(shape) + 1).reshape(shape)
    scene = np.pad(values, [(0, g) for g in gaps])
    written = np.zeros(shape, int)
    for piece in cut:
        written[piece.output_region] += 1
        pixels = (
            LargeImage(values, None, None).get_region_reader(piece.input_region, piece.gap).pixels
        )
        around = [np.arange(s.start, s.stop) % n for s, n in zip(piece.input_region, scene.shape)]
        np.testing.assert_array_equal(pixels, scene[np.ix_(*around)])
        np.testing.assert_array_equal(pixels[piece.inner_region], values[piece.output_region])
        for part, gap in zip(np.ix_(*around), piece.gap):
            assert gap.start >= 0
            assert gap.stop <= part.size
        for axis, (read, write) in enumerate(zip(piece.input_region, piece.output_region)):
            whole = size = read.stop - read.start
            if size == shape[axis] and read.start == 0:
                continue  # all of an axis has its own border
            assert write.start - read.start >= min(margins[axis], write.start + gaps[axis]), whole
    assert (written == 1).all()
    assert (
        tuple(map(max, zip(*(map(region_shape, [p.input_region for p in cut])))))
        == cut.largest_input_size
    )
