"""Random numbers that turn and move with an image."""

from itertools import permutations, product

import numpy as np
import pytest

from napari_tf_deblur._noise.equivariant_random import draw_normal


def ways(image):
    """All ways to turn and flip an image, each with its inverse."""
    for order in permutations(range(image.ndim)):
        for signs in product((1, -1), repeat=image.ndim):
            flips = tuple(slice(None, None, sign) for sign in signs)
            yield (
                image.transpose(order)[flips],
                lambda x, f=flips, o=order: x[f].transpose(np.argsort(o)),
            )


@pytest.mark.parametrize("shape", [(1, 1), (40,), (3, 5), (33, 20), (1, 9), (7, 8, 12)])
@pytest.mark.parametrize("counts", [False, True])
def test_they_turn_with_the_image(shape, counts):
    random = np.random.default_rng(0)
    image = random.poisson(0.3, shape) if counts else random.normal(size=shape)
    expected = draw_normal(image.astype(np.float32), len(shape))
    for turned, back in ways(image.astype(np.float32)):
        np.testing.assert_array_equal(back(draw_normal(turned, len(shape))), expected)


def test_they_move_with_the_image_and_do_not_depend_on_its_units():
    image = np.random.default_rng(1).poisson(4, (2, 3, 60, 70)).astype(np.float32)
    expected = draw_normal(image, 2)
    moved = draw_normal(image[..., 5:, 3:-2], 2)
    np.testing.assert_array_equal(moved[..., 9:-9, 9:-9], expected[..., 14:-9, 12:-11])
    for factor in (1e-20, 0.3, 1e20):
        np.testing.assert_array_equal(draw_normal(image * np.float32(factor), 2), expected)


@pytest.mark.parametrize("counts", [0.05, 3, None])
def test_they_are_white_and_not_correlated_with_the_image(counts):
    random = np.random.default_rng(2)
    shape = (256, 256)
    image = random.normal(size=shape) if counts is None else random.poisson(counts, shape)
    numbers = draw_normal(image.astype(np.float32), 2)
    where = image > 0 if counts else np.ones(shape, bool)  # nothing is split where there is none
    few = 4 / np.sqrt(np.count_nonzero(where))
    assert abs(numbers[where].mean()) < few
    assert abs(numbers[where].std() - 1) < few
    assert np.abs(numbers).max() < 7
    for step in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0)):
        beside = np.roll(image - image.mean(), step, (0, 1)) / image.std()
        assert abs(np.mean((numbers * beside)[where])) < 2 * few
        if step != (0, 0) and counts != 0.05:
            assert abs(np.mean(numbers * np.roll(numbers, step, (0, 1)))) < few
