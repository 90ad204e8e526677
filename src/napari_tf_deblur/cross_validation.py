"""The regularisation weight that predicts pixels best which the method has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation.prepare import Prepared
from napari_tf_deblur.deconvolve import deconvolve
from napari_tf_deblur.estimate import noise_level
from napari_tf_deblur.forward import Boundary, convolve
from napari_tf_deblur.methods import Hessian, PoissonLikelihood, TotalVariation

Weighted = TotalVariation | Hessian | PoissonLikelihood

HELD_OUT = 0.1
"""Part of the pixels that are kept from the method."""

FACTOR = {TotalVariation: 0.6, Hessian: 0.28}
"""The weight that suits photographs is about this times the relative noise to the power 1.5;
both factors found by experiment."""

SMALLEST = 1e-6
"""Weight for an image without noise."""

OCTAVES = 6
"""How far to look for a better weight than that, in factors of two."""

PREDICTABLE = 2.0
"""Mean squared error of prediction, over the noise's variance, above which the PSF is too
narrow for pixels to be known from their neighbours, so that nothing can be learnt."""


def cross_validated(
    image: ArrayLike,
    psf: ArrayLike,
    method: Weighted = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Weighted:
    """Find a method's regularisation weight from the image, by cross-validation.

    Every tenth pixel, at random, is masked; the image is deblurred without them at several
    weights; the weight whose result, blurred again, comes nearest to the masked pixels is
    the best. Takes about six times as long as deblurring. A PSF much narrower than two
    pixels tells nothing about a pixel from its neighbours: `TotalVariation` and `Hessian`
    then get a weight that follows from the noise, `PoissonLikelihood` keeps its own.

    Parameters
    ----------
    image, psf, boundary, channel_axis, spacing, mask
        As :func:`napari_tf_deblur.deconvolve` takes them.
    method : TotalVariation, Hessian or PoissonLikelihood, optional
        All its values but the weight are kept.

    Returns
    -------
    TotalVariation, Hessian or PoissonLikelihood
        The method with the weight that was found, ready for ``deconvolve``.

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`napari_tf_deblur.deconvolve`; TypeError too for a method without a weight.

    Notes
    -----
    Cross-validation of inverse problems: Wahba, Spline Models for Observational Data
    (1990), chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import convolve, cross_validated, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (48, 48))
    >>> cross_validated(convolve(np.eye(48), psf) + noise, psf).weight > 0.01
    True
    """
    if not isinstance(method, Weighted):
        raise TypeError(
            f"The method is {method!r}; only TotalVariation, Hessian and PoissonLikelihood have "
            "a weight that can be found."
        )
    prepared = Prepared.of(image, psf, method, boundary, channel_axis, spacing, mask)
    scale = prepared.scale
    noise = noise_level(np.concatenate(prepared.batches), prepared.valid)  # relative to scale
    del prepared  # and the copy of the image in it
    if isinstance(method, PoissonLikelihood):
        first, largest = method.weight, np.inf
    else:
        first, largest = max(FACTOR[type(method)] * noise**1.5, SMALLEST), 1.0
    known = np.asarray(image, dtype=np.float32)
    if channel_axis is not None:
        known = np.moveaxis(known, channel_axis, 0)
    frame = known.shape[known.ndim - np.ndim(psf) :]
    without_channels = known.shape[channel_axis is not None :]
    ignored = np.broadcast_to(False if mask is None else mask, without_channels)
    held_out = np.random.default_rng(0).random(frame) < HELD_OUT
    judged = (held_out if boundary == "periodic" else held_out & _inside(frame, psf)) & ~ignored
    if not judged.any():
        return replace(method, weight=min(first, largest))

    def error(octave: float) -> float:
        """Mean squared error of prediction, in units of the noise's variance."""
        result = deconvolve(
            image,
            psf,
            replace(method, weight=min(first * 2**octave, largest)),
            boundary=boundary,
            channel_axis=channel_axis,
            spacing=spacing,
            mask=ignored | held_out,
        )
        blurred = convolve(
            result.image,
            psf,
            boundary="reflect" if boundary == "unknown" else boundary,
            channel_axis=channel_axis,
        )
        if channel_axis is not None:
            blurred = np.moveaxis(blurred, channel_axis, 0)
        misfit = np.where(judged, (blurred - known) / np.float32(scale), 0)
        count = judged.sum() * (misfit.size // judged.size)
        return float(np.sum(np.square(misfit), dtype=np.float64) / count / max(noise, 1e-9) ** 2)

    octave, least = _minimum(error)
    if least > PREDICTABLE:
        octave = 0.0
    return replace(method, weight=float(min(first * 2**octave, largest)))


def _inside(frame: tuple[int, ...], psf: ArrayLike) -> NDArray[np.bool_]:
    """Where a PSF does not reach beyond the frame; everywhere, if it is that large."""
    inside = np.zeros(frame, dtype=bool)
    inside[tuple(slice(m // 2, n - m // 2) for n, m in zip(frame, np.shape(psf)))] = True
    return inside if inside.any() else ~inside


def _minimum(error: Callable[[float], float]) -> tuple[float, float]:
    """Walk down from 0 in steps of 1; fit a parabola around the lowest; give place, error."""
    errors = {octave: error(octave) for octave in (0, 1)}
    step = 1 if errors[1] < errors[0] else -1
    lowest = max(0, step)
    while lowest + step not in errors and abs(lowest) < OCTAVES:
        errors[lowest + step] = error(lowest + step)
        if errors[lowest + step] >= errors[lowest]:
            break
        lowest += step
    here = errors[lowest]
    before, after = errors.get(lowest - 1, -np.inf), errors.get(lowest + 1, -np.inf)
    bend = before - 2 * here + after
    return lowest + (0.5 * (before - after) / bend if bend > 0 else 0.0), here
