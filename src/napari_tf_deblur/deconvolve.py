"""The line itself: check, scale, pad, solve, crop, unscale."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._large.size import goes_in_pieces
from napari_tf_deblur._preparation.arguments import (
    Arguments,
    CalibrationArguments,
    StepArguments,
)
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.parameters import takes
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._solvers.run import Solved, run
from napari_tf_deblur.blur_estimate import BlurEstimate
from napari_tf_deblur.methods import Method
from napari_tf_deblur.notices import Notice
from napari_tf_deblur.psf_width import Evidence, PSFWidth
from napari_tf_deblur.residual import Shells
from napari_tf_deblur.steps import Step, finish, mapped
from napari_tf_deblur.verdict import OF_WEIGHT, UNKNOWN, Verdict, judge, together
from napari_tf_deblur.weight_check import WeightEvidence, checked
from napari_tf_deblur.weight_search import SHARED_NOISE, Weighed, weighed

Array = NDArray[np.float32]

MOST_JUDGED = 8
"""Planes that a verdict looks at: each costs about as much as half its iterations."""

SEARCH_PART = 0.5
"""Part of the work that the search for a weight is, where there is one."""

CHECK_PART = 0.2
"""Part of the work that it is to check a weight that was given."""


@dataclass(frozen=True)
class Deconvolution:
    """The result of a deconvolution.

    Attributes
    ----------
    image : ndarray of float32
        Same shape and intensity units as the source.
    residual : ndarray of float32
        The source less the result blurred again, in the same units: what the result does not
        explain. Noise and nothing else, if all is well. 0 where nothing was compared: at
        ignored pixels, and in planes that were left as they are.
    loss_history : ndarray of float32
        The objective at each iteration, for intensities scaled to a range of 1; summed
        over planes that are solved one after another.
    iterations : int
        Number of iterations done.
    converged : bool
        Whether the image stopped changing before the iterations ran out. Methods that
        run for a set number of iterations never say so.
    calibration : Calibration
        What was found from the image: give it to :func:`deconvolve` in place of a method,
        and a part of the image, or another one like it, is deblurred alike.
    blur : BlurEstimate or None
        The blur that the PSF was made of, if it was found in an image.
    seconds : float
        Duration, TensorFlow's start not included.
    verdict : Verdict
        Whether to believe the result, and what is known of the PSF; ``str`` of it says so.
    warnings : tuple of Notice
        What the user should know about the result: sentences, each of a `kind`.
    pieces : str
        How it was cut into pieces and where samples were taken, in sentences; empty if it was not.
    global_values : GlobalValues or None
        What the run took from all pixels: in a calibration's place for it, pieces run alike.
    """

    image: Array
    residual: Array
    loss_history: Array
    iterations: int
    converged: bool
    calibration: Calibration
    blur: BlurEstimate | None
    seconds: float
    verdict: Verdict = UNKNOWN
    warnings: tuple[Notice, ...] = ()
    pieces: str = ""
    global_values: GlobalValues | None = field(default=None, repr=False)

    @property
    def method(self) -> Method:
        """The method, with every value that was used."""
        return self.calibration.method

    @property
    def background(self) -> float:
        """What was subtracted before the run and is not in the image, in its units."""
        return self.method.offset

    @property
    def background_error(self) -> float | None:
        """How sure that is: see :class:`Calibration`; None where the image did not say it."""
        return self.calibration.background_error

    @property
    def reason(self) -> str:
        """Why the method was picked, if it was left to the image; else empty."""
        return self.calibration.reason


@takes(Arguments)
def deconvolve(arguments: Arguments) -> Deconvolution:
    """Undo the blur of a known point spread function.

    Returns
    -------
    Deconvolution
        With the deblurred image in the source's shape and intensity units.

    Raises
    ------
    TypeError
        If image, PSF or method are of the wrong type.
    ValueError
        If image or PSF are not usable, do not fit together, or do not fit into memory.
    ImportError
        If TensorFlow is missing or does not load.

    See Also
    --------
    iter_deconvolve : the same, step by step.
    calibrate : what this finds from an image, to deblur parts of it alike.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(np.eye(32), psf)
    >>> deconvolve(blurred, psf).image.shape
    (32, 32)
    """
    return finish(_steps(arguments))


@takes(StepArguments)
def iter_deconvolve(arguments: StepArguments) -> Generator[Step, None, Deconvolution]:
    """Undo the blur of a known PSF, step by step.

    Nothing happens before the first ``next``. Takes what :func:`deconvolve` takes.

    Yields
    ------
    Step
        About ten times a second.

    Returns
    -------
    Deconvolution
        As the generator's return value.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf, iter_deconvolve
    >>> for step in iter_deconvolve(np.eye(32), gaussian_psf(1)):
    ...     fraction = step.fraction
    """
    return (yield from _steps(arguments, arguments.stop))


@takes(CalibrationArguments)
def calibrate(arguments: CalibrationArguments) -> Calibration:
    """Find from an image what :func:`deconvolve` would find, and deblur nothing.

    Given to :func:`deconvolve` in place of a method, it makes a tile, a plane or a time point
    come out as in the whole image.

    Returns
    -------
    Calibration
        The scale of intensities, the method with every value filled in and, where no PSF is
        given, the blur that was found.

    Raises
    ------
    TypeError, ValueError
        As :func:`deconvolve`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import calibrate, convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(100 * np.eye(64), psf)
    >>> found = calibrate(blurred, psf)
    >>> deconvolve(blurred[:32, :32], psf, found).calibration == found
    True
    """
    return finish(weighed(Prepared.of(arguments))).calibration


def _steps(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Do what the arguments ask for, at once or piece by piece."""
    if goes_in_pieces(arguments):
        from napari_tf_deblur._large.run import solve_in_pieces

        return (yield from solve_in_pieces(arguments, stop))
    return (yield from solve(arguments, stop))


def solve(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Deblur a whole image at once; see :func:`iter_deconvolve`."""
    prepared = Prepared.of(arguments)
    began, before = time.perf_counter(), 0.0
    found = Weighed(prepared.calibration)
    method = arguments.method
    is_known = isinstance(method, Calibration) and method.global_values is None
    given = prepared.weight_to_find is None and not isinstance(method, Calibration)
    many = sum(map(len, prepared.batches)) > 1  # which may differ: each says whether it suits

    def next_part(part: float) -> Callable[[Step], Step]:
        start = before

        def shown(step: Step) -> Step:
            nonlocal before
            before = start + part  # if there is anything to be shown
            return replace(step, fraction=start + part * step.fraction)

        return shown

    if prepared.weight_to_find is not None:
        found = yield from mapped(weighed(prepared, stop), next_part(SEARCH_PART))
        if found.of_rival or found.calibration.psf_width != 1:
            prepared = Prepared.of(replace(arguments, method=found.calibration), prepared.blur)
        else:
            prepared = replace(prepared, calibration=found.calibration)
    if arguments.smoothing != 1:
        calibration = prepared.calibration
        smoother = calibration.method.smoothed(arguments.smoothing)
        prepared = replace(prepared, calibration=replace(calibration, method=smoother))
    weight: WeightEvidence | None = None if many or found.evidence is None else "suits"
    if not many and (given or arguments.smoothing != 1):
        weight = yield from mapped(checked(prepared, stop), next_part(CHECK_PART))
    searched = time.perf_counter() - began if before else 0.0

    def last_part(step: Step) -> Step:
        return replace(step, fraction=before + (1 - before) * step.fraction)

    solved = yield from mapped(run(prepared, stop), last_part)
    shared = prepared.calibration.global_values
    if shared is None:
        searched_for = found.evidence is not None and arguments.smoothing == 1
        shared = replace(
            solved.global_values,
            psf_evidence=_evidence(prepared, found) if solved.planes else None,
            weight_evidence="suits" if searched_for else weight,
            noise_is_shared=found.noise_is_shared,
            noise_lines=prepared.noise_lines,
        )
    else:  # a piece: the image that it is of has said more than it can
        weight = shared.weight_evidence
    verdict = _verdict(prepared, solved, shared, weight)
    if is_known and weight is None and not many and verdict.kind in OF_WEIGHT.values():
        # Of an image whose weight another one has found, the residual alone is not believed.
        weight = yield from mapped(checked(prepared, stop), lambda step: replace(step, fraction=1))
        verdict = _verdict(prepared, solved, shared, weight)
    return Deconvolution(
        image=solved.image,
        residual=prepared.planes.together(solved.residual, transparency=False),
        loss_history=solved.loss_history,
        iterations=len(solved.loss_history),
        converged=solved.converged,
        calibration=prepared.calibration,
        blur=prepared.blur,
        seconds=searched + solved.seconds,
        verdict=verdict,
        warnings=solved.warnings  # first: planes may be left that are not deblurred
        + prepared.warnings
        + ((SHARED_NOISE,) if found.noise_is_shared else ()),
        global_values=shared,
    )


def _evidence(prepared: Prepared, found: Weighed) -> Evidence | None:
    """Return what the image says of the PSF."""
    if found.noise_is_shared:
        return None
    if prepared.calibration.psf_width < 1:
        return "too wide"
    return PSFWidth.of(prepared).evidence() if found.evidence is None else found.evidence


def _verdict(
    prepared: Prepared, solved: Solved, shared: GlobalValues, weight: WeightEvidence | None
) -> Verdict:
    """Look at what the planes that were solved have left over, and at what trials have said."""
    evidence = shared.psf_evidence
    if not solved.planes or shared.noise_is_shared or evidence is None:
        return UNKNOWN
    blur_is_sure = None if prepared.blur is None else prepared.blur.confident
    verdicts: dict[str, Verdict] = {}
    valid = prepared.valid
    number = min(len(solved.planes), MOST_JUDGED)
    for index in np.linspace(0, len(solved.planes) - 1, number).round().astype(int):
        plane = solved.planes[index]
        one = slice(plane, plane + 1)
        shells = Shells.of(
            prepared.values[one],
            solved.residual[one],
            valid[one] if valid is not None and len(valid) > 1 else valid,
            prepared.psf,
            prepared.calibration.scale,
        )
        verdict = judge(shells, evidence, prepared.warnings, blur_is_sure, weight)
        verdicts[prepared.planes.name(plane)] = verdict
    return together(verdicts)
