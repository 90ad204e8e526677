"""Compute widths and PSFs with other programs: psfmodels, psf and microscPSF-py.

    python psf_programs.py REQUESTS.json ANSWERS.npz

Lengths are in nanometres. A request is a dictionary: the program, the numerical aperture, the
refractive indices of the immersion and the specimen, the distance of the point from the coverslip,
the emission, and what is wanted: ``widths`` or a PSF with a ``shape`` and a ``spacing``. The PSF is
centred on its brightest plane. The answers have the number of the request as name.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

REACH, STEP, FINE = 52_000.0, 100.0, 5.0
"""Range, coarse and fine step along z in which the brightest plane is looked for."""

Light = Callable[[np.ndarray, int, float], np.ndarray]
"""Function of places along z, pixels across and their size: returns the light (z, y, x)."""


def psfmodels_light(request: dict, vectorial: bool) -> Light:
    import psfmodels

    sample, immersion = request["sample"], request["immersion"]
    settings = {
        "NA": request["aperture"],
        "ni0": immersion,
        "ni": immersion,
        "ns": sample,
        "ng": 1.5255,
        "ng0": 1.5255,
        "tg": 170,
        "tg0": 170,
        "ti0": 150,
    }
    make = psfmodels.vectorial_psf if vectorial else psfmodels.scalar_psf

    def light(z: np.ndarray, count: int, size: float) -> np.ndarray:
        return make(
            z / 1000,
            nx=count,
            dxy=size / 1000,
            pz=request["point"] / 1000,
            wvl=request["emission"] / 1000,
            params=settings,
            normalize=False,
        )

    return light


def microscpsf_light(request: dict) -> Light:
    from microscPSF import microscPSF as microscpsf  # noqa: N813 - its own name

    settings = dict(
        microscpsf.m_params,
        NA=request["aperture"],
        ni=request["immersion"],
        ni0=request["immersion"],
        ns=request["sample"],
        ng=1.5255,
        ng0=1.5255,
    )

    def light(z: np.ndarray, count: int, size: float) -> np.ndarray:
        return microscpsf.gLXYZFocalScan(
            settings,
            size / 1000,
            count,
            z / 1000,
            normalize=False,
            pz=request["point"] / 1000,
            wvl=request["emission"] / 1000,
        )

    return light


def psf_light(request: dict) -> Light:
    """The program `psf` knows no specimen; its PSF is symmetric, and a quarter is computed."""
    import psf

    def light(z: np.ndarray, count: int, size: float) -> np.ndarray:
        steps, radii = len(z) // 2 + 1, count // 2 + 1
        reach = max(abs(z).max(), FINE) / 1000, max(size * count / 2, FINE) / 1000
        quarter = psf.PSF(
            psf.ISOTROPIC | psf.EMISSION,
            shape=(max(steps, 16), max(radii, 16)),
            dims=reach,
            em_wavelen=request["emission"],
            num_aperture=request["aperture"],
            refr_index=request["immersion"],
        ).data
        at_z = np.linspace(0, reach[0], quarter.shape[0])
        at_r = np.linspace(0, reach[1], quarter.shape[1])
        across = abs(np.arange(count) - count // 2) * size / 1000
        lines = np.stack([np.interp(across, at_r, line) for line in quarter])
        plane = np.stack([np.interp(abs(z) / 1000, at_z, line) for line in lines.T], axis=-1)
        return plane[:, None, :]

    return light


def light_of(request: dict) -> Light:
    program = request["program"]
    if program == "psf":
        return psf_light(request)
    if program == "microscPSF-py":
        return microscpsf_light(request)
    return psfmodels_light(request, vectorial=program == "psfmodels vectorial")


def find_focus(light: Light, known: bool) -> float:
    """Return the place along z where the image of the point is brightest on the axis."""
    if known:
        return 0.0
    centre, reach, step = 0.0, REACH, STEP
    for _ in range(2):
        z = centre + np.arange(-reach, reach + step / 2, step)
        centre = float(z[light(z, 1, 10.0)[:, 0, 0].argmax()])
        reach, step = 2 * STEP, FINE
    return centre


def width_at_half(places: np.ndarray, light: np.ndarray) -> float:
    """Return the full width at half maximum of the highest peak; NaN if it has none."""
    if not np.isfinite(light).all():
        return float("nan")  # microscPSF-py, where the aperture exceeds the specimen's index
    top = int(light.argmax())
    half = light[top] / 2
    left = top - int(np.argmax(light[top::-1] < half))
    right = top + int(np.argmax(light[top:] < half))
    start = np.interp(half, light[left : left + 2], places[left : left + 2])
    end = np.interp(-half, -light[right - 1 : right + 1], places[right - 1 : right + 1])
    return float(end - start)


def answer(request: dict) -> np.ndarray:
    light = light_of(request)
    focus = find_focus(light, known=request["program"] == "psf")
    if request.get("widths"):
        z = np.arange(-request["reach"], request["reach"], 4 * FINE)
        along = light(focus + z, 1, 10.0)[:, 0, 0]
        x = np.arange(-100, 101) * FINE
        across = light(np.array([focus]), len(x), FINE)[0]
        across = across[len(across) // 2]
        return np.array([width_at_half(x, across), width_at_half(z, along), focus])
    depth, *_, count = request["shape"]
    step, _, size = request["spacing"]
    z = focus + (np.arange(depth) - depth // 2) * step
    psf = light(z, count, size).astype(np.float32)
    return psf / psf.sum()


def main() -> None:
    requests, answers = sys.argv[1:]
    asked = json.loads(Path(requests).read_text())
    np.savez(answers, **{str(number): answer(request) for number, request in enumerate(asked)})


if __name__ == "__main__":
    main()
