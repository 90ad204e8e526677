"""The regularisation weight that predicts pixels best which the method has not seen."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.places import places_with_structure, seen
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._solvers.run import run
from napari_tf_deblur.errors import InvalidTypeError
from napari_tf_deblur.forward import Boundary, convolve
from napari_tf_deblur.methods import Method, TotalVariation
from napari_tf_deblur.noise import mean_noise
from napari_tf_deblur.psf import PSF
from napari_tf_deblur.steps import Step, finish, mapped

Weighted = TypeVar("Weighted", bound=Method)
Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

LARGEST_LOOK = {1: 2**16, 2: 512, 3: 96}
"""Pixels per axis of the piece that is looked at."""

MOST_PIXELS = 2**20
"""Pixels of all pieces together, about, where there are several planes."""

USUAL_RUNS = 5
"""Runs that a search takes, as a rule."""

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


ErrorsAt: TypeAlias = Callable[[float], Generator[Step, None, Errors]]
"""From a weight, in octaves, to how well its result fits."""


def cross_validated(
    image: ArrayLike,
    psf: ArrayLike | None = None,
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
    found = finish(weighed(Prepared.of(arguments))).method
    return replace(method, weight=found.weight)  # type: ignore[call-arg, attr-defined]


def weighed(prepared: Prepared, stop: Event | None = None) -> Generator[Step, None, Calibration]:
    """Find a weight by cross-validation, step by step.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved; of large images a part is looked at.
    stop : threading.Event, optional
        Once it is set, the weight that suits the noise is returned at the next step.

    Yields
    ------
    Step
        Of one run after another; the image is what it was.

    Returns
    -------
    Calibration
        That of `prepared`, with the weight that was found.
    """
    search = Search(prepared, stop)
    if not search.says_something:
        return search.weighted(0.0)
    try:
        octave = yield from _best_octave(search.errors)
    except _Stopped:
        octave = 0.0
    return search.weighted(octave)


class _Stopped(Exception):  # noqa: N818 - no error, but the way out of the search
    """The search was stopped."""


class Search:
    """Runs at several weights, without some of the pixels.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved.
    stop : threading.Event or None
        Ends the search once it is set.
    """

    def __init__(self, prepared: Prepared, stop: Event | None) -> None:
        self._prepared, self._stop = prepared, stop
        self._runs = 0
        self._calibration = prepared.calibration
        self._known, self._valid, whole = _part(prepared)
        frame = self._known.shape[2:]
        self._boundary: Boundary = prepared.boundary if whole else "unknown"
        self._noise = mean_noise(self._known, self._valid) / self._calibration.scale
        self._held_out = np.random.default_rng(0).random(frame) < HELD_OUT
        inside = self._boundary == "periodic" or _inside(frame, prepared.psf)
        counting = np.broadcast_to(inside, self._known.shape)
        self._counting = counting if self._valid is None else counting & self._valid

    @property
    def says_something(self) -> bool:
        """Whether there are pixels to be held out, and others to be seen."""
        held, counting = self._held_out, self._counting
        return bool((counting & held).any() and (counting & ~held).any())

    def weighted(self, octave: float) -> Calibration:
        """The calibration with a weight so many octaves above the one that suits the noise."""
        method: Any = self._calibration.method
        first = float(method.weight_from_noise(self._noise, self._prepared.psf.ndim))
        weight = float(np.clip(first * 2**octave, *method.bounds("weight")))
        return replace(self._calibration, method=replace(method, weight=weight))

    def errors(self, octave: float) -> Generator[Step, None, Errors]:
        """Deblur without the held-out pixels and compare."""
        scale, held = self._calibration.scale, self._held_out
        ignored = np.broadcast_to(held, (len(self._known), *held.shape))
        if self._valid is not None:
            ignored = ignored | ~np.broadcast_to(self._valid, self._known.shape)[:, 0]
        arguments = Arguments(
            self._known + np.float32(self._calibration.method.offset),
            self._prepared.psf,
            self.weighted(octave),
            self._boundary,
            channel_axis=1,
            spacing=self._prepared.spacing,
            mask=ignored,
        )
        self._runs += 1
        solved = yield from mapped(run(Prepared.of(arguments), self._stop), self._shown)
        if self._stop is not None and self._stop.is_set():
            raise _Stopped
        mirror = "reflect" if self._boundary == "unknown" else self._boundary
        values = np.ascontiguousarray(solved.image)
        reblurred = convolve(values, self._prepared.psf, boundary=mirror)
        misfit = np.square((reblurred - self._known) / scale)
        unit = max(self._noise, 1e-9) ** 2
        unseen = np.mean(misfit, where=self._counting & held, dtype=np.float64)
        fitted = np.mean(misfit, where=self._counting & ~held, dtype=np.float64)
        return Errors(float(unseen) / unit, float(fitted) / unit)

    def _shown(self, step: Step) -> Step:
        """Say which run it is; show the image as it was."""
        if self._stop is not None and self._stop.is_set():
            raise _Stopped
        fraction = min((self._runs - 1 + step.fraction) / USUAL_RUNS, 1.0)
        words = f"finding the weight, run {self._runs}, {step.message}"
        return Step(words, fraction, step.loss_history, self._prepared.image)


def _part(prepared: Prepared) -> tuple[Array, Mask | None, bool]:
    """Planes to look at, and which of their pixels count; whether the frame is whole."""
    used = sorted({plane for batch in prepared.batches for plane in batch})
    values, valid = prepared.values[used], prepared.valid
    valid = None if valid is None else valid[used]
    frame = values.shape[2:]
    look = tuple(min(n, LARGEST_LOOK[len(frame)]) for n in frame)
    most = max(1, MOST_PIXELS // int(np.prod(look)))
    if look == frame and len(values) <= most:
        return values, valid, True
    found = places_with_structure(values, valid, prepared.calibration.scale, look, most)
    if not found:
        return values[:1], None if valid is None else valid[:1], True
    pieces = [seen(values, valid, *place) for place in found]
    part = np.stack([piece for piece, _ in pieces])
    masks = [mask[:1] for _, mask in pieces if mask is not None]
    return part, np.stack(masks) if masks else None, look == frame


def _inside(frame: tuple[int, ...], psf: PSF) -> NDArray[np.bool_]:
    """Where a PSF does not reach beyond the frame; everywhere, if it is that large."""
    inside = np.zeros(frame, dtype=bool)
    inside[tuple(slice(m // 2, max(0, n - m // 2)) for n, m in zip(frame, psf.shape))] = True
    return inside if inside.any() else ~inside


def _best_octave(errors: ErrorsAt) -> Generator[Step, None, float]:
    """Find the best weight, in octaves above the one that the noise suggests."""
    here = yield from errors(0)
    less = yield from errors(-1)
    falls = less.residual < FALLS * here.residual
    least = LOWEST if falls else -1.0 if here.residual < FITS else 0.0
    best = yield from _best_prediction({0: here, -1: less}, errors, least)
    if here.residual > 1 and not falls:  # it is the PSF that fits badly
        return max(best, (yield from _misfit_as_noise(here, errors)))
    return best


def _best_prediction(
    known: dict[int, Errors], errors: ErrorsAt, least: float
) -> Generator[Step, None, float]:
    """Find the octave, from `least` on, at which held-out pixels are predicted best."""

    def at(octave: int) -> Generator[Step, None, Errors]:
        if octave not in known:
            known[octave] = yield from errors(octave)
        return known[octave]

    step = 1 if (yield from at(1)).held_out < known[0].held_out else -1
    lowest = max(0, step)
    while least - 1 < lowest + step <= OCTAVES:
        if (yield from at(lowest + step)).held_out >= known[lowest].held_out:
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


def _misfit_as_noise(here: Errors, errors: ErrorsAt) -> Generator[Step, None, float]:
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
        here = yield from errors(octave)
    return float(octave)
