"""Measure the errors of blurs that are estimated from the image, and the loss of a blind run.

The images are pictures from scikit-image, made smaller so that they are sharp, and simulated
fluorescence. ``python benchmarks/blur.py`` takes some minutes; ``--blind`` also runs
``deconvolve(image)`` against ``deconvolve(image, psf)``.
"""

import argparse
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from metrics import psnr
from scenes import filaments, nuclei
from scipy.signal import fftconvolve
from verdicts import middle, noisy, photograph, plane, shrunk

from napari_tf_deblur import deconvolve, estimate_blur, gaussian_psf

PICTURES = "camera astronaut coins chelsea coffee gravel brick moon rocket hubble page"
SHRUNK = {"brick": 3}
"""Factor by which a picture is made smaller, if not two, so that its spectrum is a sharp one's."""

SIGMAS: tuple[tuple[tuple[float, float], float], ...] = (
    ((0.8, 0.8), 0.0),
    ((1.6, 1.6), 0.0),
    ((2.5, 2.5), 0.0),
    ((1.0, 3.0), 0.0),
    ((3.0, 1.2), 30.0),
)
"""Sigmas in pixels, and angle in degrees."""

NOISES = [{"noise": n} for n in (0.5, 2.0, 10.0)]
"""Standard deviations of the noise, in images up to 255."""

PHOTONS = [{"photons": n} for n in (20, 100, 1000)]

RANGES = (1.0, 255.0, 65535.0)
"""Intensities of an image that stand for 1 in its truth. Each case has one of them."""

LIT = {volume.__name__: volume for volume in (nuclei, filaments)}
"""Volumes of fluorescence; one plane of each is used."""

SIZE = 256
"""Largest side of a picture, in pixels."""

FAR_OFF = 0.3
"""Smallest relative error that counts as wrong in a confident estimate."""


@dataclass(frozen=True)
class Seen:
    """An image, its truth, and its blur."""

    name: str
    truth: np.ndarray
    image: np.ndarray
    scale: float
    sigmas: tuple[float, float]
    angle: float
    noise: str


def seen() -> Iterator[Seen]:
    """Yield all cases."""
    scenes = {name: shrunk(photograph(name), SHRUNK.get(name, 2)) for name in PICTURES.split()}
    scenes |= {name: plane(volume) for name, volume in LIT.items()}
    for name, scene in scenes.items():
        frame = tuple(min(n - 20, SIZE) for n in scene.shape)
        for number, (sigmas, angle) in enumerate(SIGMAS):
            blurred = fftconvolve(scene, gaussian_psf(sigmas, angle=angle).astype(float), "same")
            light, truth = middle(blurred, frame), middle(scene, frame)
            peak = light.max() if name in LIT else 1.0
            for amount in PHOTONS if name in LIT else NOISES:
                random = np.random.default_rng(crc32(f"{name} {sigmas} {amount}".encode()))
                scale = RANGES[number % len(RANGES)]
                image = noisy(light / peak, random, amount) * (peak / 255 * scale)
                noise = " ".join(f"{kind} {value:g}" for kind, value in amount.items())
                yield Seen(name, truth, image, scale, sigmas, angle, noise)


def errors(case: Seen, sigma: tuple[float, ...], angle: float) -> np.ndarray:
    """Return the relative errors of the widths along the principal axes, in either order."""
    found, true = np.array(sigma), np.array(case.sigmas)
    if len(set(sigma)) > 1:
        turn = (angle - case.angle + 45) % 180 - 45
        found = found[::-1] if turn > 45 else found
    return np.abs(found / true - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--blind", action="store_true", help="deblur, too")
    blind = parser.parse_args().blind
    table: dict[str, list[float]] = defaultdict(list)
    sure: dict[str, list[bool]] = defaultdict(list)
    lost: dict[str, list[float]] = defaultdict(list)
    for case in seen():
        found = estimate_blur(case.image)
        off = errors(case, found.sigma, found.angle)
        shape = "the same along all axes" if len(set(case.sigmas)) == 1 else "different"
        kind = f"{shape}, {case.noise}"
        sure[kind].append(found.confident)
        if found.confident:
            table[kind] += list(off) if shape == "different" else [off.max()]
            if off.max() > FAR_OFF:
                print(
                    f"far off: {case.name}, {case.sigmas} {case.angle:.0f}, {case.noise}: "
                    f"{found} ({', '.join(f'{e:.0%}' for e in off)})",
                    flush=True,
                )
        if blind:
            psf = gaussian_psf(case.sigmas, angle=case.angle)
            known, guessed = deconvolve(case.image, psf), deconvolve(case.image)
            scores = [psnr(r.image / case.scale, case.truth, 1.0, True) for r in (known, guessed)]
            blurred = psnr(case.image / case.scale, case.truth, 1.0, True)
            lost[kind].append(scores[0] - scores[1])
            print(
                f"{case.name}, {case.sigmas}, {case.noise}: {blurred:.2f}, known {scores[0]:.2f}, "
                f"blind {scores[1]:.2f}, {known.verdict.kind}, {guessed.verdict.kind}, "
                f"{type(known.method).__name__}",
                flush=True,
            )
    print("\n| sigmas, noise | confident | median error | nine of ten | blind: lost |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind, values in sure.items():
        median, most = np.quantile(table[kind], (0.5, 0.9)) if table[kind] else (np.nan, np.nan)
        less = f"{np.median(lost[kind]):.2f} dB" if blind else ""
        print(f"| {kind} | {sum(values)} of {len(values)} | {median:.1%} | {most:.1%} | {less} |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
