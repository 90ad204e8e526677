"""Vary the constants by which JPEG images are told from others.

    python benchmarks/jpeg.py

Pictures of ``blur_choices.py``, which neither tests nor results use, are blurred, get noise, and
are compressed; or they are not compressed but rounded to whole numbers, counted as photons, made of
few grey levels, enlarged, or made of equal spots. Printed, for each constant whose docstring names
this command, at 0.5, 1 and 1.5 times its value: how many compressed images are found; the median
ratio of the estimated to the true error of compression; and how many of the other images are called
compressed.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from blur_choices import scene_of
from blur_families import Blur, compressed, seen_through
from scipy import ndimage
from sensitivity import variations

from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.pixels import Pixels

PICTURES = ("retina", "tissue", "microaneurysms", "text", "motorcycle", "logo", "leaves 21")
BLURS: tuple[Blur, ...] = (("Gaussian", 0.7, 0.0), ("Gaussian", 1.5, 0.0), ("disc", 3.0, 0.0))
NOISES = (0.3, 1.5, 4.0)
QUALITIES = (40, 60, 75, 85, 92)

Images = list[tuple[np.ndarray, float]]


def seen_images() -> Iterator[np.ndarray]:
    for name in PICTURES:
        for blur in BLURS:
            for noise in NOISES:
                yield seen_through(name, scene_of(name), blur, noise, False).image


def compressed_images() -> Images:
    """Return images, each with the standard deviation of its error of compression."""
    made = []
    for image in seen_images():
        for quality in QUALITIES:
            seen = compressed(image, quality).astype(np.float32)
            made.append((seen, float(np.std(seen - np.rint(image).clip(0, 255)))))
    return made


def other_images() -> Images:
    random = np.random.default_rng(0)
    made = []
    for image in seen_images():
        light = np.maximum(image, 0)
        made += [
            image,
            np.rint(image).clip(0, 255),
            random.poisson(light / 25),
            random.poisson(light),
            np.rint(light / 16) * 16,
            np.repeat(np.repeat(image, 2, 0), 2, 1)[: len(image), : len(image)],
            ndimage.zoom(image, 2, order=1)[: len(image), : len(image)],
        ]
    for size, number in ((3, 200), (5, 100), (9, 60)):
        spots = np.zeros((256, 256))
        spots[tuple(random.integers(0, 256, (2, number)))] = 1
        spots = ndimage.uniform_filter(spots, size)
        made += [200 * spots / spots.max(), ndimage.gaussian_filter(spots, 1.5)]
    return [(image, 0.0) for image in made]


def error_of(image: np.ndarray) -> float:
    return estimate_jpeg_error(Pixels(image.astype(np.float32)[None, None]))


def row(files: Images, others: Images) -> str:
    found = [(error_of(image), truth) for image, truth in files]
    ratios = [error / truth for error, truth in found if error]
    false = sum(bool(error_of(image)) for image, _ in others)
    return f"{len(ratios)} | {np.median(ratios):.2f} | {false} |"


def main() -> None:
    files, others = compressed_images(), other_images()
    print(f"{len(files)} compressed images, {len(others)} others\n")
    print("| constant | times | found | error, over the true one | others called compressed |")
    print("| --- | ---: | ---: | ---: | ---: |")
    print(f"| as it is | 1 | {row(files, others)}", flush=True)
    for name, factor in variations("benchmarks/jpeg.py"):
        print(f"| {name} | {factor:g} | {row(files, others)}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
