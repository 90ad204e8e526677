"""Make a PSF from beads of any shape, such as those of engineered PSFs."""

from collections import Counter

import numpy as np
from scipy import ndimage

from napari_tf_deblur._beads.averaging import (
    MAX_BEADS,
    MAX_WINDOW_VOXELS,
    crop_dark_margin,
    mean_without_outliers,
    smoothed_noise,
)
from napari_tf_deblur._beads.bead_windows import (
    BeadWindow,
    WindowSize,
    cut_out,
    find_windows,
)
from napari_tf_deblur._beads.finding import MIN_BEAD_SNR, estimate_picture_noise
from napari_tf_deblur._beads.ready_psf import CENTRE_TOLERANCE, is_noisy
from napari_tf_deblur._beads.refusals import describe_unusable_windows
from napari_tf_deblur._beads.registration import RegisteredBeads, align, register_beads
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.pixels import PIXEL_SIGNIFICANCE
from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.typing import Float32Array, Float64Array

LIGHT_FILTER_SIGMAS = (0.7, 1.4)
"""Sigmas, in pixels, of the filters after which light is told from noise: light out of focus is
wide and dim. Chosen by ``benchmarks/engineered_psfs.py --filters``."""

MAX_RIM_LIGHT = 0.1
"""Brightest light at the rim of a window, or at the ends of a stack, relative to the peak, that
does not count as cut off. Guard: against windows that are too small;
``tests/beads/test_registration.py``."""

UNLIKE = "unlike the others"


def psf_by_registration(
    picture: Float32Array, low: float, scale: float, size: WindowSize
) -> tuple[Float64Array, list[str]]:
    """Average beads of any shape, registered to each other; also return notes of what was done.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes, none of length 1; with a median of 0 and a peak of 1.
    low, scale : float
        Median and scale of the intensities of the picture.
    size : WindowSize
        The size of a window that holds one bead.

    Raises
    ------
    ValueError
        If no bead can be used, or if most beads do not look alike.
    """
    found = find_windows(picture, size)
    usable = [one for one in found if not one.fault]
    if not usable:
        raise InvalidValueError(describe_unusable_windows([one.fault for one in found], size.sides))
    # Along z the window holds all planes of all beads, wherever their middles are.
    middles = np.array([one.centre for one in usable])
    far = np.maximum(middles, np.subtract(picture.shape, 1) - middles).max(axis=0)
    half = np.where(size.across, size.half, np.minimum(size.half, np.ceil(far)))
    size = WindowSize(tuple(int(h) for h in half), size.across)
    most = max(1, min(MAX_BEADS, MAX_WINDOW_VOXELS // int(np.prod(size.sides))))
    beads, notes = _register(picture, usable[:most], size)
    kernel, noise, background = _average(picture, beads, size)
    _refuse_cut_light(kernel, noise, size)
    faults = Counter(one.fault for one in found if one.fault)
    faults.update({UNLIKE: int(np.count_nonzero(~beads.used))})
    reasons = ", ".join(f"{n} {fault}" for fault, n in faults.items() if n)
    if reasons:
        notes.append(f"{sum(faults.values())} left out ({reasons})")
    background = low + scale * background
    if abs(background) > 1e-6 * scale:
        notes.append(f"background of about {background:.4g} subtracted around each")
    if is_noisy(picture.astype(np.float64), 1.0) and noise > 0:
        notes.append(f"its peak is {kernel.max() / noise:.0f} times its noise")
    if _reaches_the_ends(kernel, size):
        notes.append("its light reaches the first or last plane: what lies beyond is missing")
    notes.append("centred by its light")
    return crop_dark_margin(kernel), notes


def _register(
    picture: Float32Array, usable: list[BeadWindow], size: WindowSize
) -> tuple[RegisteredBeads, list[str]]:
    """Register beads to each other; also return how well they agree, in words."""
    middles = np.array([one.centre for one in usable])
    if len(usable) == 1:
        one = np.ones(1)
        note = "1 bead used, whatever its shape: all light in its window counts as its PSF"
        return RegisteredBeads(middles, one, one, one, one > 0), [
            note,
            "no second bead to compare it with",
        ]
    beads = register_beads(picture, middles, size)
    used = int(np.count_nonzero(beads.used))
    if 2 * used <= len(usable):
        raise InvalidValueError(
            f"Of {len(usable)} bright objects in the layer chosen as PSF, "
            f"{used or 'none'} look{'s' if used == 1 else ''} like the others in windows of "
            f"{' x '.join(map(str, size.sides))} pixels: they are not beads at one focus with "
            "one PSF, or the window holds only a part of a bead, or parts of two. Choose a window "
            "that holds one whole bead with dark pixels around it, or cut out a part of the "
            "picture whose beads look alike."
        )
    correlation = float(beads.correlation[beads.used].mean())
    agreement = float(beads.agreement[beads.used].mean())
    agree = f"{correlation:.3f} ({agreement:.3f} without noise)"
    return beads, [
        f"{used} beads used, registered to each other and averaged, weighted by brightness",
        f"mean correlation of a bead with the average of the others: {agree}",
    ]


def _average(
    picture: Float32Array, beads: RegisteredBeads, size: WindowSize
) -> tuple[Float64Array, float, float]:
    """Average beads with their light in the middle; also return noise and background.

    The noise is that of the average, where all beads are seen.
    """
    noise = estimate_picture_noise(picture)
    filtered = smoothed_noise(picture, noise)
    centres, brightness = beads.centres[beads.used], beads.brightness[beads.used]
    for _ in range(4):
        cutouts = [cut_out(picture, centre, size) for centre in centres]
        stack = np.stack([align(one, c, size) for one, c in zip(cutouts, centres)])
        parts = stack / brightness.reshape(-1, *[1] * (stack.ndim - 1))
        peak = float(np.max(np.median(np.nan_to_num(parts), axis=0)))
        mean, spread = mean_without_outliers(parts / peak, brightness * peak, noise)
        if float(mean.max()) < MIN_BEAD_SNR * noise * float(spread.min()):
            raise InvalidValueError(describe_unusable_windows([], size.sides))
        kernel = np.clip(_keep_light(mean, spread, filtered), 0, None)
        offset = light_centre(kernel) - size.half
        if np.abs(offset).max() < 0.1 * CENTRE_TOLERANCE:
            break
        centres = centres + offset
    background = float(np.median([one.background for one in cutouts]))
    return kernel, noise * float(spread.min()), background


def _keep_light(mean: Float64Array, spread: Float64Array, noise: float) -> Float64Array:
    """Keep the part of an average that stands out from the noise, after one of several filters.

    `noise` is that of the picture after the narrowest filter.
    """
    known = np.isfinite(spread)
    ratio = np.where(known, mean / np.where(known, spread, 1.0), 0.0)
    gain = np.zeros(mean.shape)
    for sigma in LIGHT_FILTER_SIGMAS:
        least = noise * (LIGHT_FILTER_SIGMAS[0] / sigma) ** mean.ndim
        smooth = ndimage.gaussian_filter(ratio, sigma)
        limit = PIXEL_SIGNIFICANCE * least
        significant = np.abs(smooth) > limit
        gain[significant] = np.maximum(gain[significant], 1 - (limit / smooth[significant]) ** 2)
    return np.asarray(gain * np.where(known, mean, 0.0))


def _reaches_the_ends(kernel: Float64Array, size: WindowSize) -> bool:
    """Whether the light of an average ends abruptly along z, where the picture ends."""
    for axis, across in enumerate(size.across):
        line = kernel.max(axis=tuple(a for a in range(kernel.ndim) if a != axis))
        lit = line[line > 0]
        if not across and max(lit[0], lit[-1]) > MAX_RIM_LIGHT * kernel.max():
            return True
    return False


def _refuse_cut_light(kernel: Float64Array, noise: float, size: WindowSize) -> None:
    """Raise an error if the light of an average reaches the rim of its window."""
    ends = [
        float(np.take(kernel, (0, -1), axis).max())
        for axis, across in enumerate(size.across)
        if across
    ]
    part = max(ends) / float(kernel.max())
    if max(ends) > PIXEL_SIGNIFICANCE * noise and part > MAX_RIM_LIGHT:
        raise InvalidValueError(
            f"At the rim of the window, the average of the beads still has {100 * part:.0f} % of "
            f"its peak: {' x '.join(map(str, size.sides))} pixels do not hold a whole bead. "
            "Choose a larger window, with dark pixels all around the bead."
        )
