"""The regularisation weight that predicts pixels best which the method has not seen."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.deconvolve import finish, run
from napari_tf_deblur.errors import InvalidTypeError
from napari_tf_deblur.forward import Boundary, convolve
from napari_tf_deblur.methods import Method, TotalVariation
from napari_tf_deblur.noise import mean_noise
from napari_tf_deblur.psf import PSF

Weighted = TypeVar("Weighted", bound=Method)

HELD_OUT = 0.1
"""Part of the pixels that are kept from the method."""

OCTAVES = 6
"""How far to look for a larger weight than the noise suggests, in factors of two."""

LOWEST = -1.5
"""How far below that a weight may lie, in octaves, where the residual `FALLS`."""

FALLS = 0.85
"""Where half the weight leaves less than this part of the residual, the prior holds back what is
in the image. Elsewhere the PSF may be too wide, which noise makes up for: the less weight, the
nearer the masked pixels, and the worse the image."""

FITS = 0.97
"""Where the residual is below this part of the noise, the PSF fits, and half the weight may do."""

PREDICTABLE = 2.0
"""Mean squared error of prediction, over the noise's variance, above which the PSF is too
narrow for pixels to be known well from their neighbours. Prediction then asks for too much
weight, and the residual is not let grow above this over that error, in the same units."""

LEAST_RESIDUAL = 0.25
"""But so much residual is let be, however little the neighbours say."""


@dataclass(frozen=True)
class Errors:
    """How well a result fits, in units of the noise's variance.

    Attributes
    ----------
    held_out : float
        Mean squared error at pixels that the method has not seen.
    residual : float
        The same at those that it has.
    """

    held_out: float
    residual: float


def cross_validated(
    image: ArrayLike,
    psf: ArrayLike,
    method: Weighted = TotalVariation(),  # type: ignore[assignment]
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Weighted:
    """Find a method's regularisation weight from the image, by cross-validation.

    Every tenth pixel, at random, is masked; the image is deblurred without them at several
    weights; the weight whose result, blurred again, comes nearest to the masked pixels is
    the best. Takes about six times as long as deblurring.

    What cannot be predicted is not paid for with noise: where even the pixels that the method
    has seen fit worse than the noise explains, as with a PSF that is too wide, the misfit counts
    as noise, and the weight follows from both. A PSF much narrower than a pixel tells
    little about a pixel from its neighbours: the residual then limits the weight.

    Parameters
    ----------
    image, psf, boundary, channel_axis, alpha, spacing, mask
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
    arguments = Arguments(image, psf, method, boundary, channel_axis, alpha, spacing, mask)
    if getattr(method, "weight_from_noise", lambda *_: None)(0.0, 2) is None:  # or no method at all
        raise InvalidTypeError(
            f"The method is {method!r}; only TotalVariation, Hessian and PoissonLikelihood have "
            "a weight that can be found."
        )
    prepared = Prepared.of(arguments)
    used = sorted(plane for batch in prepared.batches for plane in batch)
    valid = None if prepared.valid is None else prepared.valid[used]
    scale, known = prepared.calibration.scale, prepared.values[used]
    noise = mean_noise(known, valid) / scale
    first = float(method.weight_from_noise(noise, prepared.psf.ndim) or 0.0)
    lowest, highest = method.bounds("weight")

    def weighted(octave: float, method: Any = method) -> Any:
        return replace(method, weight=float(np.clip(first * 2**octave, lowest, highest)))

    held_out = np.random.default_rng(0).random(prepared.planes.frame) < HELD_OUT
    inside = boundary == "periodic" or _inside(prepared.planes.frame, prepared.psf)
    counting = np.broadcast_to(inside, known.shape)
    if valid is not None:
        counting = counting & valid
    if not (counting & held_out).any() or not (counting & ~held_out).any():
        unchanged: Weighted = weighted(0.0)
        return unchanged
    ignored = np.broadcast_to(held_out, (len(prepared.values), 1, *held_out.shape))
    if prepared.valid is not None:
        ignored = ignored | ~prepared.valid
    ignored = ignored.reshape(*prepared.planes.lead, *held_out.shape)

    def errors(octave: float) -> Errors:
        """Deblur without the held-out pixels and compare."""
        calibration = prepared.calibration
        calibration = replace(calibration, method=weighted(octave, calibration.method))
        result = finish(run(replace(arguments, method=calibration, mask=ignored)))
        values = prepared.planes.apart(result.image)[used]
        mirror = "reflect" if boundary == "unknown" else boundary
        misfit = np.square((convolve(values, prepared.psf, boundary=mirror) - known) / scale)
        unit = max(noise, 1e-9) ** 2
        held = np.mean(misfit, where=counting & held_out, dtype=np.float64)
        return Errors(float(held) / unit, float(np.mean(misfit, where=counting & ~held_out)) / unit)

    found: Weighted = weighted(_best_octave(errors))
    return found


def _inside(frame: tuple[int, ...], psf: PSF) -> NDArray[np.bool_]:
    """Where a PSF does not reach beyond the frame; everywhere, if it is that large."""
    inside = np.zeros(frame, dtype=bool)
    inside[tuple(slice(m // 2, max(0, n - m // 2)) for n, m in zip(frame, psf.shape))] = True
    return inside if inside.any() else ~inside


def _best_octave(errors: Callable[[float], Errors]) -> float:
    """Find the best weight, in octaves above the one that the noise suggests."""
    here, less = errors(0), errors(-1)
    falls = less.residual < FALLS * here.residual
    least = LOWEST if falls else -1.0 if here.residual < FITS else 0.0
    best = _best_prediction({0: here, -1: less}, errors, least)
    if here.residual > 1 and not falls:  # it is the PSF that fits badly
        return max(best, _misfit_as_noise(here, errors))
    return best


def _best_prediction(
    known: dict[int, Errors], errors: Callable[[float], Errors], least: float
) -> float:
    """Find the octave, from `least` on, at which held-out pixels are predicted best."""

    def at(octave: int) -> Errors:
        if octave not in known:
            known[octave] = errors(octave)
        return known[octave]

    step = 1 if at(1).held_out < at(0).held_out else -1
    lowest = max(0, step)
    while least - 1 < lowest + step <= OCTAVES:
        if at(lowest + step).held_out >= at(lowest).held_out:
            break
        lowest += step
    limit = max(PREDICTABLE / known[lowest].held_out, LEAST_RESIDUAL)
    if limit < 1 and known[lowest].residual > limit:
        fitting = [k for k, e in known.items() if k >= least and e.residual <= limit]
        return float(max(fitting, default=0))
    before, after = known.get(lowest - 1), known.get(lowest + 1)
    if before is None or after is None:
        return max(float(lowest), least)
    bend = before.held_out - 2 * known[lowest].held_out + after.held_out
    to_the_side = 0.5 * (before.held_out - after.held_out) / bend if bend > 0 else 0.0
    return max(lowest + to_the_side, least)


def _misfit_as_noise(here: Errors, errors: Callable[[float], Errors]) -> float:
    """Walk up to the weight that suits a noise as large as the residual that it leaves.

    The weight that suits a noise grows with its power 1.5, so with that of the residual, a
    variance, to the power 0.75.
    """
    octave = 0
    while octave < OCTAVES:
        suits = 0.75 * math.log2(max(here.residual, 1.0))
        if suits <= octave + 1:
            return max(float(octave), suits)
        octave += 1
        here = errors(octave)
    return float(octave)
