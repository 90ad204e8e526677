"""Estimate the number of Richardson-Lucy iterations after which noise would be sharpened."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._noise.background import estimate_background
from napari_tf_deblur._noise.noise_line import fit_photon_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.slabs import find_peak_and_unit

ITERATIONS_PATCH_SIZE = {1: 4096, 2: 384, 3: 64}
"""Pixels per axis of the patch from which the iterations are estimated, by number of axes. Limit:
of time."""

ITERATIONS_PLANES = 3
"""Number of planes from which the iterations are estimated. Limit: of time."""

MAX_ITERATIONS = 100
"""Largest number of iterations. Limit: of time; the iterations are accelerated."""

PATIENCE_ITERATIONS = 3
"""Number of iterations without a better prediction after which the search ends. Limit: of time."""

WHOLE_IMAGE_FACTORS = (1.4, 2.0)
"""Factor a and term b of the rule that turns n, the best number of iterations with half of the
photons, into that of the whole image, which has twice the photons: max(n, a n - b). Guard:
smaller factors leave blur, larger ones sharpen noise; ``tests/preparation/test_iterations.py``."""

MIN_MODEL_PHOTONS = 1e-3
"""Least number of photons of the model in a pixel. Guard: against a division by zero;
``tests/preparation/test_iterations.py``."""

PSF_LIGHT_KEPT = 0.999
"""Part of the PSF's light that the margin around the frame holds. Limit: of memory and time; the
rest wraps round."""

MIN_VISIBLE_PART = 1e-3
"""Least part of a scene pixel's light that falls into the frame; pixels with less are left dark.
Guard: against a division by almost zero; ``tests/preparation/test_iterations.py``."""


def richardson_lucy_iterations(
    pixels: Pixels,
    psf: PSF,
    periodic: bool = False,
    *,
    accelerate: bool = True,
) -> int:
    """Estimate the number of Richardson-Lucy iterations with held-out photons.

    Each photon is assigned at random to one of two images, whose noise is then independent. Both
    are deblurred and blurred again. As long as this comes nearer to the other image, the iterations
    sharpen the scene; after that they sharpen the noise (Liu et al., Nat. Commun. 16:911, 2025).
    The distance is the sum of squares: in the likelihood, a wide dark field, which converges
    slowly, would count more than the structure. Large images are estimated from patches.

    Parameters
    ----------
    pixels : Pixels
        Intensities of shape (planes, channels, *frame), in the units of the image, without the
        background; finite.
    psf : ndarray of float32
        Point spread function of sum 1.
    periodic : bool
        Whether the image wraps round.
    accelerate : bool
        Whether the iterations are accelerated.

    Returns
    -------
    int
        Number of iterations, 1 to `MAX_ITERATIONS`.

    Examples
    --------
    >>> from napari_tf_deblur import convolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> light = abs(convolve(np.eye(64), psf, boundary="periodic"))
    >>> random = np.random.default_rng(0)
    >>> dim, bright = (random.poisson(n * light)[None, None] for n in (20, 2000))
    >>> few, many = (richardson_lucy_iterations(Pixels(np.float32(n)), psf) for n in (dim, bright))
    >>> few < many
    True
    """
    unit = find_peak_and_unit(pixels)[1]
    patches, weight = _pick_patches(pixels, psf.ndim, unit)
    sample = NoiseSample.from_pixels(pixels)
    level, noise, _ = estimate_background(pixels, sample)
    first_gain = fit_photon_line(sample).slope
    read_noise = float(np.sqrt(max(noise**2 - first_gain * max(level, 0.0), 0.0)))
    gain = fit_photon_line(sample, read_noise).slope
    photons = patches * np.float32(unit / gain)
    half = _thin_photons(photons, read_noise / gain, np.random.default_rng(0))
    halves = np.concatenate([half, photons - half])
    held_out = np.concatenate([photons - half, half])
    weights = np.concatenate([weight, weight])
    # Values below zero are noise. They are kept by an offset, as in the solver.
    dark = np.float32(max(0.0, -float(np.quantile(halves, 1e-3))) + MIN_MODEL_PHOTONS)
    losses: list[float] = []
    for model in _reblurred_iterates(
        halves * weights, weights, psf, periodic, float(dark), accelerate
    ):
        misfit = np.square(model - held_out)
        losses.append(float(np.sum(misfit * weights, dtype=np.float64)))
        if len(losses) - int(np.argmin(losses)) > PATIENCE_ITERATIONS:
            break
    best = _interpolate_minimum(losses)
    factor, term = WHOLE_IMAGE_FACTORS
    # Rounded down: one iteration too many costs more than one too few.
    return int(np.clip(max(best, factor * best - term), 1, MAX_ITERATIONS))


def _thin_photons(
    photons: Float32Array, read_noise: float, random: np.random.Generator
) -> Float32Array:
    """Draw half of the photons at random, so that the noise of both halves is independent.

    The part of a value that is not a whole photon is read noise, and both halves would share it.
    Noise that is added to one half and subtracted from the other makes it independent, too.
    """
    whole = np.maximum(np.round(photons), 0)
    drawn = random.binomial(whole.astype(np.int64), 0.5)
    rest = (photons - whole) / 2 + random.normal(0, read_noise / 2, photons.shape)
    return np.asarray(drawn + rest, np.float32)


def _interpolate_minimum(losses: list[float]) -> float:
    """Position of the minimum, counted from 1, by a parabola through three losses."""
    k = int(np.argmin(losses))
    if not 0 < k < len(losses) - 1:
        return k + 1.0
    before, lowest, after = losses[k - 1 : k + 2]
    curvature = before - 2 * lowest + after
    return k + 1 + ((before - after) / (2 * curvature) if curvature > 0 else 0.0)


def _reblurred_iterates(
    light: Float32Array,
    weight: Float32Array,
    psf: PSF,
    periodic: bool,
    dark: float,
    accelerate: bool,
) -> Iterator[Float32Array]:
    """Iterate as ``_solvers/richardson_lucy.py`` does; yield the re-blurred image each time."""
    frame = light.shape[1:]
    axes = tuple(range(1, light.ndim))
    grid = Grid.around(frame, psf, "periodic" if periodic else "unknown", PSF_LIGHT_KEPT)
    spectrum = transfer_function(psf, grid.scene)
    in_frame = (slice(None), *grid.window)

    def filtered(values: Float32Array, transfer: NDArray[np.complex64]) -> Float32Array:
        spectra = fft.rfftn(values, axes=axes, workers=fft_workers()) * transfer
        blurred = fft.irfftn(spectra, s=grid.scene, axes=axes, workers=fft_workers())
        return np.asarray(blurred, np.float32)

    def in_scene(values: Float32Array) -> Float32Array:
        return np.pad(values, ((0, 0), *grid.margins))

    adjoint = np.conj(spectrum)
    visibility = filtered(in_scene(weight), adjoint)
    inverse_visibility = (visibility > MIN_VISIBLE_PART) / np.maximum(
        visibility, np.float32(MIN_VISIBLE_PART)
    )
    observed = in_scene(np.maximum(light + np.float32(dark), 0) * weight)
    mean = np.sum(light * weight, axes, keepdims=True)
    mean /= np.maximum(np.sum(weight, axes, keepdims=True), 1)
    image = (visibility > MIN_VISIBLE_PART) * np.maximum(mean, np.float32(MIN_MODEL_PHOTONS))
    ahead, change = image, np.zeros_like(image)
    for _ in range(MAX_ITERATIONS):
        model = np.maximum(filtered(ahead, spectrum), 0) + np.float32(dark)
        correction = filtered(observed / model, adjoint)
        fresh = ahead * inverse_visibility * np.maximum(correction, 0)
        yield np.maximum(filtered(fresh, spectrum)[in_frame], 0)
        last, change = change, fresh - ahead
        if accelerate:
            correlation = np.sum(change * last, axes, keepdims=True)
            power = np.sum(np.square(last), axes, keepdims=True)
            factor = np.clip(correlation / (power + np.float32(1e-30)), 0, 1)
            ahead = np.maximum(fresh + factor * (fresh - image), 0)
        else:
            ahead = fresh
        image = fresh


def _pick_patches(pixels: Pixels, axes: int, unit: float) -> tuple[Float32Array, Float32Array]:
    """Pick the patches with most contrast: values (patches, *patch shape) and pixel weights.

    Intensities are divided by the unit, so that their squares are finite.
    """
    planes, valid = pixels
    frame = planes.shape[2:]
    size = tuple(min(n, ITERATIONS_PATCH_SIZE[axes]) for n in frame)
    mask = None if valid is None else np.broadcast_to(valid, planes.shape)
    starts = [np.linspace(0, n - m, -(-n // m)).astype(int).tolist() for n, m in zip(frame, size)]
    corners = [tuple(slice(a, a + m) for a, m in zip(c, size)) for c in product(*starts)]
    patches: list[Float32Array] = []
    weights: list[Float32Array] = []
    for plane in _pick_planes(len(planes)):
        for channel in range(planes.shape[1]):
            best, most = None, -1.0
            for corner in corners:
                place = (..., *corner)
                values = planes[plane, channel][place] * np.float32(1 / unit)
                counting = np.ones(size, bool) if mask is None else mask[plane, channel][place]
                contrast = float(np.std(values, where=counting)) if counting.any() else -0.5
                if contrast > most:
                    best, most = (values, counting), contrast
            if best is not None and (most > 0 or not patches):
                patches.append(np.where(best[1], best[0], np.float32(0)))
                weights.append(best[1].astype(np.float32))
    return np.stack(patches), np.stack(weights)


def _pick_planes(number: int) -> list[int]:
    """Pick at most `ITERATIONS_PLANES` planes, evenly spread."""
    few = min(number, ITERATIONS_PLANES)
    return sorted({int((k + 0.5) / few * number) for k in range(few)})
