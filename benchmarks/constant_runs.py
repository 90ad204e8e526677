"""Quick runs that show whether a constant matters: ``constants.py --vary`` repeats them.

Each is a function without arguments. It returns the PSNR of a result in dB, or None, and claims:
words, or numbers, which count as changed if they differ by 2 % or more. Images are made of the
pictures and seeds of ``claims.py --development``, which neither the tests nor the other benchmarks
use.
"""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from claims import PLANE, Seen, middle, observed, psf_of, scenes
from further import picture
from metrics import psnr
from scipy.signal import fftconvolve

import napari_tf_deblur as ntd

Outcome = tuple[float | None, dict[str, Any]]
TOO_WIDE = 1.25


@cache
def seen(scene: str, kind: str, width: float, **amount: float) -> Seen:
    make, ndim = scenes(True)[scene]
    name = f"{scene}, {kind}, for constants"
    return observed(name, make(), partial(psf_of, kind, width, ndim=ndim), **amount)


def said(result: ntd.Deconvolution) -> dict[str, Any]:
    """Return the claims of a result; numbers in warnings are left out."""
    warnings = [re.sub(r"[\d.]+", "#", str(warning)) for warning in result.warnings]
    claims: dict[str, Any] = {
        "verdict": result.verdict.kind,
        "PSF": result.verdict.psf,
        "width": result.calibration.psf_width,
        "method": type(result.method).__name__,
        "warnings": sorted(warnings),
    }
    if result.blur is not None:
        claims |= blur_said(result.blur)
    return claims


def blur_said(blur: ntd.BlurEstimate) -> dict[str, Any]:
    sizes = {"sigma": max(blur.sigma), "radius": blur.radius, "length": blur.length}
    return {"family": blur.family, "confident": blur.confident, **sizes}


def deblur(one: Seen, psf: Any, *arguments: Any, **options: Any) -> Outcome:
    result = ntd.deconvolve(one.image, psf, *arguments, spacing=one.spacing, **options)
    return psnr(result.image + result.method.offset, one.truth, 255), said(result)


def photograph() -> Seen:
    return seen("motorcycle_left", "Gaussian", 1.5, noise=2.0)


def cells() -> Seen:
    return seen("cells", "widefield", 1.2, photons=100.0)


def out_of_focus() -> Seen:
    return seen("ihc", "disc", 2.0, noise=0.5)


def volume() -> Seen:
    """Deblur a part of a volume, so small that its weight is found in some seconds."""
    one = seen("cells in 3D", "Gaussian", 0.8, photons=200.0)
    part = np.s_[1:13, 6:42, 6:42]
    return replace(one, truth=one.truth[part], image=one.image[part])


def given(find: Callable[[], Seen], times: float, *arguments: Any) -> Outcome:
    one = find()
    return deblur(one, one.psf(times), *arguments)


def hessian() -> Outcome:
    one = seen("retina", "Moffat", 1.0, noise=3.0)
    return deblur(one, one.psf(1.0), ntd.Hessian(weight="auto"))


def weight_too_large() -> Outcome:
    one = seen("grass", "Gaussian", 1.0, noise=2.0)
    return deblur(one, one.psf(1.0), ntd.TotalVariation(weight=0.2))


def richardson_lucy() -> Outcome:
    one = seen("points", "Moffat", 1.0, photons=300.0)
    return deblur(one, one.psf(1.0), ntd.RichardsonLucy(iterations="auto"))


def poisson_volume() -> Outcome:
    one = volume()
    return deblur(one, one.psf(1.0), ntd.PoissonLikelihood(weight=2.5))  # "auto" finds 2.6


def poisson_points() -> Outcome:
    one = seen("points", "Gaussian", 1.2, photons=300.0)
    return deblur(one, one.psf(1.0), ntd.PoissonLikelihood(weight=0.4))


def wiener() -> Outcome:
    one = seen("text", "motion", 1.5, noise=1.0)
    return deblur(one, one.psf(1.0), ntd.Wiener(balance="auto"))


def gradient_descent() -> Outcome:
    one = seen("coins", "Gaussian", 1.5, noise=2.0)
    return deblur(one, one.psf(1.0), ntd.GradientDescent(iterations=100))


def sparse() -> Outcome:
    one = seen("stars", "Gaussian", 1.0, photons=4.0)
    return deblur(one, one.psf(1.0))


def saturated() -> Outcome:
    """Deblur a colour picture that is saturated in a part."""
    random = np.random.default_rng(105)
    scene = 255 * picture("motorcycle_right.png", 2)[:96, :96]
    psf = ntd.gaussian_psf(1.3)
    light = np.stack([fftconvolve(c, psf, mode="same") for c in np.moveaxis(scene, -1, 0)], -1)
    image = light + random.normal(0, 1.5, light.shape)
    full = (image >= np.quantile(image, 0.97)).any(axis=-1)
    image = np.minimum(image, np.quantile(image, 0.97)).astype(np.float32)
    method = ntd.TotalVariation(weight=0.01)
    result = ntd.deconvolve(image, psf, method, channel_axis=-1, mask=full)
    truth, found = scene[12:-12, 12:-12], (result.image + result.method.offset)[12:-12, 12:-12]
    return psnr(found, truth, 255), said(result)


def broken() -> Outcome:
    """Deblur an image with hot, dead and saturated pixels, some side by side, some at the edge."""
    one = photograph()
    image = np.minimum(one.image, np.quantile(one.image, 0.98))
    random = np.random.default_rng(108)
    rows, columns = random.integers(0, 143, (2, 24))
    image[rows[:12], columns[:12]] = 255.0
    image[rows[12:18], columns[12:18]] += 60.0
    image[rows[18:], columns[18:]] = 0.0
    image[40, 40:42], image[0, 7], image[90, 143] = 255.0, 255.0, 255.0
    return deblur(replace(one, image=image), one.psf(1.0), ntd.TotalVariation(weight=0.005))


def jpeg(quality: int) -> Outcome:
    """Deblur a JPEG picture."""
    one = photograph()
    image = compress(one.image, quality).astype(np.float32)
    return deblur(replace(one, image=image), one.psf(1.0), ntd.TotalVariation())


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def line() -> Outcome:
    one = cells()
    return deblur(
        Seen("line", one.truth[70], one.image[70], one.psf), ntd.gaussian_psf(1.2, ndim=1)
    )


def beads(light: float, noise: float) -> Outcome:
    """Measure a PSF from beads on a sloping background; two are too close to each other."""
    random = np.random.default_rng(106)
    scene = np.zeros((160, 170))
    scene[16:160:32, 18:170:34] = light
    scene[48, 58] = light
    psf = psf_of("Moffat", 1.2, 1.0, 2)
    mean = fftconvolve(scene, psf, mode="same") + 100 + np.linspace(0, 60, 170)
    found, notes = ntd.measured_psf(random.normal(mean, noise))
    return psnr(in_the_middle(found), in_the_middle(psf), float(psf.max())), {"notes": list(notes)}


def in_the_middle(psf: np.ndarray) -> np.ndarray:
    wide = np.zeros((81, 81))
    n, m = psf.shape
    wide[40 - n // 2 : 41 + n // 2, 40 - m // 2 : 41 + m // 2] = psf
    return wide


def theoretical_psf() -> Outcome:
    """Measure a PSF from one without noise, which is cropped and off its centre."""
    psf = psf_of("widefield", 1.0, 1.0, 2)[4:, :-6]
    found, notes = ntd.measured_psf(psf)
    return None, {"notes": list(notes), "shape": found.shape, "peak": float(found.max())}


def known_gain() -> Outcome:
    """Deblur with a known gain: each pixel has its own weight in the misfit."""
    one = cells()
    return deblur(one, one.psf(1.0), ntd.TotalVariation(weight=0.01, gain=2.55))


def doubtful_psf() -> Outcome:
    """Deblur an image with a PSF that has a background and is off its centre."""
    one = photograph()
    psf = np.pad(one.psf(1.0), ((8, 8), (8, 7)))
    return deblur(one, psf + 0.02 * psf.max(), ntd.TotalVariation(weight=0.01))


def microscopes() -> Outcome:
    """Compute widths and peaks of PSFs of microscopes."""
    claims: dict[str, Any] = {}
    for kind, setup in (
        ("widefield", {}),
        ("confocal", {"excitation": 488.0}),
        ("light sheet", {"sheet": 1500.0}),
        ("multiphoton", {"excitation": 900.0}),
    ):
        psf = ntd.microscope_psf(1.1, 520, spacing=(300, 110, 110), microscope=kind, **setup)  # type: ignore[arg-type]
        claims[f"{kind} shape"] = psf.shape
        claims[f"{kind} peak"] = float(psf.max())
        claims[f"{kind} sigma"] = ntd.microscope_sigma(1.1, 520, microscope=kind, **setup)[0]  # type: ignore[arg-type]
    return None, claims


def camera() -> Outcome:
    """Estimate gain, offset, read noise and background of a camera, and of one that clips."""
    random = np.random.default_rng(107)
    light = middle(fftconvolve(scenes(True)["cells"][0](), ntd.gaussian_psf(1.5), "same"), PLANE)
    claims: dict[str, Any] = {}
    for name, photons, offset in (("bright", 200, 100.0), ("dim", 15, 100.0), ("cut off", 40, 0.0)):
        counts = random.poisson(photons * np.maximum(light, 0)) * 2.0
        image = np.maximum(np.round(counts + offset + random.normal(0, 3, light.shape)), 0)
        noise = ntd.estimate_noise(image.astype(np.uint16))
        known = {k: getattr(noise, k) for k in ("sigma", "mean", "gain", "offset", "read_noise")}
        result = ntd.deconvolve(
            image.astype(np.uint16),
            ntd.gaussian_psf(1.5),
            ntd.RichardsonLucy(iterations=5),
        )
        known |= {"background": result.background, "verdict": result.verdict.kind}
        claims |= {f"{name} {key}": value for key, value in known.items()}
    return None, claims


def compressed() -> Outcome:
    """Estimate the blur of a JPEG picture, and that of a moving camera."""
    claims: dict[str, Any] = {}
    found = blur_said(estimate(compress(photograph().image, 90)))
    claims |= {f"JPEG {k}": v for k, v in found.items()}
    moved = seen("horse", "motion", 2.0, noise=0.5).image
    claims |= {f"moved {k}": v for k, v in blur_said(estimate(moved)).items()}
    claims |= {f"points {k}": v for k, v in blur_said(estimate(cells().image)).items()}
    return None, claims


def estimate(image: np.ndarray) -> ntd.BlurEstimate:
    return ntd.estimate_blur(image)


def pieces() -> Outcome:
    """Deblur an image in pieces, in this process."""
    one = photograph()
    image = np.tile(np.block([[one.image, one.image[:, ::-1]]] * 2), (3, 2))
    truth = np.tile(np.block([[one.truth, one.truth[:, ::-1]]] * 2), (3, 2))
    method = ntd.TotalVariation(weight=0.005)
    result = ntd.deconvolve(image, one.psf(1.0), method, memory=0.02)
    return psnr(result.image, truth, 255), said(result)


RUNS: dict[str, Callable[[], Outcome]] = {
    "photograph, exact": partial(given, photograph, 1.0),
    "photograph, too wide": partial(given, photograph, TOO_WIDE),
    "photograph, found": lambda: deblur(photograph(), None),
    "cells, exact": partial(given, cells, 1.0),
    "cells, too wide": partial(given, cells, TOO_WIDE),
    "disc, found": lambda: deblur(out_of_focus(), None),
    "volume, total variation": partial(given, volume, 1.0, ntd.TotalVariation()),
    "Hessian": hessian,
    "weight too large": weight_too_large,
    "Richardson-Lucy": richardson_lucy,
    "Poisson, volume": poisson_volume,
    "Poisson, points": poisson_points,
    "Wiener": wiener,
    "gradient descent": gradient_descent,
    "sparse photons": sparse,
    "saturated, colour": saturated,
    "broken pixels": broken,
    "JPEG, 50": partial(jpeg, 50),
    "JPEG, 90": partial(jpeg, 90),
    "line": line,
    "beads": partial(beads, 8000.0, 5.0),
    "dim beads": partial(beads, 500.0, 8.0),
    "theoretical PSF": theoretical_psf,
    "known gain": known_gain,
    "doubtful PSF": doubtful_psf,
    "microscopes": microscopes,
    "camera": camera,
    "estimates of blur": compressed,
    "pieces": pieces,
}

ONLY_LARGE = ("pieces",)
"""Runs that are repeated for constants of ``_large`` only, because they take long."""
