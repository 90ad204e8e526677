"""Tiles: their weights, their regions, and how many there are."""

from itertools import pairwise

import numpy as np
import pytest

from napari_tf_deblur import RichardsonLucy, TotalVariation, VaryingPSF, gaussian_psf, piece_margin
from napari_tf_deblur._large import tiles
from napari_tf_deblur._large.tiles import choose_centres, is_varying, tiles_around

SIGMAS = (1.0, 1.4, 2.0, 2.8)


def along_z(n):
    places = np.linspace(0, n - 1, len(SIGMAS))
    return VaryingPSF.along_z([gaussian_psf((s, 1)) for s in SIGMAS], places)


def divide(psf, frame, method=None):
    method = method or RichardsonLucy()
    return tiles_around(psf, choose_centres(psf, frame), frame, method)


def sum_weights(found, frame):
    total = np.zeros(frame)
    for tile in found:
        total[tile.output_region] += np.multiply.outer(*tile.weights)
    return total


def scattered():
    rng = np.random.default_rng(3)
    psfs = [gaussian_psf(s) for s in rng.uniform(1, 2, 7)]
    return VaryingPSF(psfs, rng.uniform(0, 90, (7, 2)))


@pytest.mark.parametrize("psf", [along_z(90), scattered()], ids=["along z", "scattered"])
def test_the_weights_sum_to_one_and_fit_their_regions(psf):
    frame = (90, 101)
    found = divide(psf, frame)
    assert len(found) > 2
    np.testing.assert_allclose(sum_weights(found, frame), 1, atol=1e-6)
    for tile in found:
        for line, output, read, n in zip(
            tile.weights, tile.output_region, tile.input_region, frame, strict=True
        ):
            assert len(line) == output.stop - output.start
            assert 0 <= read.start <= output.start < output.stop <= read.stop <= n


@pytest.mark.parametrize("method", [RichardsonLucy(), TotalVariation()])
def test_each_tile_has_the_margin_of_its_method(method):
    frame = (400, 60)
    psf = along_z(400)
    found = divide(psf, frame, method)
    margin = max(piece_margin(tile.psf, method)[0] for tile in found)
    for tile in found:
        output, read = tile.output_region[0], tile.input_region[0]
        assert read.start == 0 or output.start - read.start >= margin
        assert read.stop == 400 or read.stop - output.stop >= margin
        assert tile.input_region[1] == slice(0, 60)


def test_the_psf_changes_equally_from_tile_to_tile():
    frame = (90, 40)
    found = divide(along_z(90), frame)
    changes = [np.linalg.norm(a.psf - b.psf) for a, b in pairwise(found)]
    norm = np.sqrt(np.mean([np.sum(psf**2) for psf in along_z(90).psfs]))
    assert max(changes) <= tiles.MAX_PSF_CHANGE * norm
    assert min(changes) > 0.5 * max(changes)


def test_the_same_psf_everywhere_is_one_tile_in_the_middle():
    psf = VaryingPSF([gaussian_psf(1.5)] * 4, [(0, 0), (0, 50), (40, 0), (40, 50)])
    centres = choose_centres(psf, (41, 51))
    assert not is_varying(centres)
    assert [line.tolist() for line in centres] == [[20.0], [25.0]]


def test_a_table_with_a_psf_for_each_plane_needs_no_more_tiles():
    n = 61
    few, many = along_z(n), along_z(n)
    places = np.arange(n)
    many = VaryingPSF.along_z([few.at((place, 0)) for place in places], places)
    assert len(divide(many, (n, 40))) == len(divide(few, (n, 40)))


def test_the_part_of_the_psf_beyond_the_image_makes_no_tiles():
    psf = VaryingPSF.along_z([gaussian_psf((s, 1)) for s in (1, 1.05, 5)], [-50, 60, 600])
    found = divide(psf, (50, 50))
    assert len(found) == 1
    psf = VaryingPSF.along_z([gaussian_psf((s, 1)) for s in (1, 5)], [-100, -50])
    np.testing.assert_allclose(divide(psf, (50, 50))[0].psf, psf.psfs[1], atol=1e-7)


def test_a_flipped_image_has_flipped_tiles():
    frame = (90, 70)
    psf = scattered()
    flipped = VaryingPSF(psf.psfs, np.array([89, 69]) - psf.places)
    pairs = zip(divide(psf, frame), reversed(divide(flipped, frame)), strict=True)
    for tile, other in pairs:
        for name in ("output_region", "input_region"):
            mirrored = [
                slice(n - part.stop, n - part.start) for part, n in zip(getattr(other, name), frame)
            ]
            assert getattr(tile, name) == tuple(mirrored)
        np.testing.assert_allclose(tile.psf, other.psf, atol=1e-7)
