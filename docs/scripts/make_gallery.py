"""Make the pictures of the gallery: ``python docs/scripts/make_gallery.py [NAME...]``.

Each is a blurred image on the left and what `deconvolve` makes of it on the right, on one scale of
intensities, in ``docs/pictures``. They are committed: look at them before. Needs no display.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from skimage import data

import napari_tf_deblur as deblur

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from make_pictures import filaments

PICTURES = Path(__file__).resolve().parent.parent / "pictures"
HEIGHT, GAP = 320, 8
Array = NDArray[np.floating]


def in_frame(scene: Array, psf: Array, margin: int = 24) -> Array:
    """What a camera sees, with light from beyond its frame; the last axis may be colours."""
    axis = -1 if scene.ndim > psf.ndim else None
    blurred = deblur.convolve(scene, psf, channel_axis=axis)
    return blurred[margin:-margin, margin:-margin]


def pair(before: Array, after: Array, top: float | None = None) -> Picture.Image:
    low = float(min(np.quantile(before, 0.001), np.quantile(after, 0.001)))
    high = float(np.quantile(after, 0.998)) if top is None else top
    pictures = []
    for image in (before, after):
        shades = np.clip((image - low) / (high - low), 0, 1) ** (0.7 if top is None else 1)
        picture = Picture.fromarray(np.uint8(255 * shades))
        size = (round(HEIGHT * picture.width / picture.height), HEIGHT)
        pictures.append(picture.resize(size, Picture.Resampling.BICUBIC).convert("RGB"))
    row = Picture.new("RGB", (2 * pictures[0].width + GAP, HEIGHT), (128, 128, 128))
    row.paste(pictures[0], (0, 0))
    row.paste(pictures[1], (pictures[0].width + GAP, 0))
    return row


def tubulin() -> Picture.Image:
    """Filaments, NA 1.4, 520 nm, pixels of 65 nm, 300 photons, camera offset 100."""
    psf = deblur.microscope_psf(1.4, 520, spacing=(65, 65))
    light = in_frame(filaments((304, 304)), psf)
    counts = np.random.default_rng(0).poisson(300 * light / light.max())
    image = 100 + 2.0 * counts + np.random.default_rng(1).normal(0, 4, light.shape)
    return pair(image - 100, deblur.deconvolve(image, psf).image)


def out_of_focus() -> Picture.Image:
    """A photograph whose blur is found: a disc of radius 3."""
    image = in_frame(data.coffee()[20:324, 120:424].astype(float), deblur.disc_psf(3))
    image += np.random.default_rng(0).normal(0, 1.5, image.shape)
    return pair(image, deblur.deconvolve(image, channel_axis=-1).image, 255)


def motion() -> Picture.Image:
    """A photograph moved by 11 pixels along 30 degrees; its blur is found."""
    image = in_frame(data.astronaut()[0:304, 90:394].astype(float), deblur.motion_psf(11, 30))
    image += np.random.default_rng(0).normal(0, 1.5, image.shape)
    return pair(image, deblur.deconvolve(image, channel_axis=-1).image, 255)


def nuclei() -> Picture.Image:
    """A volume of rounded nuclei, from the side: z downwards."""
    random = np.random.default_rng(0)
    shape = (40, 96, 96)
    places = np.indices(shape)
    scene = np.full(shape, 2.0)
    for _ in range(40):
        centre = [random.uniform(6, n - 6) for n in shape]
        radii = (random.uniform(4, 6), *random.uniform(7, 11, 2))
        inside = sum(((p - c) / r) ** 2 for p, c, r in zip(places, centre, radii)) < 1
        scene[inside] = random.uniform(60, 120)
    psf = deblur.gaussian_psf((3, 1.5, 1.5))
    image = random.poisson(deblur.convolve(scene, psf, boundary="reflect")).astype(float)
    result = deblur.deconvolve(image, psf).image
    return pair(image[:, 40], result[:, 40])


def few_photons() -> Picture.Image:
    """Points on a dark ground, at most about 20 photons in a pixel."""
    random = np.random.default_rng(3)
    scene = np.zeros((208, 208))
    scene[tuple(random.integers(24, 184, (2, 150)))] = random.uniform(100, 400, 150)
    psf = deblur.gaussian_psf(2)
    image = random.poisson(in_frame(scene, psf)).astype(float)
    return pair(image, deblur.deconvolve(image, psf).image)


def printed_page() -> Picture.Image:
    """A printed page, a Gaussian of 1.8 pixels."""
    image = in_frame(data.page()[0:170, 40:340].astype(float), deblur.gaussian_psf(1.8))
    image += np.random.default_rng(0).normal(0, 2, image.shape)
    return pair(image, deblur.deconvolve(image, deblur.gaussian_psf(1.8)).image, 255)


MAKERS: dict[str, Callable[[], Picture.Image]] = {
    make.__name__: make
    for make in (tubulin, nuclei, few_photons, out_of_focus, motion, printed_page)
}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]().save(PICTURES / f"{name}.png", optimize=True)
        print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    main()
