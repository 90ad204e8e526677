"""Which blur is found in a photograph, and what a blind run loses by that.

    python benchmarks/blur_families.py [--exact] [--blind] [--every N]
    python benchmarks/blur_families.py --jpeg
    python benchmarks/blur_families.py --choose

Photographs of scikit-image's wheel, shrunk so that their own softness does not count, blurred by
discs, lines and Gaussians. With ``--exact`` discs and lines are those of the transfer function,
else those that the package draws. ``--blind`` also runs ``deconvolve(image)`` against
``deconvolve(image, psf)``; ``--every`` takes one case in so many. ``--jpeg`` compresses before the
blind run. ``--choose`` prints, for other pictures and other crops, what the thresholds in
``_blur/families.py`` were chosen by: how odd scenes are, and the odds between families where the
blur is a Gaussian and where it is a disc.
"""

import argparse
import io
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from metrics import psnr
from PIL import Image
from scenes import filaments, nuclei, photograph
from scipy.signal import fftconvolve
from scipy.special import j1
from verdicts import middle, noisy, plane, shrunk

from napari_tf_deblur import deconvolve, disc_psf, estimate_blur, gaussian_psf, motion_psf
from napari_tf_deblur.weight_search import SHARED_WARNING

PICTURES = "camera astronaut coins chelsea coffee gravel brick moon rocket hubble page grass"
OTHERS = "retina immunohistochemistry microaneurysms camera coffee astronaut chelsea cell"
"""The first are reported, from the upper left; by the second, from the lower right, was chosen."""

SHRUNK = {"brick": 3, "microaneurysms": 1, "cell": 1}
SIZE = 256
"""Pixels of a picture along an axis, at most."""

Blur = tuple[str, float, float]
BLURS: tuple[Blur, ...] = (
    *(("disc", radius, 0.0) for radius in (1.5, 2.0, 3.0, 4.5, 6.0)),
    *(
        ("line", length, angle)
        for length in (5.0, 10.0, 20.0)
        for angle in (20.0, 65.0, 90.0, 155.0)
    ),
    *(("Gaussian", sigma, 0.0) for sigma in (1.0, 1.7, 3.0)),
)
"""Family, size in pixels, angle in degrees."""

NOISES = (0.5, 2.0)
"""Standard deviations, of 255."""

JPEG_PICTURES = "camera astronaut coins chelsea coffee rocket"
JPEG_BLURS: tuple[Blur, ...] = (("Gaussian", 1.5, 0.0), ("Gaussian", 2.5, 0.0), ("disc", 3.0, 0.0))
QUALITIES = (75, 80, 85, 95)


@dataclass(frozen=True)
class Seen:
    """An image of 255 and the truth of 1."""

    name: str
    blur: Blur
    noise: float
    truth: np.ndarray
    image: np.ndarray


def psf_of(blur: Blur) -> np.ndarray:
    family, size, angle = blur
    if family == "disc":
        return disc_psf(size)
    return motion_psf(size, angle) if family == "line" else gaussian_psf(size)


def blurred(scene: np.ndarray, blur: Blur, exact: bool) -> np.ndarray:
    """Blur a scene by what is drawn, or by the transfer function of the shape."""
    family, size, angle = blur
    if not exact or family == "Gaussian":
        return fftconvolve(scene, psf_of(blur).astype(float), "same")
    rows, columns = np.fft.fftfreq(scene.shape[0])[:, None], np.fft.fftfreq(scene.shape[1])
    if family == "disc":
        x = 2 * np.pi * size * np.hypot(rows, columns) + 1e-9
        transfer = 2 * j1(x) / x
    else:
        turn = np.radians(angle)
        transfer = np.sinc(size * (columns * np.cos(turn) - rows * np.sin(turn)))
    return np.fft.ifft2(np.fft.fft2(scene) * transfer).real


def looked_at(name: str, blur: Blur, noise: float, exact: bool = False, last: bool = False) -> Seen:
    scene = shrunk(photograph(name), SHRUNK.get(name, 2))
    part = np.s_[-SIZE - 40 :, -SIZE - 40 :] if last else np.s_[: SIZE + 40, : SIZE + 40]
    scene = scene[part]
    frame = tuple(n - 40 for n in scene.shape)
    light, truth = middle(blurred(scene, blur, exact), frame), middle(scene, frame)
    random = np.random.default_rng(crc32(f"{name} {blur} {noise}".encode()))
    return Seen(name, blur, noise, truth, noisy(light, random, {"noise": noise}))


def cases(exact: bool) -> Iterator[Seen]:
    for name in PICTURES.split():
        for blur in BLURS:
            for noise in NOISES:
                yield looked_at(name, blur, noise, exact)


def quality(image: np.ndarray, truth: np.ndarray) -> float:
    return psnr(image / 255, truth, 1.0)


def report(exact: bool, blind: bool, every: int) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    sizes: dict[str, list[float]] = defaultdict(list)
    angles: list[float] = []
    lost: dict[str, list[float]] = defaultdict(list)
    gained: list[float] = []
    for number, seen in enumerate(cases(exact)):
        if number % every:
            continue
        family, size, angle = seen.blur
        done = deconvolve(seen.image) if blind else None
        found = done.blur if done else estimate_blur(seen.image)
        assert found is not None
        right[family].append(found.family == family)
        if found.family == family:
            told = {"disc": found.radius, "line": found.length}.get(family, np.mean(found.sigma))
            sizes[family].append(abs(float(told) / size - 1))
            angles += [abs((found.angle - angle + 90) % 180 - 90)] if family == "line" else []
        words = f"{seen.name}, {family} {size:g} {angle:g}, noise {seen.noise:g}: {found}"
        if done:
            known = deconvolve(seen.image, psf_of(seen.blur))
            scores = [quality(i, seen.truth) for i in (seen.image, done.image, known.image)]
            lost[family].append(scores[2] - scores[1])
            gained.append(scores[1] - scores[0])
            words += " {:.2f}, blind {:.2f}, known {:.2f}".format(*scores)
        wrong = "" if right[family][-1] else "WRONG "
        print(f"{wrong}{words} (odds {found.odds:.1f})", flush=True)
    print("\n| family | right | size: median error | nine of ten | blind: lost, median |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for family, values in right.items():
        median, most = np.quantile(sizes[family] or [np.nan], (0.5, 0.9))
        less = f"{np.median(lost[family]):.2f} dB" if blind else ""
        print(f"| {family} | {sum(values)} of {len(values)} | {median:.1%} | {most:.1%} | {less} |")
    if angles:
        print(
            "angles: median error {:.1f}, nine of ten {:.1f}".format(
                *np.quantile(angles, (0.5, 0.9))
            )
        )
    if blind:
        every_loss = [value for values in lost.values() for value in values]
        print(
            f"lost in all: median {np.median(every_loss):.2f} dB; least gain {min(gained):.2f} dB"
        )


def compressed(image: np.ndarray, at: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.rint(image).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=at)
    return np.asarray(Image.open(file))


def report_jpeg() -> None:
    print(
        "| picture, blur, quality | found | before | after | note |\n"
        "| --- | --- | ---: | ---: | --- |"
    )
    for name in JPEG_PICTURES.split():
        for blur in JPEG_BLURS:
            seen = looked_at(name, blur, 0.7)
            for at in QUALITIES:
                image = compressed(seen.image, at)
                done = deconvolve(image)
                scores = quality(image, seen.truth), quality(done.image, seen.truth)
                found = done.blur
                assert found is not None
                size = found.radius or float(np.mean(found.sigma))
                note = "said" if SHARED_WARNING in done.warnings else "NOT SAID"
                print(
                    f"| {name}, {blur[0]} {blur[1]:g}, {at} | {found.family} {size:.2f} "
                    f"| {scores[0]:.2f} | {scores[1]:.2f} | {note} |",
                    flush=True,
                )


def choose() -> None:
    from napari_tf_deblur._blur.fit import OWN, Model
    from napari_tf_deblur._blur.shapes import Scenes, badness_of_gaussians, fit_disc, fit_line
    from napari_tf_deblur._blur.spectrum import pieces_of, spectrum_of

    def show(words: str, image: np.ndarray) -> None:
        model = Model(
            spectrum_of(pieces_of(image[None, None].astype(np.float32), None), (1.0, 1.0))
        )
        equal, _ = model.equal()
        scenes = Scenes(model, equal.slope)
        disc, line = fit_disc(scenes), fit_line(scenes)
        gaussian = badness_of_gaussians(model, [equal, model.by_axis(equal)])
        print(
            f"{words}: Gaussian {np.sqrt(max(equal.blur[0] - OWN, 0)):.2f} of oddity "
            f"{equal.oddity:.1f}; odds of disc {gaussian - disc.badness:.1f}, of radius "
            f"{disc.parameters[0]:.2f}, oddity {disc.oddity:.1f}, slope {disc.slope:.2f}; odds of "
            f"line {gaussian - line.badness:.1f}",
            flush=True,
        )

    blurs: tuple[Blur, ...] = (
        *(("Gaussian", sigma, 0.0) for sigma in (0.7, 1.5, 2.5)),
        *(("disc", radius, 0.0) for radius in (2.0, 4.0)),
    )
    for name in OTHERS.split():
        for blur in blurs:
            show(f"{name}, {blur[0]} {blur[1]:g}", looked_at(name, blur, 2.0, last=True).image)
    random = np.random.default_rng(5)
    dots = np.zeros((256, 256))
    dots[tuple(random.integers(0, 256, (2, 80)))] = 1
    lit = {"nuclei": plane(nuclei), "filaments": plane(filaments), "points": dots}
    lit |= {f"beads of radius {r}": fftconvolve(dots, disc_psf(r), "same") for r in (2, 5)}
    for name, scene in lit.items():
        for sigma in (0.3, 1.5, 2.5):
            light = blurred(scene, ("Gaussian", sigma, 0.0), False)
            light = np.maximum(light / light.max(), 0) + 0.01
            show(f"{name}, Gaussian {sigma}", noisy(light, random, {"photons": 100}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--exact", action="store_true", help="exact transfer functions")
    parser.add_argument("--blind", action="store_true", help="deblur, too")
    parser.add_argument("--every", type=int, default=1, help="one case in so many")
    parser.add_argument("--jpeg", action="store_true", help="compress before a blind run")
    parser.add_argument("--choose", action="store_true", help="what thresholds were chosen by")
    asked = parser.parse_args()
    if asked.choose:
        choose()
    elif asked.jpeg:
        report_jpeg()
    else:
        report(asked.exact, asked.blind, asked.every)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
