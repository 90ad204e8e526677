"""Check that a change of the code leaves the results of fixed runs identical, bit by bit.

    python benchmarks/identity.py --write FILE     before a change
    python benchmarks/identity.py --compare FILE   after it; exits with an error if any run differs

Each run is one entry of `RUNS`: all methods, one to three axes, colours, masks, boundaries, dtypes,
PSFs that are found, calibrations, pieces, estimates, PSFs of optics and beads. It calls public
functions only, so that the same file serves the code before and after a change of names. A digest
covers all arrays of a run and its verdict. For runs that differ, it prints the largest difference.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import napari_tf_deblur as ntd


@cache
def scene(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Make a scene of bright blocks, a smooth wave and a few points, between 0 and 255."""
    random = np.random.default_rng(seed)
    grid = np.indices(shape).astype(float)
    wave = 40 * np.prod([1 + np.sin(g / (4 + i)) for i, g in enumerate(grid)], axis=0)
    blocks = 60 * (sum(g // 11 for g in grid) % 2)
    points = np.zeros(shape)
    places = tuple(random.integers(0, n, 12) for n in shape)
    points[places] = 400.0
    return 20 + wave + blocks + points


@cache
def blurred(shape: tuple[int, ...], sigma: float = 1.5, noise: float = 1.5) -> np.ndarray:
    random = np.random.default_rng(1)
    psf = ntd.gaussian_psf(sigma, ndim=len(shape))
    return ntd.convolve(scene(shape), psf) + random.normal(0, noise, shape).astype(np.float32)


def photons(shape: tuple[int, ...], per_unit: float = 1.0) -> np.ndarray:
    light = np.clip(ntd.convolve(scene(shape), ntd.gaussian_psf(1.5, ndim=len(shape))), 0, None)
    return np.random.default_rng(2).poisson(per_unit * light).astype(np.uint16)


def image_of(result: ntd.Deconvolution) -> list[np.ndarray]:
    said = np.frombuffer(f"{result.verdict} {result.warnings}".encode(), np.uint8)
    return [result.image, result.residual, result.loss_history, said]


def run(image: ArrayLike, psf: Any, *arguments: Any, **options: Any) -> list[np.ndarray]:
    return image_of(ntd.deconvolve(image, psf, *arguments, **options))


def numbers(*values: Any) -> list[np.ndarray]:
    return [np.frombuffer(" ".join(map(str, values)).encode(), np.uint8)]


def colours() -> np.ndarray:
    return np.stack([blurred((96, 80), s) for s in (1.2, 1.4, 1.5)], axis=-1).clip(0, 255)


def with_mask() -> list[np.ndarray]:
    image = blurred((96, 80)).copy()
    image[20:30, 30:44] = 4000
    return run(image, ntd.gaussian_psf(1.5), ntd.TotalVariation(), mask=image > 3000)


def with_calibration() -> list[np.ndarray]:
    image = blurred((96, 80))
    found = ntd.calibrate(image, ntd.gaussian_psf(1.5))
    return run(image[:64, :64], ntd.gaussian_psf(1.5), found)


def in_pieces(method: Any) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.ome.zarr"
        image = blurred((900, 700))
        result = ntd.deconvolve(image, ntd.gaussian_psf(1.5), method, output=output, memory=2.5)
        return [np.asarray(result.image[0] if isinstance(result.image, list) else result.image)]


def beads() -> np.ndarray:
    picture = np.zeros((120, 130))
    for row, column in ((20, 30), (60, 90), (95, 35), (30, 100)):
        picture[row, column] = 5000.0
    light = ntd.convolve(picture, ntd.gaussian_psf(1.8))
    return light + 100 + np.random.default_rng(3).normal(0, 3, picture.shape)


def steps() -> list[np.ndarray]:
    generator = ntd.iter_deconvolve(blurred((96, 80)), ntd.gaussian_psf(1.5), ntd.TotalVariation())
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return image_of(end.value)


G = ntd.gaussian_psf
RUNS: dict[str, Callable[[], list[np.ndarray]]] = {
    "automatic, 2D": lambda: run(blurred((96, 80)), G(1.5)),
    "automatic, 2D, PSF too wide": lambda: run(blurred((96, 80)), G(2.0)),
    "automatic, 2D, blur found": lambda: run(blurred((160, 144)), None),
    "automatic, 2D, photons": lambda: run(photons((96, 80)), G(1.5)),
    "automatic, 2D, sparse photons": lambda: run(photons((96, 80), 0.02), G(1.5)),
    "automatic, 3D": lambda: run(blurred((16, 40, 36)), G(1.5, ndim=3)),
    "automatic, 1D": lambda: run(blurred((300,)), G(1.5, ndim=1)),
    "automatic, colours": lambda: run(colours(), G(1.5), channel_axis=-1),
    "automatic, planes": lambda: run(np.stack([blurred((96, 80))] * 3), G(1.5)),
    "automatic, uint8": lambda: run(blurred((96, 80)).clip(0, 255).astype(np.uint8), G(1.5)),
    "automatic, saturated": lambda: run(blurred((96, 80)).clip(0, 150), G(1.5)),
    "automatic, smoothing 2": lambda: run(blurred((96, 80)), G(1.5), smoothing=2.0),
    "TotalVariation, 2D": lambda: run(blurred((96, 80)), G(1.5), ntd.TotalVariation()),
    "TotalVariation, weight": lambda: run(blurred((96, 80)), G(1.5), ntd.TotalVariation(0.01)),
    "TotalVariation, 3D": lambda: run(
        blurred((16, 40, 36)), G(1.5, ndim=3), ntd.TotalVariation(0.01)
    ),
    "TotalVariation, colours": lambda: run(
        colours(), G(1.5), ntd.TotalVariation(0.01), channel_axis=-1
    ),
    "TotalVariation, mask": with_mask,
    "TotalVariation, disc": lambda: run(blurred((96, 80)), ntd.disc_psf(2.5), ntd.TotalVariation()),
    "TotalVariation, motion": lambda: run(
        blurred((96, 80)), ntd.motion_psf(6, 30), ntd.TotalVariation(0.01)
    ),
    "TotalVariation, steps": steps,
    "Hessian, 2D": lambda: run(blurred((96, 80)), G(1.5), ntd.Hessian()),
    "Hessian, 3D": lambda: run(blurred((16, 40, 36)), G(1.5, ndim=3), ntd.Hessian(0.01)),
    "PoissonLikelihood, 2D": lambda: run(photons((96, 80)), G(1.5), ntd.PoissonLikelihood()),
    "PoissonLikelihood, 3D": lambda: run(
        photons((16, 40, 36)), G(1.5, ndim=3), ntd.PoissonLikelihood(0.01)
    ),
    "RichardsonLucy, 2D": lambda: run(photons((96, 80)), G(1.5), ntd.RichardsonLucy()),
    "RichardsonLucy, 3D": lambda: run(photons((16, 40, 36)), G(1.5, ndim=3), ntd.RichardsonLucy()),
    "Wiener, 2D": lambda: run(blurred((96, 80)), G(1.5), ntd.Wiener()),
    "Wiener, periodic": lambda: run(blurred((96, 80)), G(1.5), ntd.Wiener(), boundary="periodic"),
    "Wiener, zero": lambda: run(blurred((96, 80)), G(1.5), ntd.Wiener(), boundary="zero"),
    "GradientDescent, 2D": lambda: run(blurred((96, 80)), G(1.5), ntd.GradientDescent()),
    "calibration": with_calibration,
    "pieces, TotalVariation": lambda: in_pieces(ntd.TotalVariation()),
    "pieces, automatic": lambda: in_pieces("auto"),
    "estimate_blur": lambda: numbers(ntd.estimate_blur(blurred((160, 144)))),
    "estimate_blur, disc": lambda: numbers(
        ntd.estimate_blur(ntd.convolve(scene((200, 220)), ntd.disc_psf(4)))
    ),
    "estimate_noise": lambda: numbers(ntd.estimate_noise(photons((160, 144)))),
    "microscope_psf, widefield": lambda: [
        ntd.microscope_psf(1.2, 520, spacing=(200, 80, 80), shape=(21, 65, 65))
    ],
    "microscope_psf, confocal": lambda: [
        ntd.microscope_psf(
            1.2,
            520,
            spacing=(200, 80, 80),
            shape=(21, 33, 33),
            microscope="confocal",
            excitation=488,
        )
    ],
    "microscope_sigma": lambda: numbers(ntd.microscope_sigma(1.2, 520)),
    "measured_psf": lambda: [np.asarray(part) for part in ntd.measured_psf(beads())],
    "piece_margin": lambda: numbers(ntd.piece_margin(G(1.5), ntd.TotalVariation())),
}


def digest(arrays: list[np.ndarray]) -> str:
    made = hashlib.sha256()
    for array in arrays:
        made.update(f"{array.dtype} {array.shape}".encode())
        made.update(np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def difference(before: list[np.ndarray], after: list[np.ndarray]) -> str:
    """Describe how the arrays of a run differ, relative to the range of the first."""
    said = []
    for old, new in zip(before, after, strict=False):
        if old.dtype == np.uint8 and old.ndim == 1 and digest([old]) != digest([new]):
            said.append(f"said: {bytes(old).decode()!r} -> {bytes(new).decode()!r}")
        elif old.shape != new.shape:
            said.append(f"shape {old.shape} -> {new.shape}")
        elif digest([old]) != digest([new]):
            most = float(np.abs(new.astype(float) - old.astype(float)).max())
            said.append(f"{most / (float(np.ptp(old)) or 1.0):.1e} of the range")
    return "; ".join(said) or "dtype or number of arrays"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--only", default="", help="runs whose names hold this")
    chosen = parser.parse_args()
    kept: dict[str, str] = json.loads(chosen.compare.read_text()) if chosen.compare else {}
    arrays: dict[str, list[np.ndarray]] = {}
    differ = []
    began = time.perf_counter()
    for name, job in RUNS.items():
        if chosen.only in name:
            arrays[name] = job()
            made = digest(arrays[name])
            if chosen.compare and kept.get(name) != made:
                with np.load(chosen.compare.with_suffix(".npz")) as table:
                    before = [table[k] for k in table.files if k.rpartition("/")[0] == name]
                differ.append(name)
                print(f"{name}: {difference(before, arrays[name])}", flush=True)
    print(f"{len(arrays)} runs, {time.perf_counter() - began:.0f} s, {len(differ)} differ")
    if chosen.write:
        chosen.write.write_text(json.dumps({n: digest(a) for n, a in arrays.items()}, indent=1))
        parts = {f"{n}/{i}": a for n, each in arrays.items() for i, a in enumerate(each)}
        np.savez_compressed(chosen.write.with_suffix(".npz"), **parts)
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
