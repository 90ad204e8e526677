"""Make the cases of the benchmark: a truth, its blurred and noisy image, and the known facts.

Photographs come from scikit-image, volumes are made here or come from the packages flowdec
and sdeconv. Nothing is downloaded, and every random number has a fixed seed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
from scenes import filaments, line_psf, nuclei, photograph, uniform_psf
from scipy.signal import fftconvolve

from napari_tf_deblur import gaussian_psf


@dataclass(frozen=True)
class Case:
    """One image to deblur.

    Attributes
    ----------
    truth, blurred : ndarray of float32
        The same frame, sharp and as observed.
    psf : ndarray of float32
        PSF of odd sizes, origin in the middle, sum 1.
    boundary : {"camera", "periodic"}
        "camera" if light enters from beyond the frame, "periodic" if the scene is periodic.
    peak : float
        Peak intensity for the PSNR.
    channel_axis : int or None
        Axis of colours.
    gain : float or None
        Intensity per photon, if the noise is photon noise and the gain is known.
    counts : bool
        Whether the intensities are amounts of light on a dark background.
    affine : bool
        Whether the units of the result are arbitrary. It is then fitted to the truth first.
    """

    name: str
    truth: np.ndarray
    blurred: np.ndarray
    psf: np.ndarray
    boundary: str
    peak: float = 1.0
    channel_axis: int | None = None
    gain: float | None = None
    counts: bool = False
    affine: bool = False

    @property
    def axes(self) -> int:
        return self.psf.ndim


def noisy(
    blurred: np.ndarray, seed: str, noise: float = 0.0, photons: float = 0.0
) -> tuple[np.ndarray, float | None]:
    """Add Gaussian noise (of 255) or photon noise (at intensity 1); return image and gain."""
    random = np.random.default_rng(crc32(seed.encode()))
    if photons:
        counts = random.poisson(np.maximum(blurred, 0) * photons) / photons
        return counts.astype(np.float32), 1 / photons
    return (blurred + random.normal(0, noise / 255, blurred.shape)).astype(np.float32), None


def blur(scene: np.ndarray, psf: np.ndarray) -> np.ndarray:
    """Convolve, and return the part that depends on no pixel outside the scene."""
    if scene.ndim > psf.ndim:
        channels = [blur(scene[..., c], psf) for c in range(scene.shape[-1])]
        return np.stack(channels, axis=-1)
    return fftconvolve(scene, psf.astype(np.float64), mode="valid")


def observed(
    name: str,
    scene: np.ndarray,
    psf: np.ndarray,
    boundary: str,
    frame: tuple[int, ...] | None = None,
    noise: float = 0.0,
    photons: float = 0.0,
    counts: bool = False,
) -> Case:
    """Blur a scene, and return its middle ("camera") or all of it ("periodic")."""
    lead = [(0, 0)] * (scene.ndim - psf.ndim)
    half = [n // 2 for n in psf.shape]
    if boundary == "periodic":
        truth = _middle(scene, frame or scene.shape[: psf.ndim])
        scene = np.pad(truth, [(h, h) for h in half] + lead, mode="wrap")
    else:
        frame = frame or tuple(n - 2 * h for n, h in zip(scene.shape, half))
        scene = _middle(scene, tuple(n + 2 * h for n, h in zip(frame, half)))
        truth = _middle(scene, frame)
    blurred, gain = noisy(blur(scene, psf), name, noise, photons)
    channel_axis = -1 if scene.ndim > psf.ndim else None
    return Case(
        name,
        truth.astype(np.float32),
        blurred,
        psf,
        boundary,
        channel_axis=channel_axis,
        gain=gain,
        counts=counts,
    )


def _middle(scene: np.ndarray, frame: tuple[int, ...]) -> np.ndarray:
    spare = [n - m for n, m in zip(scene.shape, frame)]
    if min(spare) < 0:
        raise ValueError(f"A scene of {scene.shape} does not hold a frame of {frame}.")
    return scene[tuple(slice(s // 2, s // 2 + m) for s, m in zip(spare, frame))]


def _photo(name: str, picture: str, psf: np.ndarray, boundary: str, **options: object) -> Case:
    return observed(name, photograph(picture), psf, boundary, **options)  # type: ignore[arg-type]


def canonical() -> Case:
    """Make the camera case: sigma 1.6 pixels, noise 2, scene larger than the frame."""
    camera = np.pad(photograph("camera"), 32, mode="symmetric")
    return observed(
        "camera 512, sigma 1.6, noise 2", camera, gaussian_psf(1.6), "camera", (512, 512), noise=2
    )


TILTED = gaussian_psf((3, 1.2), angle=30)

_PHOTOS = [
    # picture, kind of PSF, PSF, boundary, frame, noise
    ("camera", "sigma 0.7", gaussian_psf(0.7), "camera", (448, 448), {"noise": 1}),
    ("astronaut", "sigma 1", gaussian_psf(1), "camera", (384, 384), {"noise": 2}),
    ("gravel", "sigma 1", gaussian_psf(1), "camera", (384, 384), {"noise": 4}),
    ("cell", "sigma 1.6", gaussian_psf(1.6), "camera", (384, 384), {"noise": 1}),
    ("coins", "sigma 1.6", gaussian_psf(1.6), "camera", (272, 352), {"noise": 2.55}),
    ("astronaut", "sigma 1.6", gaussian_psf(1.6), "camera", (384, 384), {"noise": 12}),
    ("coffee", "sigma 2.5", gaussian_psf(2.5), "camera", (320, 448), {"noise": 1}),
    ("moon", "sigma 3", gaussian_psf(3), "camera", (448, 448), {"noise": 0.5}),
    ("camera", "sigma 5", gaussian_psf(5), "camera", (384, 384), {"noise": 0.5}),
    ("chelsea", "sigma (3, 1.2) at 30°", TILTED, "camera", (256, 384), {"noise": 2.55}),
    ("page", "uniform 9x9", uniform_psf(9), "camera", (176, 368), {"noise": 1}),
    ("rocket", "motion", line_psf(15, 30), "camera", (384, 384), {"noise": 2}),
    ("text", "sigma 1.6", gaussian_psf(1.6), "camera", (152, 416), {"noise": 4}),
    ("cell", "sigma 1.6", gaussian_psf(1.6), "camera", (384, 384), {"photons": 100}),
    ("coins", "sigma 1.6", gaussian_psf(1.6), "camera", (272, 352), {"photons": 1000}),
    ("camera", "sigma 1", gaussian_psf(1), "camera", (384, 384), {"photons": 15}),
    ("hubble", "sigma 1.6", gaussian_psf(1.6), "camera", (384, 384), {"photons": 100}),
    ("coffee in colour", "sigma 2", gaussian_psf(2), "camera", (256, 256), {"noise": 2}),
    ("astronaut in colour", "sigma 1.6", gaussian_psf(1.6), "camera", (256, 256), {"noise": 2}),
    ("camera", "sigma 1.6", gaussian_psf(1.6), "periodic", (256, 256), {"noise": 2}),
    ("astronaut", "sigma 0.7", gaussian_psf(0.7), "periodic", (256, 256), {"noise": 0.5}),
    ("coins", "sigma 2.5", gaussian_psf(2.5), "periodic", (256, 256), {"noise": 2.55}),
    ("camera", "sigma 3", gaussian_psf(3), "periodic", (256, 256), {"noise": 12}),
    ("brick", "uniform 9x9", uniform_psf(9), "periodic", (256, 256), {"noise": 2}),
    ("moon", "motion", line_psf(15, 30), "periodic", (256, 256), {"noise": 1}),
    ("chelsea", "sigma 1", gaussian_psf(1), "periodic", (256, 256), {"photons": 1000}),
    ("cell", "sigma 2.5", gaussian_psf(2.5), "periodic", (256, 256), {"photons": 15}),
]


def nuclei_volume() -> Case:
    psf = gaussian_psf((3, 1.4, 1.4))
    shape = tuple(n + 2 * (m // 2) for n, m in zip((32, 128, 128), psf.shape))
    name = "nuclei volume, sigma (3, 1.4, 1.4), 100 photons"
    return observed(name, nuclei(shape), psf, "camera", photons=100, counts=True)


def filaments_volume() -> Case:
    psf = gaussian_psf((2.5, 1.5, 1.5))
    name = "filaments volume, sigma (2.5, 1.5, 1.5), 200 photons"
    scene = filaments((48, 128, 128))
    return observed(name, scene, psf, "periodic", photons=200, counts=True)


def all_cases(data: dict[str, Path]) -> dict[str, Callable[[], Case]]:
    """Name all cases; each is made when it is called.

    Parameters
    ----------
    data : dict of Path
        Folders of the volumes in the packages ``"flowdec"`` and ``"sdeconv"``; cases whose
        package is not there are left out.
    """
    from package_data import bars, pollen

    makers: dict[str, Callable[[], Case]] = {"camera 512, sigma 1.6, noise 2": canonical}
    for picture, kind, psf, boundary, frame, noise in _PHOTOS:
        amount = f"noise {noise['noise']}" if "noise" in noise else f"{noise['photons']} photons"
        name = f"{picture}, {kind}, {amount}"
        makers[name] = partial(_photo, name, picture, psf, boundary, frame=frame, **noise)
    makers["nuclei volume, sigma (3, 1.4, 1.4), 100 photons"] = nuclei_volume
    makers["filaments volume, sigma (2.5, 1.5, 1.5), 200 photons"] = filaments_volume
    if "sdeconv" in data:
        makers["sdeconv's pollen"] = partial(pollen, data["sdeconv"])
    if "flowdec" in data:
        makers["flowdec's bars"] = partial(bars, data["flowdec"])
    return makers
