"""What noise is estimated from is measured once, also if a background is subtracted."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.background import estimate_background
from napari_tf_deblur._noise.noise import estimate_noise_line
from napari_tf_deblur._noise.noise_line import fit_noise_line
from napari_tf_deblur._noise.noise_sample import NoiseSample


@pytest.mark.parametrize("shape", [(200, 180), (24, 64, 64)])
def test_a_subtracted_offset_needs_no_other_measurement(shape):
    random = np.random.default_rng(0)
    light = ndimage.gaussian_filter(random.random(shape), 3)
    light = 200 * (light - light.min()) / np.ptp(light)
    image = (100 + 2 * random.poisson(light)).astype(np.float32)[None, None]
    shifted = NoiseSample.from_pixels(Pixels(image)).subtract_offset(100.0)
    measured = NoiseSample.from_pixels(Pixels(image - 100))
    for estimate in (fit_noise_line, estimate_noise_line):
        assert estimate(shifted) == pytest.approx(estimate(measured), rel=1e-3, abs=1e-2)
    values = ("level", "lowest", "highest", "step", "part_at_lowest")
    for name in values:
        units = [
            1.0 if name in ("level", "part_at_lowest") else s.unit for s in (shifted, measured)
        ]
        one, other = getattr(shifted, name) * units[0], getattr(measured, name) * units[1]
        assert one == pytest.approx(other, rel=1e-4, abs=1e-4)


def test_a_sample_gives_the_same_background():
    light = 20 + 100 * (np.indices((160, 160))[0] > 120)
    image = np.random.default_rng(0).poisson(light).astype(np.float32)[None, None]
    sample = NoiseSample.from_pixels(Pixels(image))
    assert estimate_background(Pixels(image), sample) == estimate_background(Pixels(image))
