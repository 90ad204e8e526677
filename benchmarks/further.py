"""Make further cases for automatic settings, from other pictures than those of `cases.py`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import skimage
from cases import Case, observed
from scenes import line_psf, uniform_psf
from scipy import ndimage
from skimage import transform
from skimage.io import imread

from napari_tf_deblur import gaussian_psf


def picture(name: str, shrink: float = 1.0) -> np.ndarray:
    """Load a picture from scikit-image, 0 to 1; made smaller, it is sharper."""
    found = imread(str(Path(skimage.__file__).parent / "data" / name)) / 255.0
    found = found[..., :3] if found.ndim == 3 else found
    if shrink == 1.0:
        return found
    axis = -1 if found.ndim == 3 else None
    return transform.rescale(found, 1 / shrink, anti_aliasing=True, channel_axis=axis)


def grey(colours: np.ndarray) -> np.ndarray:
    return colours.mean(axis=-1)


def leaves(size: int, seed: int) -> np.ndarray:
    """Draw discs of all sizes that cover one another, as objects in photographs do."""
    random = np.random.default_rng(seed)
    scene = np.full((size, size), 0.5)
    rows, columns = np.mgrid[:size, :size]
    for _ in range(2000):
        radius = 3 / np.sqrt(random.uniform(0.003, 1))
        row, column = random.uniform(-20, size + 20, 2)
        scene[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = random.uniform()
    return scene


def cells(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Draw mottled ellipsoids on a faint background."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    mottle = ndimage.gaussian_filter(random.normal(size=shape), 1.8)
    scene = np.zeros(shape)
    for _ in range(count):
        radii = random.uniform(4, 12, len(shape)) * ([0.5, 1, 1] if len(shape) == 3 else 1)
        distance = np.sqrt(np.sum(((grid - random.uniform(0, shape)) / radii) ** 2, axis=-1))
        scene = np.maximum(scene, np.clip(6 * (1 - distance) + 0.5, 0, 1) * random.uniform(0.2, 1))
    scene *= np.clip(1 + 0.35 * mottle / mottle.std(), 0.1, 2.5)
    return 0.02 + 0.98 * scene / scene.max()


def threads(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Draw thin, winding filaments on a faint background."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        place, way = random.uniform(0, shape), random.normal(size=len(shape))
        brightness = random.uniform(0.2, 1)
        for _ in range(500):
            way += 0.12 * random.normal(size=len(shape))
            way /= np.linalg.norm(way)
            place = (place + 0.5 * way) % shape
            scene[tuple(place.astype(int))] = brightness
    scene = ndimage.gaussian_filter(scene, 0.75, mode="wrap")
    return 0.01 + 0.99 * scene / scene.max()


def points(shape: tuple[int, ...], seed: int, count: int) -> np.ndarray:
    """Draw bright points on a faint background."""
    random = np.random.default_rng(seed)
    scene = np.zeros(shape)
    for _ in range(count):
        scene[tuple(random.integers(0, n) for n in shape)] = random.uniform(0.2, 1)
    scene = ndimage.gaussian_filter(scene, 0.8, mode="wrap")
    return 0.01 + 0.99 * scene / scene.max()


TILTED = gaussian_psf((2.5, 1), angle=30)
DEEP, SHALLOW = gaussian_psf((2.2, 1.3, 1.3)), gaussian_psf((1.4, 0.9, 0.9))
FRAME, VOLUME = (192, 192), (32, 80, 80)
WIDE, DEEPER = (232, 232), (50, 98, 98)

_CASES: list[tuple[str, Callable[[], np.ndarray], np.ndarray, dict[str, float]]] = [
    (
        "hubble",
        lambda: grey(picture("hubble_deep_field.jpg", 3)),
        gaussian_psf(1.2),
        {"photons": 300},
    ),
    ("eye", lambda: picture("microaneurysms.png"), gaussian_psf(0.8), {"noise": 1}),
    ("phantom", lambda: grey(picture("phantom.png", 1.5)), gaussian_psf(2), {"noise": 4}),
    ("balloons", lambda: picture("color.png", 1.5), gaussian_psf(1.5), {"noise": 8}),
    ("workshop", lambda: grey(picture("motorcycle_right.png", 2)), gaussian_psf(0.4), {"noise": 4}),
    (
        "workshop in colour",
        lambda: picture("motorcycle_right.png", 2),
        line_psf(11, 60),
        {"noise": 2},
    ),
    (
        "workshop, dim",
        lambda: grey(picture("motorcycle_right.png", 2)),
        gaussian_psf(2),
        {"photons": 40},
    ),
    ("coffee, noisy", lambda: grey(picture("coffee.png", 1.6)), gaussian_psf(1), {"noise": 25}),
    ("logo", lambda: grey(picture("logo.png", 2)), uniform_psf(7), {"noise": 10}),
    ("leaves", lambda: leaves(320, 9), gaussian_psf(5), {"noise": 0.5}),
    ("leaves, tilted", lambda: leaves(256, 10), TILTED, {"noise": 2}),
    ("cells", lambda: cells(WIDE, 21, 60), gaussian_psf(2), {"photons": 40}),
    ("cells, noisy camera", lambda: cells(WIDE, 22, 40), gaussian_psf(0.7), {"noise": 15}),
    ("threads", lambda: threads(WIDE, 23, 30), gaussian_psf(1.3), {"photons": 400}),
    ("threads, wide", lambda: threads(WIDE, 24, 15), gaussian_psf(3), {"photons": 1000}),
    ("points", lambda: points(WIDE, 25, 250), gaussian_psf(2.5), {"photons": 200}),
    ("cells in 3D", lambda: cells(DEEPER, 26, 40), DEEP, {"photons": 60}),
    ("threads in 3D", lambda: threads(DEEPER, 27, 25), DEEP, {"photons": 300}),
    ("points in 3D", lambda: points(DEEPER, 28, 200), SHALLOW, {"photons": 1000}),
    ("cells in 3D, dim", lambda: cells(DEEPER, 29, 40), SHALLOW, {"photons": 15}),
]

DARK = ("cells", "threads", "points")
"""Scenes of light on a dark background."""


def further_cases() -> dict[str, Callable[[], Case]]:
    """Return functions that make the cases, by name."""
    return {name: partial(_case, name, *about) for name, *about in _CASES}


def _case(
    name: str, scene: Callable[[], np.ndarray], psf: np.ndarray, noise: dict[str, float]
) -> Case:
    sharp = scene()
    half = [n // 2 for n in psf.shape]
    most = FRAME if psf.ndim == 2 else VOLUME
    frame = tuple(min(m, n - 2 * h) for m, n, h in zip(most, sharp.shape, half))
    counts = name.split()[0].rstrip(",") in DARK
    return observed(name, sharp, psf, "camera", frame, counts=counts, **noise)  # type: ignore[arg-type]
