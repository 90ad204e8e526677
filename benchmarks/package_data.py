"""Make cases from the volumes in the packages sdeconv and flowdec."""

from pathlib import Path

import numpy as np
import tifffile
from cases import Case


def pollen(folder: Path) -> Case:
    """Return a pollen grain, blurred periodically; the noise variance is 50 times the mean."""
    return Case(
        "sdeconv's pollen",
        _read(folder / "pollen.tif"),
        _read(folder / "pollen_poisson_noise_blurred.tif"),
        _odd(_read(folder / "pollen_psf.tif")),
        "periodic",
        peak=65535.0,
        gain=50.0,
        counts=True,
    )


def bars(folder: Path) -> Case:
    """Return bright bars on black, of unknown units: they need an affine fit to the truth."""
    return Case(
        "flowdec's bars",
        _read(folder / "actual.tif"),
        _read(folder / "data.tif"),
        _odd(_read(folder / "kernel.tif")),
        "periodic",
        peak=65535.0,
        counts=True,
        affine=True,
    )


def _read(path: Path) -> np.ndarray:
    return np.asarray(tifffile.imread(path), dtype=np.float32)


def _odd(psf: np.ndarray, faintest: float = 1e-6) -> np.ndarray:
    """Crop a PSF, with its origin at n // 2, to the box of odd sizes that holds all light."""
    middle = [n // 2 for n in psf.shape]
    away = [np.abs(i - m) for i, m in zip(np.nonzero(psf > faintest * psf.max()), middle)]
    half = [min(a.max(), (n - 1) // 2) for a, n in zip(away, psf.shape)]
    psf = psf[tuple(slice(m - h, m + h + 1) for m, h in zip(middle, half))]
    return (psf / psf.sum(dtype=np.float64)).astype(np.float32)
