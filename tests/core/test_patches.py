"""Patches with structure are chosen, the same ones in a turned or flipped image."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur._core.patches import find_patches, subtract_mean, symmetric_size
from napari_tf_deblur._core.pixels import Pixels


@pytest.mark.parametrize("frame", [(64, 64), (61, 90), (40, 33), (24, 24)])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_patch_is_chosen_in_a_turned_image(frame, seed):
    """The middle patch, or one with much more structure."""
    random = np.random.default_rng(seed)
    scene = 10 * ndimage.gaussian_filter(random.normal(size=frame), 2)
    if seed:
        lit = np.zeros(frame)
        lit[tuple(random.integers(0, n) for n in frame)] = 2000
        lit[tuple(random.integers(0, n) for n in frame)] = 1500
        scene += ndimage.gaussian_filter(lit, 2)
    numbers = np.arange(scene.size).reshape(frame)

    def seen(image, labels):
        look = tuple(symmetric_size(n, 24) for n in image.shape)
        planes = image[None, None].astype(np.float32)
        ((_, place),) = find_patches(Pixels(planes), 1.0, look, 1)
        return set(labels[place[1:]].ravel())

    expected = seen(scene, numbers)
    middle = {scene.shape[0] // 2 * frame[1] + frame[1] // 2}
    assert middle <= expected or seed
    for turned in (np.flipud, np.fliplr, np.transpose, np.rot90):
        assert seen(turned(scene), turned(numbers)) == expected


@pytest.mark.parametrize(("n", "most"), [(5, 8), (8, 8), (9, 8), (10, 8), (2, 1), (300, 208)])
def test_a_centred_patch_leaves_as_many_pixels_on_both_sides(n, most):
    size = symmetric_size(n, most)
    assert 1 <= size <= max(most, 1)
    assert n <= most or (n - size) % 2 == 0 or size == 1


def choose_structure(times):
    """Patch that is chosen if another has some times the structure of the middle one."""
    rows, columns = np.indices((72, 72))
    middle, corner = (np.exp(-((rows - c) ** 2 + (columns - c) ** 2) / 18) for c in (36, 12))
    image = (middle + np.sqrt(times) * corner).astype(np.float32)[None, None]
    ((_, place),) = find_patches(Pixels(image), 1.0, (24, 24), 1)
    return place[1:]


def test_a_patch_beside_the_middle_needs_much_more_structure():
    assert choose_structure(3) == np.s_[24:48, 24:48]
    assert choose_structure(6) == np.s_[0:24, 0:24]


def test_a_hole_is_filled_from_its_surroundings():
    rows, columns = np.indices((40, 40))
    image = np.sin(rows / 8 + columns / 9).astype(np.float32)[None]
    valid = np.ones(image.shape, bool)
    valid[0, 20:23, 12:15] = False
    truth = subtract_mean(Pixels(image, None), 1.0)
    found = subtract_mean(Pixels(np.where(valid, image, 50), valid), 1.0)
    np.testing.assert_allclose(found, truth, atol=0.15)
