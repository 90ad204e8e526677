"""Make sharp scenes and point spread functions for the cases."""

import numpy as np
from scipy import ndimage
from skimage import color, data


def photograph(name: str) -> np.ndarray:
    """Load a picture from scikit-image; values 0 to 1, grey unless colour is asked for."""
    name, _, in_colour = name.partition(" ")
    loader = {"hubble": "hubble_deep_field"}.get(name, name)
    picture = getattr(data, loader)() / 255.0
    if picture.ndim == 3 and not in_colour:
        picture = color.rgb2gray(picture)
    return picture


def uniform_psf(size: int) -> np.ndarray:
    return np.full((size, size), 1 / size**2, dtype=np.float32)


def line_psf(length: float, angle: float) -> np.ndarray:
    """Make the PSF of a straight motion, antialiased; degrees, counter-clockwise on screen."""
    half = int(np.ceil(length / 2)) + 1
    psf = np.zeros((2 * half + 1,) * 2)
    direction = np.array([-np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    for position in np.linspace(-length / 2, length / 2, 64 * int(length)):
        row, column = position * direction + half
        top, left = int(row), int(column)
        down, right = row - top, column - left
        psf[top : top + 2, left : left + 2] += np.outer([1 - down, down], [1 - right, right])
    return (psf / psf.sum()).astype(np.float32)


def nuclei(shape: tuple[int, ...], count: int = 60, seed: int = 3) -> np.ndarray:
    """Make a volume of ellipsoids with a mottled inside on a faint background; 0 to 1."""
    random = np.random.default_rng(seed)
    mottle = ndimage.gaussian_filter(random.normal(size=shape), 1.5)
    mottle = np.clip(1 + 0.35 * mottle / mottle.std(), 0.2, 2)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    volume = np.zeros(shape)
    for _ in range(count):
        centre = random.uniform(0, shape)
        radii = random.uniform((3, 6, 6), (6, 13, 13))
        turn = np.linalg.qr(random.normal(size=(2, 2)))[0]
        offset = grid - centre
        offset[..., 1:] = offset[..., 1:] @ turn
        distance = np.sqrt(np.sum((offset / radii) ** 2, axis=-1))
        inside = np.clip((1 - distance) * radii.mean() + 0.5, 0, 1)
        volume = np.maximum(volume, inside * random.uniform(0.3, 1))
    volume = 0.03 + volume * mottle
    return volume / volume.max()


def filaments(shape: tuple[int, ...], count: int = 40, seed: int = 4) -> np.ndarray:
    """Make a volume of thin, winding filaments on a faint background; 0 to 1."""
    random = np.random.default_rng(seed)
    volume = np.zeros(shape)
    for _ in range(count):
        position = random.uniform(0, shape)
        direction = random.normal(size=3) * (0.5, 1, 1)
        brightness = random.uniform(0.3, 1)
        for _ in range(400):
            direction += 0.15 * random.normal(size=3) * (0.5, 1, 1)
            direction /= np.linalg.norm(direction)
            position = (position + 0.5 * direction) % shape
            index = tuple(np.round(position).astype(int) % shape)
            volume[index] = max(volume[index], brightness)
    volume = ndimage.gaussian_filter(volume, 0.8, mode="wrap")
    return 0.02 + 0.98 * volume / volume.max()
