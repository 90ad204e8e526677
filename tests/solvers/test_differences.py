"""The differences of each prior: their values, which do not depend on direction."""

import numpy as np
import pytest
from common import random_normal
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tf_deblur._solvers.blur import rfft
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.priors import (
    PRIORS,
    HessianPrior,
    NeighbourPrior,
    TotalVariationPrior,
)

shapes = st.lists(st.integers(3, 8), min_size=1, max_size=3).map(tuple)
kinds = st.sampled_from(list(PRIORS.values()))


def tensor(image):
    return tensorflow().constant(np.ascontiguousarray(image, dtype=np.float32)[None, None])


def norm(image, kind, spacing):
    """Sum over the pixels of the length of the vector of differences."""
    prior = kind(tuple(spacing))
    parts = prior.apply(tensor(image))
    return float(np.sqrt(sum(np.square(p.numpy().astype(np.float64)) for p in parts)).sum())


@given(shapes, kinds, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_no_preferred_direction(scene, kind, seed):
    """An image has the same norm after a flip of any axis and after an exchange of axes."""
    image = random_normal(seed, *scene)
    spacing = tuple(np.random.default_rng(seed).uniform(1, 3, len(scene)))
    expected = pytest.approx(norm(image, kind, spacing), rel=1e-5)
    for axis in range(len(scene)):
        assert norm(np.flip(image, axis), kind, spacing) == expected
    turned = tuple(np.random.default_rng(seed).permutation(len(scene)))
    assert norm(image.transpose(turned), kind, [spacing[a] for a in turned]) == expected


@given(shapes, st.data())
@settings(max_examples=15, deadline=None)
def test_an_edge_along_an_axis_costs_its_area_times_its_height(scene, data):
    """The periodic image of a slab has two such edges."""
    axis = data.draw(st.integers(0, len(scene) - 1))
    height = data.draw(st.floats(0.5, 4))
    slab = np.zeros(scene)
    np.moveaxis(slab, axis, 0)[: scene[axis] // 2] = height
    area = 2 * np.prod(scene) / scene[axis]
    assert norm(slab, TotalVariationPrior, (1.0,) * len(scene)) == pytest.approx(
        area * height, rel=1e-5
    )


@given(shapes, kinds)
@settings(max_examples=10, deadline=None)
def test_a_flat_image_costs_nothing(scene, kind):
    assert norm(np.full(scene, 7.0), kind, (1.0,) * len(scene)) == pytest.approx(0, abs=1e-4)


def test_the_corner_term_completes_the_mean_square_along_the_edges_of_a_cell():
    """In 3D, components and quadratic term sum to the mean over the 4 edges along each axis."""
    image, spacing = random_normal(4, 5, 6, 4), (2.0, 1.0, 1.5)
    prior = TotalVariationPrior(spacing)
    total = sum(np.square(p.numpy()).sum() for p in prior.apply(tensor(image)))
    x = tensor(image)
    spectrum = prior.quadratic_spectrum(image.shape)
    normal = rfft(x, 3).numpy() * spectrum
    total += np.vdot(np.fft.irfftn(normal[0, 0], s=image.shape, axes=(0, 1, 2)), image)
    edges = sum(np.square((np.roll(image, -1, a) - image) / spacing[a]).sum() for a in range(3))
    assert total == pytest.approx(edges, rel=1e-4)


def test_the_differences_to_all_neighbours():
    image, spacing = random_normal(5, 6, 7), (2.0, 1.0)
    parts = NeighbourPrior(spacing).apply(tensor(image))
    found = sum(np.square(p.numpy()) for p in parts)[0, 0]
    steps = [(a, step) for a in range(2) for step in (-1, 1)]
    wanted = sum(np.square((np.roll(image, n, a) - image) / spacing[a]) for a, n in steps) / 2
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_hessian_is_frobeniuss_whichever_way_a_ramp_turns():
    rows, columns = np.indices((64, 64)) - 31.5
    norms = []
    for angle in (0, 0.3, np.pi / 4):
        bowl = np.cos(angle) * columns + np.sin(angle) * rows
        smooth = np.exp(-((bowl / 8) ** 2) / 2 - (rows**2 + columns**2) / 100)
        norms.append(norm(smooth, HessianPrior, (1.0, 1.0)))
    assert np.ptp(norms) < 0.02 * np.mean(norms)


@pytest.mark.parametrize(
    ("kind", "order"), [(TotalVariationPrior, 1), (HessianPrior, 2), (NeighbourPrior, 1)]
)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_derivatives_are_per_unit_of_length(kind, order, axes):
    image = random_normal(0, *(6, 5, 4)[:axes])
    fine, coarse = norm(image, kind, (1.0,) * axes), norm(image, kind, (2.0,) * axes)
    assert fine == pytest.approx(2**order * coarse, rel=1e-5)
