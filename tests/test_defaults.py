"""Results with the defaults: the method and the weight that are found from the image."""

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage

from napari_tf_deblur import convolve, deblur_layer, deconvolve, gaussian_psf

pytestmark = pytest.mark.finds_weight

SIGMA = 1.8


def discs(random, shape=(96, 104)):
    """Bright discs of many sizes with sharp edges, and a texture."""
    grid = np.indices(shape)
    scene = np.full(shape, 0.1)
    for _ in range(25):
        middle = [random.uniform(0, n) for n in shape]
        distance = np.sqrt(sum((g - m) ** 2 for g, m in zip(grid, middle)))
        inside = np.clip(random.uniform(3, 11) - distance, 0, 1)
        scene = np.maximum(scene, inside * random.uniform(0.2, 1))
    return scene * (1 + 0.1 * ndimage.gaussian_filter(random.normal(size=shape), 1))


def points(random, shape=(96, 104)):
    scene = np.full(shape, 0.02)
    scene[tuple(random.integers(4, n - 4, 60) for n in shape)] = random.uniform(2, 20, 60)
    return scene


def colours(random):
    return np.stack([discs(random) for _ in range(3)], axis=-1)


def volume(random):
    return discs(random, (12, 40, 44))


def uint16_counts(light, random):
    return random.poisson(400 * light + 20).astype(np.uint16)


def uint8_photograph(light, random):
    grey = 200 * light / max(light.max(), 1) + random.normal(0, 1.5, light.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def signed_floats(light, random):
    return (light - 0.5 + random.normal(0, 0.01, light.shape)).astype(np.float32)


CASES = {
    "discs, counts": (discs, uint16_counts, {}),
    "discs, 8 bits": (discs, uint8_photograph, {}),
    "discs, values below zero": (discs, signed_floats, {}),
    "points, counts": (points, uint16_counts, {}),
    "colours, 8 bits": (colours, uint8_photograph, {"channel_axis": -1}),
    "volume, counts": (volume, uint16_counts, {}),
}


def observe(name):
    """Return a scene, its picture by a camera, and the PSF."""
    make, camera, options = CASES[name]
    random = np.random.default_rng(11)
    scene = make(random)
    axes = scene.ndim - len(options)
    psf = gaussian_psf(SIGMA, ndim=axes)
    light = np.maximum(convolve(scene, psf, boundary="reflect", **options), 0)
    return scene, camera(light, random), psf, options


def error(image, scene):
    """Return the relative error after the best scale and offset."""
    line = np.polyfit(np.ravel(image), np.ravel(scene), 1)
    return np.std(np.polyval(line, np.ravel(image)) - np.ravel(scene)) / np.std(scene)


@pytest.mark.parametrize("name", CASES)
def test_the_default_is_better_than_its_source_and_finds_no_fault_with_the_psf(name):
    scene, image, psf, options = observe(name)
    kept = image.copy()
    result = deconvolve(image, psf, **options)
    np.testing.assert_array_equal(image, kept)
    assert result.image.shape == image.shape
    assert result.image.dtype == np.float32
    assert np.isfinite(result.image).all()
    assert error(result.image, scene) < 0.97 * error(image, scene)
    assert result.calibration.psf_width == 1
    assert not result.verdict.kind.startswith("PSF too")


@pytest.mark.parametrize("name", ["discs, counts", "discs, 8 bits", "points, counts"])
def test_without_a_psf_it_is_no_worse_than_its_source(name):
    scene, image, _, options = observe(name)
    result = deconvolve(image, **options)
    assert error(result.image, scene) <= 1.01 * error(image, scene)
    assert result.blur is not None


def test_a_layer_is_deblurred_as_its_array():
    _, image, psf, _ = observe("discs, counts")
    layer = deblur_layer(Image(image, name="cells"), psf)
    np.testing.assert_array_equal(layer.data, deconvolve(image, psf).image)


def test_the_first_press_with_nothing_told(make_napari_viewer, finished, told):
    scene, image, _, _ = observe("discs, counts")
    viewer = make_napari_viewer(strict_qt="raise")
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    source = viewer.add_image(image, name="cells")
    dock.deblur_button.native.click()
    finished(dock)
    (result,) = (layer for layer in viewer.layers if layer.name.startswith("cells deblurred"))
    assert error(result.data, scene) <= 1.01 * error(image, scene)
    np.testing.assert_array_equal(source.data, image)
    record = result.metadata["napari_tf_deblur"]
    assert record["verdict"]["sentence"] in dock.status.text()
    np.testing.assert_array_equal(result.data, deconvolve(image).image)
