"""Draw the figures of the explanation: ``python docs/scripts/make_figures.py [NAME...]``.

They go into ``docs/figures``, and are committed: look at them before. Needs the group ``docs``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from skimage import data

import napari_tf_deblur as deblur

FIGURES = Path(__file__).resolve().parent.parent / "figures"
Image = NDArray[np.floating]

plt.rcParams.update(
    {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110}
)
METHOD = deblur.TotalVariation(weight=0.002)


def photograph(size: int = 128) -> Image:
    """A part of a photograph with much of it around, so that light comes in from there."""
    return data.camera()[60 : 60 + size + 64, 160 : 160 + size + 64].astype(float)


def seen(scene: Image, psf: Image, noise: float = 2.0) -> tuple[Image, Image]:
    """The frame of a camera without the 32 pixels around it: the truth, and what it shows."""
    random = np.random.default_rng(0)
    blurred = deblur.convolve(scene, psf)[32:-32, 32:-32]
    return scene[32:-32, 32:-32], blurred + random.normal(0, noise, blurred.shape)


def error(image: Image, truth: Image) -> float:
    return float(np.sqrt(np.mean((image - truth) ** 2)))


def shown(axes: plt.Axes, image: Image, title: str, **limits: float) -> None:
    axes.imshow(image, cmap="gray", interpolation="nearest", **limits)
    axes.set_title(title)
    axes.axis("off")


def forward_model() -> plt.Figure:
    psf = deblur.gaussian_psf(2)
    scene = photograph()
    truth, image = seen(scene, psf, noise=6)
    blurred = deblur.convolve(scene, psf)[32:-32, 32:-32]
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
    limits = {"vmin": 0, "vmax": 255}
    shown(axes[0], truth, "scene x", **limits)
    shown(axes[1], psf, "PSF h")
    shown(axes[2], blurred, "blurred: h * x", **limits)
    shown(axes[3], image, "image: h * x + noise", **limits)
    return figure


def frame() -> plt.Figure:
    psf = deblur.gaussian_psf(3)
    truth, image = seen(photograph(), psf, noise=1)
    method = deblur.TotalVariation(weight=0.0005)
    figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
    shown(axes[0], truth, "truth\n", vmin=0, vmax=255)
    for part, boundary, title in (
        (axes[1], "zero", "dark beyond the frame"),
        (axes[2], "unknown", "unknown beyond the frame"),
    ):
        result = deblur.deconvolve(image, psf, method, boundary=boundary).image
        shown(part, result, f"{title}:\nerror {error(result, truth):.0f}", vmin=0, vmax=255)
    return figure


def transfer_functions() -> plt.Figure:
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    psfs = {
        "Gaussian, sigma 1.5": deblur.gaussian_psf(1.5),
        "disc, radius 3": deblur.disc_psf(3),
        "motion, length 7": deblur.motion_psf(7),
        "microscope, NA 1.4, 520 nm, 65 nm pixels": deblur.microscope_psf(
            1.4, 520, spacing=(65, 65)
        ),
    }
    for name, psf in psfs.items():
        line = psf.sum(axis=0)  # along the frequencies of a row
        n = len(line)
        frequency = np.linspace(0, 0.5, 200)
        phase = np.exp(-2j * np.pi * np.outer(frequency, np.arange(n) - n // 2))
        axes.plot(frequency, (phase @ line).real, label=name)
    axes.axhline(0, color="gray", linewidth=0.5)
    axes.set_xlabel("frequency along a row, cycles per pixel")
    axes.set_ylabel("OTF")
    axes.legend(frameon=False)
    return figure


def priors() -> plt.Figure:
    """A line through an edge, a slope and a peak, as three priors see it."""
    x = np.arange(160)
    profile = 20 + 60.0 * ((x > 25) & (x < 55)) + 80 * np.clip(1 - np.abs(x - 85) / 18, 0, 1)
    profile += 70 * np.exp(-((x - 130) ** 2) / (2 * 6.0**2))
    scene = np.tile(profile, (128, 1))
    psf = deblur.gaussian_psf(3)
    blurred = deblur.convolve(scene, psf, boundary="reflect")
    image = np.random.default_rng(0).poisson(blurred).astype(float)
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
    methods = (
        deblur.TotalVariation(weight=0.05),
        deblur.Hessian(weight=0.05),
        deblur.PoissonLikelihood(weight=2.0, background=0),
    )
    for part, method in zip(axes, methods):
        result = deblur.deconvolve(image, psf, method).image
        part.plot(x, image[64], color="0.8", linewidth=0.7, label="image")
        part.plot(x, profile, color="black", linewidth=0.8, label="truth")
        part.plot(x, result[64], color="C3", linewidth=1.2, label="result")
        part.set_title(type(method).__name__)
        part.set_xlabel("pixel")
    axes[0].legend(frameon=False, loc="upper left", fontsize=7)
    axes[0].set_ylabel("intensity")
    return figure


def weight() -> plt.Figure:
    psf = deblur.gaussian_psf(1.5)
    truth, image = seen(photograph(), psf, noise=4)
    found = deblur.calibrate(image, psf, deblur.TotalVariation())
    ratios = 2.0 ** np.arange(-5, 6)
    results = {r: deblur.deconvolve(image, psf, found, smoothing=float(r)).image for r in ratios}
    errors = [error(results[r], truth) for r in ratios]
    figure, axes = plt.subplots(
        1, 4, figsize=(10, 2.6), width_ratios=(1.5, 1, 1, 1), layout="constrained"
    )
    axes[0].semilogx(ratios, errors, "o-", base=2, markersize=3)
    axes[0].axvline(1, color="C3", linewidth=1)
    axes[0].set_xlabel("weight, as a multiple of the one found")
    axes[0].set_ylabel("error of the result")
    for part, r in zip(axes[1:], (1 / 16, 1, 16)):
        shown(part, results[r][20:100, 20:100], f"{r:g} times", vmin=0, vmax=255)
    return figure


def noise() -> plt.Figure:
    """Variance over brightness, block by block: a line whose slope is the gain."""
    random = np.random.default_rng(0)
    light = 200 * np.clip(deblur.convolve(photograph(192), deblur.gaussian_psf(3)) / 255, 0.02, 1)
    light = light[32:-32, 32:-32]
    gain, offset, read = 2.0, 100.0, 6.0
    image = offset + gain * random.poisson(light) + random.normal(0, read, light.shape)
    told = deblur.estimate_noise(image)
    blocks = image.reshape(24, 8, 24, 8).swapaxes(1, 2)
    smooth = (gain * light).reshape(24, 8, 24, 8).swapaxes(1, 2)
    flat = smooth.std((2, 3)) < 4
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    means, variances = blocks.mean((2, 3))[flat], blocks.var((2, 3), ddof=1)[flat]
    axes.plot(means, variances, ".", color="0.6", label="flat blocks of 8 x 8 pixels")
    brightness = np.array([offset, image.max()])
    axes.plot(
        brightness,
        gain * (brightness - offset) + read**2,
        "k--",
        label="truth: gain 2, read noise 6",
    )
    if told.gain is not None:
        level = told.offset if told.offset is not None else offset
        dark = told.read_noise if told.read_noise is not None else read
        axes.plot(
            brightness,
            told.gain * (brightness - level) + dark**2,
            color="C3",
            label=f"estimate_noise: gain {told.gain:.2f}",
        )
    axes.set_xlabel("brightness")
    axes.set_ylabel("variance")
    axes.set_ylim(0, 1000)
    axes.legend(frameon=False)
    return figure


def blur() -> plt.Figure:
    scene = photograph(192)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for sigma in (0, 1, 2, 3):
        psf = deblur.gaussian_psf(max(sigma, 0.01))
        _, image = seen(scene, psf)
        window = np.hanning(len(image))
        power = np.abs(np.fft.fft2((image - image.mean()) * np.outer(window, window))) ** 2
        power /= (np.outer(window, window) ** 2).sum()
        frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(image))] * 2, indexing="ij"))
        bins = np.geomspace(0.01, 0.5, 25)
        place = np.digitize(frequency, bins)
        line = [power[place == k].mean() if (place == k).any() else np.nan for k in range(1, 25)]
        axes[0].loglog(
            np.sqrt(bins[1:] * bins[:-1]), line, label=f"sigma {sigma}" if sigma else "sharp"
        )
        if sigma:
            widths, badness = deblur.estimate_blur(image).curve
            axes[1].plot(widths, badness, label=f"sigma {sigma}")
            axes[1].axvline(sigma, color=f"C{sigma}", linewidth=0.5, linestyle=":")
    axes[0].axhline(4, color="gray", linewidth=0.5)
    axes[0].text(0.011, 4.6, "noise", color="gray")
    axes[0].set_xlabel("frequency, cycles per pixel")
    axes[0].set_ylabel("power")
    axes[1].set_ylim(0, 20)
    axes[1].set_xlim(0, 6)
    axes[1].set_xlabel("sigma of the Gaussian, pixels")
    axes[1].set_ylabel("minus log probability")
    axes[0].legend(frameon=False)
    axes[1].legend(frameon=False)
    return figure


FIGURES_BY_NAME: dict[str, Callable[[], plt.Figure]] = {
    make.__name__: make
    for make in (forward_model, frame, transfer_functions, priors, weight, noise, blur)
}


def main() -> None:
    FIGURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FIGURES_BY_NAME:
        figure = FIGURES_BY_NAME[name]()
        figure.savefig(FIGURES / f"{name}.png", metadata={"Software": None})
        plt.close(figure)
        print(f"docs/figures/{name}.png")


if __name__ == "__main__":
    main()
