"""Check the verdicts of right runs, and of runs with wrong settings.

    python benchmarks/verdicts.py [method ...]

The right weight of each case (for Richardson-Lucy the number of iterations, for Wiener the
balance) is the best of a grid in steps of the square root of 8, chosen with the truth. Wrong runs
have 8 times this weight, or an eighth of it, or the right weight and a sigma of 0.75 or 1.3 times
the true one. With a given weight, a narrow PSF counts as named if the verdict says that the image
is softer than the PSF makes it. Wrong runs count only if they lost more than 0.5 dB against the
right one; the others are as good as right, and are listed separately. Saturated, hardly blurred
and undersampled images are run with the automatic weight of the method. Undersampled ones count if
the aliased signal is stronger than the noise.

The thresholds were chosen on other pictures: grass, retina, ihc and motorcycle of scikit-image,
simulated cells, threads and beads. For those on the width of the PSF, see ``claims.py``.
"""

import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

import numpy as np
from metrics import psnr
from scenes import filaments, nuclei, photograph
from scipy.signal import fftconvolve

import napari_tf_deblur
from napari_tf_deblur import calibrate, deconvolve, gaussian_psf
from napari_tf_deblur._run.verdict import KINDS
from napari_tf_deblur.methods import METHODS, Method

LOST = 0.5
"""Smallest loss against the right run, in dB, at which a wrong run counts."""

SPAN = 3
"""Steps of the grid of weights on either side of the automatic weight."""

WANTED = {
    "right": "fits",
    "weight x 8": "over-smoothed",
    "weight / 8": "noise fitted",
    "sigma x 1.3": "PSF too wide",
    "sigma x 0.75": "PSF too narrow",
    "saturated": "saturated",
    "undersampled": "undersampled",
    "hardly blurred": "hardly blurred",
}
"""The verdict that each kind of run should get."""

KNOBS = {"RichardsonLucy": "iterations", "Wiener": "balance", "GradientDescent": None}
"""Parameters that control smoothness in methods without a weight; None: nothing is varied."""

PHOTOGRAPHS = "camera astronaut coins chelsea coffee gravel brick moon rocket hubble page cell"
NOISES = [{"noise": n} for n in (0.5, 1, 2, 4, 8, 16, 25)]
PHOTONS = [{"photons": n} for n in (15, 50, 100, 300, 1000)]


def shrunk(picture: np.ndarray, by: int) -> np.ndarray:
    """Average blocks of pixels, because photographs are soft at full size."""
    rows, columns = (n // by for n in picture.shape[:2])
    picture = picture[: rows * by, : columns * by]
    return picture.reshape(rows, by, columns, by, *picture.shape[2:]).mean((1, 3))


def picture(name: str, size: int, by: int) -> np.ndarray:
    """Return the upper left part of a photograph, 0.03 to 0.98."""
    scene = shrunk(photograph(name), by)
    short = [(0, max(0, size - n)) for n in scene.shape[:2]] + [(0, 0)] * (scene.ndim - 2)
    scene = np.pad(scene, short, mode="symmetric")[:size, :size]
    return (scene - scene.min()) / np.ptp(scene) * 0.95 + 0.03


def plane(volume: Callable[..., np.ndarray]) -> np.ndarray:
    return volume((9, 176, 176))[4]


SCENES: dict[str, Callable[[], np.ndarray]] = {
    **{name: partial(picture, name, 176, 2) for name in PHOTOGRAPHS.split()},
    "nuclei": partial(plane, nuclei),
    "filaments": partial(plane, filaments),
    "coffee colour": partial(picture, "coffee colour", 176, 2),
    "astronaut colour": partial(picture, "astronaut colour", 176, 2),
    "nuclei volume": partial(nuclei, (40, 88, 88), 30),
    "filaments volume": partial(filaments, (40, 88, 88), 20),
}
LIT = ("nuclei", "filaments")
"""Scenes of fluorescence, with photon noise."""


@dataclass(frozen=True)
class Seen:
    """An observed image with intensities up to 255, its truth, and the sigma of its PSF."""

    truth: np.ndarray
    image: np.ndarray
    sigma: tuple[float, ...]

    @property
    def channel_axis(self) -> int | None:
        return -1 if self.image.ndim > len(self.sigma) else None


def middle(scene: np.ndarray, frame: tuple[int, ...]) -> np.ndarray:
    return scene[tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(scene.shape, frame))]


def blur(scene: np.ndarray, sigma: tuple[float, ...]) -> np.ndarray:
    psf = gaussian_psf(sigma).astype(np.float64)
    if scene.ndim > psf.ndim:
        return np.stack([blur(scene[..., c], sigma) for c in range(scene.shape[-1])], axis=-1)
    return fftconvolve(scene, psf, mode="same")


def noisy(light: np.ndarray, random: np.random.Generator, amount: dict[str, float]) -> np.ndarray:
    """Return light of up to 1 as a noisy image of up to 255."""
    if "photons" in amount:
        photons = amount["photons"]
        return 255 * random.poisson(np.maximum(light, 0) * photons) / photons
    return 255 * light + random.normal(0, amount["noise"], light.shape)


def observed(name: str, seed: str, sigma: float | None = None, clip: float = 0.0) -> Seen:
    """Choose a blur and a noise at random, and observe a scene."""
    random = np.random.default_rng(crc32(f"{name} {seed}".encode()))
    volume = "volume" in name
    amount = random.choice(PHOTONS if name.startswith(LIT) else NOISES + PHOTONS)
    drawn = float(random.choice([0.7, 1, 1.5] if volume else [0.7, 1, 1.5, 2, 3, 4]))
    across = drawn if sigma is None else sigma
    sigmas = (min(2 * across, 3.0),) * volume + (across, across)
    scene = SCENES[name]()
    frame = (24, 64, 64) if volume else (128, 128)
    light, truth = middle(blur(scene, sigmas), frame), middle(scene, frame)
    if clip:
        light = light / np.quantile(light, clip)
    image = noisy(light, random, amount)
    if clip:
        image = np.minimum(np.round(image), 255).clip(0).astype(np.uint8)
    return Seen(truth, image, sigmas)


def coarse(name: str) -> Seen | None:
    """Return every third pixel of an image, if the aliased signal is stronger than the noise."""
    random = np.random.default_rng(crc32(f"{name} coarse".encode()))
    fine = blur(picture(name, 384, 1), (1.5, 1.5))
    spectrum = np.abs(np.fft.fft2(fine - fine.mean())) ** 2
    high = np.abs(np.fft.fftfreq(384)) > 1 / 6
    aliased = 255 * np.sqrt(spectrum[high[:, None] | high].sum()) / fine.size
    light = fine[::3, ::3]
    if aliased < 0.5:
        return None
    return Seen(light, noisy(light, random, {"noise": 0.5}), (0.5, 0.5))


def lost(result: np.ndarray, truth: np.ndarray) -> float:
    return psnr(result / 255, truth, 1.0)


def graded(method: type[Method], seen: Seen) -> Iterator[tuple[str, str, float]]:
    """Yield the runs of one case: the wrong setting, the verdict, the loss in dB."""
    psf = gaussian_psf(seen.sigma)
    found = calibrate(seen.image, psf, method(), channel_axis=seen.channel_axis).method
    knob = KNOBS.get(method.__name__, "weight")

    def run(step: int, factor: float = 1.0) -> tuple[str, float]:
        told = gaussian_psf(tuple(factor * sigma for sigma in seen.sigma))
        wanted = found if knob is None else replace(found, **{knob: value(step)})
        done = deconvolve(seen.image, told, wanted, channel_axis=seen.channel_axis)
        soft = done.verdict.psf == "seems soft" and factor < 1
        return "PSF too narrow" if soft else done.verdict.kind, lost(done.image, seen.truth)

    def value(step: int) -> float:
        now, bounds = getattr(found, str(knob)), method.bounds(str(knob))
        if knob == "iterations":
            return int(np.clip(round(now / 8 ** (step / 2)), 1, 500))
        return float(np.clip(now * 8 ** (step / 2), *bounds))

    if knob is None:
        yield "right", run(0)[0], 0.0
        return
    runs = {step: run(step) for step in range(-SPAN, SPAN + 1)}
    best = max(runs, key=lambda step: runs[step][1])
    for words, step in (("right", best), ("weight x 8", best + 2), ("weight / 8", best - 2)):
        if step not in runs:
            runs[step] = run(step)
        yield words, runs[step][0], runs[best][1] - runs[step][1]
    for factor in (0.75, 1.3):
        kind, fits = run(best, factor)
        yield f"sigma x {factor}", kind, runs[best][1] - fits


def all_runs(method: type[Method]) -> Iterator[tuple[str, str, str, float]]:
    """Yield all runs of a method: scene, wrong setting, verdict, loss."""
    few = method.__name__ not in ("PoissonLikelihood",)
    for number, name in enumerate(SCENES):
        if few and number % 2 and "volume" not in name:
            continue
        for words, kind, loss in graded(method, observed(name, method.__name__)):
            yield name, words, kind, loss
    if few:
        return
    for name in SCENES:
        if "volume" not in name:
            special = {
                "saturated": observed(name, "cut", clip=0.95),
                "hardly blurred": observed(name, "sharp", sigma=0.3),
                "undersampled": coarse(name) if name in PHOTOGRAPHS.split() else None,
            }
            for words, seen in special.items():
                if seen is not None:
                    psf, axis = gaussian_psf(seen.sigma), seen.channel_axis
                    done = deconvolve(seen.image, psf, method(), channel_axis=axis)
                    yield name, words, done.verdict.kind, np.inf


def main() -> None:
    names = sys.argv[1:] or [method.__name__ for method in METHODS]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    judged: Counter[str] = Counter()
    for method_name in names:
        for scene, words, kind, loss in all_runs(getattr(napari_tf_deblur, method_name)):
            counts_at_all = words == "right" or loss > LOST
            counts[f"{method_name}, {words}{'' if counts_at_all else ', nothing lost'}"][kind] += 1
            if counts_at_all:
                well = WANTED[words] == kind or (words == "right" and kind == "unknown")
                judged[words, well] += 1
                if words != "right":
                    judged["wrong", well] += 1
                if not well:
                    print(
                        f"{method_name}, {scene}, {words}: {kind}; lost {loss:.1f} dB", flush=True
                    )
    print(f"\n| run | {' | '.join(KINDS)} |\n| --- |{' ---: |' * len(KINDS)}")
    for row, found in counts.items():
        print(f"| {row} | {' | '.join(str(found[kind] or '') for kind in KINDS)} |")
    print("\n| run | named rightly | of |\n| --- | ---: | ---: |")
    for words in ("wrong", *WANTED):
        well, badly = judged[words, True], judged[words, False]
        if well + badly:
            print(f"| {words} | {100 * well / (well + badly):.0f} % | {well + badly} |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
