"""Estimate the noise of an image: its strength, and the gain, offset and read noise."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout, real_array
from napari_tf_deblur._noise.camera import estimate_camera
from napari_tf_deblur._noise.noise_line import fit_photon_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.variance_line import SIGNIFICANT_DIFFERENCE, VarianceFit, VarianceLine


@dataclass(frozen=True)
class Noise:
    """The noise of an image, in its intensity units; made by :func:`estimate_noise`.

    None stands for a value that the image does not show.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise at most pixels; in an image with a dark background, at the
        background.
    mean : float
        Standard deviation of the noise, root mean square over all pixels.
    gain : float or None
        Intensity units per photon. None also if the noise does not grow with the brightness.
    offset : float or None
        Intensity without light.
    read_noise : float or None
        Standard deviation of the noise without light, rounding included.
    confident : bool
        Whether enough of the image is free of structure to know `sigma` to about 5 %.
    """

    sigma: float
    mean: float
    gain: float | None = None
    offset: float | None = None
    read_noise: float | None = None
    confident: bool = True

    def __str__(self) -> str:
        """Describe the noise in a sentence."""
        doubt = "" if self.confident else ", uncertain"
        if self.gain is None:
            return (
                f"Noise of standard deviation {self.sigma:.3g}{doubt}; "
                "the image does not show how many photons made it."
            )
        known = [f"{self.gain:.3g} intensity units per photon"]
        for name, value in (("offset", self.offset), ("read noise", self.read_noise)):
            known.append(f"{name} {'unknown' if value is None else f'{value:.4g}'}")
        return (
            f"Noise of photons, {', '.join(known)}; standard deviation {self.sigma:.3g} at most "
            f"pixels and {self.mean:.3g} on average{doubt}."
        )


def estimate_noise(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    alpha: bool = False,
    mask: ArrayLike | None = None,
) -> Noise | tuple[Noise, ...]:
    """Estimate the noise of an image, and the camera's gain, offset and read noise.

    The variance of a camera's noise is a straight line over the brightness (Mortara & Fowler,
    SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008); its slope is the gain. Offset and read
    noise come from a dark background, if the image has one. There, the line alone cannot separate
    faint light from read noise. The third moment can, because the noise of photons is skewed and
    read noise is not. Values that are not known to about a tenth are None.

    Parameters
    ----------
    image : array_like
        Any real dtype. The last two axes are one picture; the others are looped over. Planes of
        one value do not count, nor do saturated, hot, NaN, infinite and masked pixels. Only a
        part of a large image is used.
    channel_axis : int, optional
        Axis of colour channels.
    alpha : bool, optional
        Whether the last channel is transparency, which is left out.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore; broadcast to the image without its
        channel axis.

    Returns
    -------
    Noise or tuple of Noise
        With a channel axis, one for each channel.

    Raises
    ------
    TypeError
        If the image or the mask do not hold numbers.
    ValueError
        If no pixel of the image counts, or the mask or the channel axis do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> light = 200 * np.sin(np.arange(256) / 40).clip(0) * np.ones((256, 1))
    >>> camera = 100 + 2 * random.poisson(light) + random.normal(0, 4, light.shape)
    >>> noise = estimate_noise(camera)
    >>> round(noise.gain, 1), round(noise.offset), round(noise.read_noise)
    (2.0, 100, 4)
    """
    axes = real_array(image).ndim - (channel_axis is not None)
    frame = np.ones((1,) * min(2, max(1, axes)), np.float32)
    layout, values = PlaneLayout.split_image(image, frame, channel_axis, alpha)
    ignored = layout.ignored_pixels(image, mask)
    valid = np.isfinite(values) if ignored is None else np.isfinite(values) & ~ignored
    if not valid.any():
        raise InvalidValueError(
            "The image has no pixel to estimate the noise from: all are masked, NaN or infinite."
        )
    all_valid = bool(valid.all())
    noises = tuple(
        estimate_channel_noise(
            NoiseSample.from_pixels(
                Pixels(values[:, c : c + 1], None if all_valid else valid[:, c : c + 1])
            )
        )
        for c in range(values.shape[1])
    )
    return noises[0] if channel_axis is None else noises


def estimate_channel_noise(sample: NoiseSample) -> Noise:
    """Estimate the noise of one channel."""
    return _measure_channel(sample)[0]


def estimate_noise_line(sample: NoiseSample) -> VarianceLine:
    """Estimate the most likely line of the noise variance over the intensity.

    It is the line of photon noise, unless the image shows that the noise does not grow like that.
    If the image does not show it, photon noise is assumed, because mistaking photon noise for
    constant noise does more harm than the opposite.

    Parameters
    ----------
    sample : NoiseSample
        Measurements of one channel.

    Returns
    -------
    VarianceLine
        In the units of the image; of slope 0 if the noise is about the same everywhere.
    """
    noise, fit, photons = _measure_channel(sample)
    if noise.gain is not None:
        dark = (noise.read_noise or 0.0) ** 2
        return _at_least_fit(
            VarianceLine(noise.gain, dark - noise.gain * (noise.offset or 0.0)), fit
        )
    grows_slower = (
        fit is not None and photons.slope - fit.slope > SIGNIFICANT_DIFFERENCE * fit.slope_error
    )
    brightest = sample.highest * sample.unit
    is_too_low = photons.intercept + photons.slope * brightest < noise.sigma**2
    if not (grows_slower or is_too_low):
        return _at_least_fit(photons, fit)
    # If a background was subtracted, its noise is still there, and photon noise adds to it.
    return (
        fit.line
        if fit is not None and fit.is_rising and not is_too_low
        else VarianceLine(0.0, noise.mean**2)
    )


def fit_measured_line(sample: NoiseSample) -> VarianceLine:
    """Fit the line of the noise variance over the intensity, and assume as little as possible.

    It is the line fitted to the blocks of the image, with any intercept, if the variance rises
    significantly. Else it is that of :func:`estimate_noise_line`.

    Parameters
    ----------
    sample : NoiseSample
        Measurements of one channel.

    Returns
    -------
    VarianceLine
        In the units of the image.
    """
    _, fit, _ = _measure_channel(sample)
    return fit.line if fit is not None and fit.is_rising else estimate_noise_line(sample)


def _at_least_fit(line: VarianceLine, fit: VarianceFit | None) -> VarianceLine:
    """Return the line, or the fit to the blocks if its variance in the dark is clearly larger.

    It is larger if a background was subtracted, because the noise of its photons is still there.
    """
    if fit is None or fit.variance_at(
        0.0
    ) - line.intercept < SIGNIFICANT_DIFFERENCE * fit.variance_error_at(0.0):
        return line
    return fit.line if fit.slope > 0 else VarianceLine(0.0, fit.level)


def _measure_channel(sample: NoiseSample) -> tuple[Noise, VarianceFit | None, VarianceLine]:
    """Noise of a channel, free fit to the blocks, and line of photon noise, in image units."""
    level, unit, blocks = sample.level, sample.unit, sample.blocks
    if not level or blocks is None:
        return Noise(level, level, confident=False), None, VarianceLine(0.0, 0.0)
    camera = estimate_camera(blocks, sample.axes, sample.lowest, sample.step)
    variances = (camera.variance_at(float(f(blocks.mean))) for f in (np.median, np.mean))
    sigma, mean = (math.sqrt(v) * unit if v > 0 else level for v in variances)
    gain, offset, read_noise = (
        None if value is None else value * unit
        for value in (camera.gain, camera.offset, camera.read_noise)
    )
    fit = None if camera.fit is None else camera.fit.scale_intensity(unit)
    noise = Noise(sigma, mean, gain, offset, read_noise, camera.level_is_known)
    return noise, fit, fit_photon_line(sample)
