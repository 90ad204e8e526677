"""A residual in standard deviations of its noise is as strong in bright parts as in dark ones."""

import numpy as np
import pytest

from napari_tf_deblur._noise.standardise import standardise_residual


def scene(shape):
    """A shaded image, bright in its right half, with margins on all sides."""
    light = np.full(shape, 20.0)
    light[..., shape[-1] // 2 :] = 500
    return light * (1 + 0.2 * np.linspace(-1, 1, shape[-2])[:, None])


@pytest.mark.parametrize("shape", [(1, 1, 128, 160), (3, 1, 96, 128), (1, 1, 12, 64, 80)])
@pytest.mark.parametrize(("gain", "read"), [(1.0, 0.0), (2.5, 6.0), (0.0, 3.0)])
def test_noise_is_alike_everywhere_whatever_the_units(shape, gain, read):
    random = np.random.default_rng(0)
    light = scene(shape)
    image = gain * random.poisson(light) if gain else light
    image = (image + read * random.normal(size=shape)).astype(np.float32)
    residual = (image - (gain or 1) * light).astype(np.float32)
    for unit in (np.float32(1), np.float32(1e-3)):
        relative = standardise_residual(residual * unit, image * unit)
        half = shape[-1] // 2
        for part in (relative[..., : half - 6], relative[..., half + 6 :]):
            assert 0.85 < part.std() < 1.15


def test_what_was_not_compared_is_0_and_an_image_without_noise_has_no_unit():
    random = np.random.default_rng(0)
    light = scene((2, 1, 96, 96))
    image = random.poisson(light).astype(np.float32)
    residual = (image - light).astype(np.float32)
    residual[1] = 0  # a plane that was left as it is
    image[0, 0, 5, 6], residual[0, 0, 5, 6] = np.nan, 0
    relative = standardise_residual(residual, image)
    assert np.isfinite(relative).all()
    assert not relative[1].any()
    assert standardise_residual(np.zeros_like(residual), image) is None
    flat = np.ones((1, 1, 64, 64), np.float32)
    assert standardise_residual(1e-9 * flat, flat) is None
