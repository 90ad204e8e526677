"""The method that is chosen from the image, above all for sparse photon counts."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import PoissonLikelihood, RichardsonLucy, calibrate, deconvolve, gaussian_psf
from napari_tf_deblur._core.forward import convolve

PSF = gaussian_psf(1.8)


def light(shape=(128, 128), seed=0, photons=0.4, width=1.0):
    """Blobs on a dark background, with a mean number of photons per pixel."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(25):
        scene[tuple(random.integers(0, n) for n in shape)] += random.uniform(0.2, 1)
    scene = ndimage.gaussian_filter(scene, width)
    return photons * scene / scene.mean()


def counted(scene, seed=0):
    psf = gaussian_psf((1.8,) * scene.ndim)
    return np.random.default_rng(seed).poisson(convolve(scene, psf)).astype(np.float32)


def taken(image, psf=PSF, **options):
    return type(calibrate(image, psf, **options).method)


@pytest.mark.parametrize("photons", [0.02, 0.4, 3])
@pytest.mark.parametrize("step", [1.0, 0.1, 37.0])
def test_counts_of_which_most_are_zero_are_told_in_any_units(photons, step):
    image = counted(light(photons=photons))
    assert taken(step * image) is RichardsonLucy
    assert taken(step * image[::-1].T) is RichardsonLucy


def test_they_may_be_a_volume_whole_numbers_or_masked():
    assert taken(counted(light((12, 40, 40))), gaussian_psf((1.8,) * 3)) is RichardsonLucy
    image = counted(light())
    assert taken(image.astype(np.uint8)) is RichardsonLucy
    mask = np.zeros(image.shape, bool)
    mask[40:50, 60:70] = True
    image[mask] = np.nan
    assert taken(image, mask=mask) is RichardsonLucy


@pytest.mark.parametrize(
    "kind", ["bright", "light about", "noise cut off", "of a camera", "smoothed", "cut to zero"]
)
def test_other_images_with_dark_ground_are_no_single_photons(kind):
    random = np.random.default_rng(1)
    scene = light(photons=2)
    image = {
        "bright": lambda: counted(scene + 5),
        "light about": lambda: counted(scene / 6 + 0.4),  # most pixels are still empty
        "noise cut off": lambda: (convolve(scene, PSF) + random.normal(0, 0.3, scene.shape)).clip(
            0
        ),
        "of a camera": lambda: np.round(5 * counted(scene) + random.normal(0, 8, scene.shape)),
        "smoothed": lambda: ndimage.gaussian_filter(counted(scene), 0.7),
        "cut to zero": lambda: (20 * counted(scene) + random.normal(0, 20, scene.shape)).clip(0),
    }[kind]()
    assert taken(image.clip(0).astype(np.float32)) is not RichardsonLucy


@pytest.mark.finds_weight
@pytest.mark.parametrize("photons", [0.05, 0.4, 3])
@pytest.mark.parametrize("width", [0, 1.5, 4])
def test_sparse_counts_are_seen_better(photons, width):
    sharp = light(photons=photons, width=width, seed=3)
    image = counted(sharp, 3)

    def far(method):
        result = deconvolve(image, PSF, method)
        return np.std(result.image + result.method.offset - sharp)

    assert far("auto") < far(PoissonLikelihood())
