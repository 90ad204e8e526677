"""Measure what a PSF that varies with depth gains over the best single PSF, and look for seams.

    python benchmarks/varying_psf.py [--scenes "beads*"] [--method PoissonLikelihood]
                                     [--microscope widefield] [--write FILE]
    python benchmarks/varying_psf.py --vary

A confocal microscope (or another one) of NA 1.3 with oil looks 30 µm deep into water. Each plane of
the scene is blurred with the PSF of its own depth, and the blurred planes are added: a model of 76
PSFs that shares no code with the tiles of the package. The brightest pixel has 1000 photons, and
there is a background of 10, which the methods are told.

A single PSF is that of one depth. Seven depths are tried, and the one with the best PSNR is shown:
which one that is, a user would not know. The method is the same for all. Beads are measured at
their true places in a window of 2 pixels on each side: the error of their centroid along z, in
planes, and their flux relative to the true one.

*Seams* compares the error, result less truth, of neighbouring planes at the centres of tiles, where
the weights of tiles have their bends, with the error at the same planes in another run, whose tiles
have their centres midway between these. Without seams the ratio of both is about 1.

``--vary`` repeats the first column with other values of `MAX_PSF_CHANGE`, on other scenes.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from metrics import psnr
from scipy import fft, ndimage

import napari_tf_deblur as tf_deblur
from napari_tf_deblur import Specimen, VaryingPSF, deconvolve, microscope_psf
from napari_tf_deblur._large import tiles, varying_run

SHAPE = (76, 40, 40)
SPACING = (400, 100, 100)
DEPTHS = np.arange(SHAPE[0]) * SPACING[0]
PSF_SHAPE = (25, 37, 37)
PHOTONS, BACKGROUND = 1000.0, 10.0
MICROSCOPE = "confocal"
SINGLE_DEPTHS = (2000, 6000, 9000, 12000, 15000, 20000, 30000)
WINDOW = 2


def psf_at_depth(depth: float) -> np.ndarray:
    specimen = Specimen(refractive_index=1.33, depth=float(depth))
    return microscope_psf(
        1.3, 520, spacing=SPACING, microscope=MICROSCOPE, specimen=specimen, shape=PSF_SHAPE
    )


def varying_psf() -> VaryingPSF:
    planes = np.linspace(0, SHAPE[0] - 1, 16).round()
    return VaryingPSF.along_z([psf_at_depth(DEPTHS[int(p)]) for p in planes], planes)


def blur_each_plane(scene: np.ndarray) -> np.ndarray:
    """Blur each plane with the PSF of its depth, and add the results; darkness lies outside."""
    half, (h, w) = PSF_SHAPE[0] // 2, SHAPE[1:]
    size = [fft.next_fast_len(n + m - 1, real=True) for n, m in zip((h, w), PSF_SHAPE[1:])]
    total = np.zeros((SHAPE[0] + 2 * half, h, w))
    first = [m // 2 for m in PSF_SHAPE[1:]]
    for plane in range(SHAPE[0]):
        spectrum = fft.rfft2(psf_at_depth(DEPTHS[plane]), size) * fft.rfft2(scene[plane], size)
        blurred = fft.irfft2(spectrum, size)[:, first[0] : first[0] + h, first[1] : first[1] + w]
        total[plane : plane + PSF_SHAPE[0]] += blurred
    return np.maximum(total[half:-half], 0)


def beads(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return beads of about 2 pixels, well apart and within the frame, and their places."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(5, 73, 7), *2 * [np.arange(7, 36, 13)]), -1)
    places = grid.reshape(-1, 3) + rng.integers(-1, 2, (grid.size // 3, 3))
    scene = np.zeros(SHAPE)
    scene[tuple(places.T)] = rng.uniform(0.5, 1, len(places))
    return ndimage.gaussian_filter(scene, (0.6, 0.8, 0.8)), places


def filaments(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return thin filaments that run through all depths, and no places."""
    rng = np.random.default_rng(seed)
    scene = np.zeros(SHAPE)
    for _ in range(10):
        ends = rng.uniform(0, 1, (2, 3)) * (np.array(SHAPE) - 1)
        ends[:, 0] = rng.permutation([rng.uniform(0, 25), rng.uniform(50, 75)])
        bend = rng.normal(0, 6, 3)
        t = np.linspace(0, 1, 600)[:, np.newaxis]
        line = ends[0] * (1 - t) + ends[1] * t + bend * np.sin(np.pi * t)
        at = np.clip(line.round().astype(int), 0, np.array(SHAPE) - 1)
        scene[tuple(at.T)] = rng.uniform(0.4, 1)
    return ndimage.gaussian_filter(scene, (0.6, 0.8, 0.8)), np.zeros((0, 3), int)


SCENES = {"beads": beads, "filaments": filaments}


def photograph(scene: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scene in photons, and its picture."""
    blurred = blur_each_plane(scene)
    scale = PHOTONS / blurred.max()
    rng = np.random.default_rng(seed)
    return scene * scale, rng.poisson(blurred * scale + BACKGROUND).astype(np.float32)


def measure_beads(result: np.ndarray, truth: np.ndarray, places: np.ndarray) -> str:
    """Return bias and spread along z, and of the flux, in a shallow and a deep half."""
    rows = []
    offsets = np.arange(-WINDOW, WINDOW + 1)
    for place in places:
        box = tuple(slice(p - WINDOW, p + WINDOW + 1) for p in place)
        lines = [np.maximum(one[box], 0).sum((1, 2)) for one in (result, truth)]
        centres = [float(line @ offsets / max(line.sum(), 1e-9)) for line in lines]
        rows.append((place[0], centres[0] - centres[1], lines[0].sum() / lines[1].sum()))
    depth, shift, flux = np.transpose(rows)
    parts = []
    for part in (depth < SHAPE[0] / 2, depth >= SHAPE[0] / 2):
        z, f = shift[part], flux[part]
        parts.append(
            f"z {z.mean():+.2f} ± {z.std():.2f}, rms {np.sqrt(np.mean(z**2)):.2f}; "
            f"flux {f.mean():.2f} ± {f.std():.2f}"
        )
    return " | ".join(parts)


@contextmanager
def centres_between(centres: np.ndarray) -> Iterator[None]:
    """Put the centres of tiles midway between those that the package chooses."""
    own = tiles.choose_centres, varying_run.choose_centres
    midway = np.concatenate([centres[:1], (centres[1:] + centres[:-1]) / 2, centres[-1:]])
    others = [np.array([(n - 1) / 2]) for n in SHAPE[1:]]
    varying_run.choose_centres = lambda psf, frame: [midway, *others]
    try:
        yield
    finally:
        tiles.choose_centres, varying_run.choose_centres = own


def seam_ratio(error: np.ndarray, other: np.ndarray, centres: np.ndarray) -> float:
    """Return how much an error changes at centres of tiles, relative to another error."""
    planes = sorted({k for c in centres[1:-1] for k in (int(c) - 1, int(c), int(c) + 1)})
    jumps = [np.abs(np.diff(one, axis=0)).mean((1, 2))[planes].sum() for one in (error, other)]
    return float(jumps[0] / jumps[1])


def run(image: np.ndarray, psf: object, method: object) -> tuple[object, float]:
    start = time.perf_counter()
    if isinstance(method, str):
        method = getattr(tf_deblur, method)(background=BACKGROUND)
    result = deconvolve(image, psf, method)
    return result, time.perf_counter() - start


def report(scene_name: str, method: str, seed: int = 7) -> list[str]:
    truth, places = SCENES[scene_name](seed)
    truth, image = photograph(truth, seed + 1)
    peak = float(truth.max())
    rows = [f"{scene_name}, {method}: blurred {psnr(image - BACKGROUND, truth, peak):.2f} dB"]
    singles = {}
    for depth in SINGLE_DEPTHS:
        singles[depth], seconds = run(image, psf_at_depth(depth), method)
        rows.append(
            f"  PSF of {depth / 1000:g} µm: {psnr(singles[depth].image, truth, peak):.2f} dB, "
            f"{seconds:.0f} s, weight {getattr(singles[depth].method, 'weight', None)}"
        )
        print(rows[-1], flush=True)
    best = max(singles, key=lambda depth: psnr(singles[depth].image, truth, peak))
    psf = varying_psf()
    varying, seconds = run(image, psf, method)
    centres = tiles.choose_centres(psf, SHAPE)[0]
    rows.append(
        f"  varying, {len(centres)} tiles: {psnr(varying.image, truth, peak):.2f} dB, "
        f"{seconds:.0f} s, weight {getattr(varying.method, 'weight', None)}, {varying.verdict.kind}"
    )
    with centres_between(centres):
        other, _ = run(image, psf, varying.calibration)
    seams = seam_ratio(varying.image - truth, other.image - truth, centres)
    rows.append(
        f"  seams {seams:.3f}; tiles at other centres: {psnr(other.image, truth, peak):.2f} dB"
    )
    for name, result in ((f"best single, {best / 1000:g} µm", singles[best]), ("varying", varying)):
        flux = result.image.sum(dtype=float) / truth.sum()
        rows.append(f"  {name}: whole flux {flux:.3f}")
        if len(places):
            rows.append("    to 15 µm, beyond: " + measure_beads(result.image, truth, places))
    return rows


def vary(method: str) -> list[str]:
    rows, psf = [], varying_psf()
    for scene_name in SCENES:
        truth, _ = SCENES[scene_name](21)
        truth, image = photograph(truth, 22)
        for change in (2.0, 1.0, 0.5, 0.25, 0.125):
            tiles.MAX_PSF_CHANGE = change
            result, seconds = run(image, psf, method)
            count = len(tiles.choose_centres(psf, SHAPE)[0])
            ratio = psnr(result.image, truth, float(truth.max()))
            rows.append(
                f"{scene_name}, change {change:g}: {count} tiles, {ratio:.2f} dB, {seconds:.0f} s"
            )
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", default="*")
    parser.add_argument("--method", default="PoissonLikelihood")
    parser.add_argument("--microscope", default=MICROSCOPE)
    parser.add_argument("--vary", action="store_true")
    parser.add_argument("--write")
    options = parser.parse_args()
    globals()["MICROSCOPE"] = options.microscope
    if options.vary:
        rows = vary(options.method)
    else:
        rows = []
        for name in SCENES:
            if fnmatch(name, options.scenes):
                rows += report(name, options.method)
                print("\n".join(rows[-20:]), flush=True)
    if options.write:
        Path(options.write).write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
