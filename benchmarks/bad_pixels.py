"""Count pixels that are called bad, for several thresholds.

    python benchmarks/bad_pixels.py

Scenes are those of ``blur_choices.py``, which neither tests nor results use, and points of many
densities and brightnesses. For each ``MIN_BAD_PIXEL_SIGMAS``, printed are: pixels that are called
bad in images of points, where none is, with the true PSF and with one of sigma 0.8; the same in
pictures; and how many of 360 hot and dead pixels are found.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from blur_choices import scene_of
from scipy.ndimage import gaussian_filter

from napari_tf_deblur import gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise import bad_pixels

PICTURES = ("retina", "tissue", "text", "motorcycle", "leaves 21")
HOT_PIXELS = 40


def points(sigma: float) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for number in (30, 300, 3000):
        for photons in (50, 1000, 30000):
            scene = np.zeros((256, 256))
            scene[tuple(random.integers(0, 256, (2, number)))] = random.pareto(1.5, number) + 1
            light = gaussian_filter(scene, sigma)
            counts = random.poisson(photons * light / light.max() + 5)
            yield counts
            yield counts + random.normal(0, 1, counts.shape)


def pictures(sigma: float) -> Iterator[np.ndarray]:
    random = np.random.default_rng(1)
    for name in PICTURES:
        scene = scene_of(name).astype(float)
        light = gaussian_filter(255 * scene / scene.max(), sigma)
        for noise in (0.0, 0.5, 3.0):
            yield light + random.normal(0, noise, light.shape)


def with_hot_pixels(sigma: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(2)
    for name in ("retina", "tissue", "leaves 21"):
        scene = scene_of(name).astype(float)
        light = gaussian_filter(255 * scene / scene.max(), sigma)
        for noise in (0.5, 1.5, 5.0):
            image = light + random.normal(0, noise, light.shape)
            places = random.permutation(image.size)[:HOT_PIXELS]
            is_bad = np.isin(np.arange(image.size), places).reshape(image.shape)
            size = random.uniform(60, 200, image.shape) * random.choice([-1, 1], image.shape)
            yield image + is_bad * size, is_bad


def bad_in(image: np.ndarray, sigma: float) -> np.ndarray:
    values = image.astype(np.float32)[None, None]
    found = bad_pixels.find_bad_pixels(Pixels(values, None), [0], gaussian_psf((sigma, sigma)))
    return np.zeros(image.shape, bool) if found is None else found.reshape(image.shape)


def main() -> None:
    print("| sigmas | points, true PSF | points, PSF 0.8 | pictures, blurred | bad pixels found |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for sigmas in (4.0, 5.0, 6.5, 8.0, 12.0, 16.0):
        bad_pixels.MIN_BAD_PIXEL_SIGMAS = sigmas
        true = sum(bad_in(i, s).sum() for s in (0.5, 0.7, 1.0, 1.5) for i in points(s))
        wrong = sum(bad_in(i, 0.8).sum() for s in (0.7, 1.0, 1.5) for i in points(s))
        seen = sum(bad_in(i, max(0.5, s)).sum() for s in (0.5, 1.0, 2.0) for i in pictures(s))
        right = sum((bad_in(image, 1.2) & bad).sum() for image, bad in with_hot_pixels(1.2))
        print(f"| {sigmas:g} | {true} | {wrong} | {seen} | {right} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
