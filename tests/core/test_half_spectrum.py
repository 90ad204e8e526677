import numpy as np
import pytest
from scipy import fft

from napari_tf_deblur._core.half_spectrum import half_spectrum_frequencies, half_spectrum_weights

shapes = pytest.mark.parametrize("shape", [(1,), (2,), (7,), (8,), (5, 4), (4, 5), (3, 4, 6)])


@shapes
def test_weights_give_the_power_of_the_image(shape):
    image = np.random.default_rng(0).normal(size=shape)
    power = np.abs(fft.rfftn(image)) ** 2 * half_spectrum_weights(shape[-1])
    assert power.sum() / image.size == pytest.approx(np.sum(image**2))


@shapes
def test_frequencies_are_those_of_the_half_spectrum(shape):
    wave = np.random.default_rng(1).integers(0, np.array(shape) // 2 + 1)
    frequencies = half_spectrum_frequencies(shape)
    phase = sum(2 * np.pi * k * i / n for k, i, n in zip(wave, np.indices(shape), shape))
    peak = np.unravel_index(np.argmax(np.abs(fft.rfftn(np.cos(phase)))), fft.rfftn(phase).shape)
    found = [np.broadcast_to(f, fft.rfftn(phase).shape)[peak] for f in frequencies]
    assert np.abs(found) == pytest.approx(wave / np.array(shape))
