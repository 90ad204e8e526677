"""The regularisation weight that predicts pixels best which the method has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.deconvolve import finish, run
from napari_tf_deblur.errors import InvalidTypeError
from napari_tf_deblur.forward import Boundary, convolve
from napari_tf_deblur.methods import Method, TotalVariation
from napari_tf_deblur.noise import noise_level
from napari_tf_deblur.psf import PSF

Weighted = TypeVar("Weighted", bound=Method)

HELD_OUT = 0.1
"""Part of the pixels that are kept from the method."""

OCTAVES = 6
"""How far to look for a better weight than the noise suggests, in factors of two."""

PREDICTABLE = 2.0
"""Mean squared error of prediction, over the noise's variance, above which the PSF is too
narrow for pixels to be known from their neighbours, so that nothing can be learnt."""


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
    the best. Takes about six times as long as deblurring. A PSF much narrower than two
    pixels tells nothing about a pixel from its neighbours: `TotalVariation` and `Hessian`
    then get a weight that follows from the noise, `PoissonLikelihood` keeps its own.

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
    if method.weight_from_noise(0.0) is None:
        raise InvalidTypeError(
            f"The method is {method!r}; only TotalVariation, Hessian and PoissonLikelihood have "
            "a weight that can be found."
        )
    prepared = Prepared.of(arguments)
    used = sorted(plane for batch in prepared.batches for plane in batch)
    valid = None if prepared.valid is None else prepared.valid[used]
    scale, known = prepared.calibration.scale, prepared.values[used]
    noise = noise_level(known, valid) / scale
    first = float(method.weight_from_noise(noise) or 0.0)
    lowest, highest = method.bounds("weight")

    def weighted(octave: float, method: Any = method) -> Any:
        return replace(method, weight=float(np.clip(first * 2**octave, lowest, highest)))

    held_out = np.random.default_rng(0).random(prepared.planes.frame) < HELD_OUT
    judged = held_out & (boundary == "periodic" or _inside(prepared.planes.frame, prepared.psf))
    seen = np.broadcast_to(judged, known.shape)
    if valid is not None:
        seen = seen & valid
    if not seen.any():
        unchanged: Weighted = weighted(0.0)
        return unchanged
    ignored = np.broadcast_to(held_out, (len(prepared.values), 1, *held_out.shape))
    if prepared.valid is not None:
        ignored = ignored | ~prepared.valid
    ignored = ignored.reshape(*prepared.planes.lead, *held_out.shape)

    def error(octave: float) -> float:
        """Mean squared error of prediction, in units of the noise's variance."""
        calibration = prepared.calibration
        calibration = replace(calibration, method=weighted(octave, calibration.method))
        result = finish(run(replace(arguments, method=calibration, mask=ignored)))
        values = prepared.planes.apart(result.image)[used]
        mirror = "reflect" if boundary == "unknown" else boundary
        misfit = convolve(values, prepared.psf, boundary=mirror) - known
        mean = np.mean(np.square(misfit / np.float32(scale)), where=seen, dtype=np.float64)
        return float(mean) / max(noise, 1e-9) ** 2

    octave, least = _minimum(error)
    found: Weighted = weighted(octave if least <= PREDICTABLE else 0.0)
    return found


def _inside(frame: tuple[int, ...], psf: PSF) -> NDArray[np.bool_]:
    """Where a PSF does not reach beyond the frame; everywhere, if it is that large."""
    inside = np.zeros(frame, dtype=bool)
    inside[tuple(slice(m // 2, max(0, n - m // 2)) for n, m in zip(frame, psf.shape))] = True
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
