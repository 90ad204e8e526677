"""Run trials on a part of an image: they measure how well a method and a PSF predict new data.

The noise of an image is split: some is added to a first copy, and some is taken from a second one,
so that the noise of the two copies is independent (Oliveira, Lei & Tibshirani, Annals of Statistics
52, 2024; for photons, thinning). The first copy is deblurred. The result, blurred again, is
compared with the second copy. The error is least where the result is neither too smooth nor too
noisy. This holds for narrow PSFs, too, and no pixel must be left out.

Two risks are measured:

- The risk of the data counts each pixel in units of its own noise. It tells which PSF explains the
  data.
- The risk of the image counts all pixels alike, after a filter has deblurred the error. It tells
  which weight comes nearest to the truth.

Where structures are thin and bright on a dark background, the first risk is mostly that of the
background. It then favours weights up to 16 times as large (``benchmarks/weights.py``).
"""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np

from napari_tf_deblur._core.scene_grid import Boundary
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, finish, map_steps
from napari_tf_deblur._core.threads import thread_limit
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.equivariant_random import draw_normal
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL
from napari_tf_deblur._run.prediction_error import (
    Trial,
    deblur_error,
    error_filter,
    fit_channel_lines,
    local_variance,
    sum_blocks,
    variance_by_value,
)
from napari_tf_deblur._run.psf_width import PSFWidthTest
from napari_tf_deblur._run.psf_width_fit import fit_psf_width
from napari_tf_deblur._run.residual_spectrum import ResidualSpectrum
from napari_tf_deblur._run.trial_preparation import prepare_trial
from napari_tf_deblur._run.trial_region import (
    TrialRegion,
    mask_near_saturated,
    mask_saturated,
    select_region,
)
from napari_tf_deblur._solvers.run import solve_batches

ADDED_NOISE = 0.5
"""Noise that is added to the first copy, in standard deviations of the image's noise. Chosen by
``benchmarks/weights.py --development``."""

MIN_CAMERA_NOISE = 1e-4
"""Least noise of a camera, relative to the range of intensities: an image with less is simulated.
Guard: ``tests/run/test_weight_search.py``."""


class TrialsStopped(Exception):  # noqa: N818 - a signal to the caller, not an error
    """The trials were stopped."""


class OriginalImage(ImageSource):
    """The image of a run before it is deblurred, for steps that have no result yet.

    Parameters
    ----------
    prepared : PreparedRun
        The run.
    """

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared

    def current_image(self) -> Float32Array:
        """Join the planes to an image."""
        return self._prepared.original_image()


@dataclass(frozen=True)
class TrialSettings:
    """What a trial is run with.

    Attributes
    ----------
    calibration : Calibration
        The method with its weight, and the width of the PSF.
    mirrored : bool
        Whether the noise is split with the opposite sign. The mean of both trials does not depend
        on chance correlations between the random numbers and the image.
    """

    calibration: Calibration
    mirrored: bool = False


class TrialRunner:
    """Runs trials on a part of an image, with several weights and PSFs.

    Parameters
    ----------
    prepared : PreparedRun
        The run for which the trials are done.
    region : TrialRegion
        The size of the part that is used.
    stop : threading.Event, optional
        If it is set, a trial ends by raising `TrialsStopped`.

    Attributes
    ----------
    expected_trials : int
        Approximate number of trials, for the progress bar.
    purpose : str
        What the trials are done for, as users read it.
    """

    def __init__(
        self, prepared: PreparedRun, region: TrialRegion, stop: Event | None = None
    ) -> None:
        self._prepared, self._stop = prepared, stop
        self._done, self.expected_trials = 0, 1
        self.purpose: RunStage = "finding the weight"
        self._width_tests: dict[float, Future[PSFWidthTest]] = {}
        values, self._valid, is_whole_frame = select_region(prepared, region)
        self._scale = np.float32(prepared.calibration.scale)
        observed = values / self._scale
        self._boundary: Boundary = prepared.boundary if is_whole_frame else "unknown"
        saturated = mask_saturated(values, self._valid)
        self._compared = mask_near_saturated(saturated, self._valid, prepared.psf)
        if saturated.any():
            self._valid = ~saturated if self._valid is None else self._valid & ~saturated
        lines = fit_channel_lines(observed, self._compared)
        self._variance = local_variance(observed, lines, prepared.psf.ndim)
        noise = draw_normal(observed, prepared.psf.ndim)
        noise *= np.sqrt(variance_by_value(observed, lines))
        self._observed, self._drawn_noise = observed, noise
        self._error_filter = error_filter(prepared.psf, observed.shape[2:])
        self._copies = self._split_noise(mirrored=False)

    @property
    def has_noise(self) -> bool:
        """Whether the image has noise that can be split."""
        return bool(self._variance.max() > 0)

    def _split_noise(self, mirrored: bool) -> tuple[Float32Array, Float32Array]:
        """Make two copies of the image with independent noise."""
        sign = -1 if mirrored else 1
        first = self._observed + np.float32(sign * ADDED_NOISE) * self._drawn_noise
        return first, self._observed - np.float32(sign / ADDED_NOISE) * self._drawn_noise

    def run_trials(self, settings: Sequence[TrialSettings]) -> Generator[Step, None, list[Trial]]:
        """Run trials at the same time, one per core.

        A trial alone leaves cores idle: it is small, and XLA's transforms run on one core.

        Parameters
        ----------
        settings : sequence of TrialSettings
            What each trial is run with. If code must be compiled, the first trial does it, and the
            others wait.

        Yields
        ------
        Step
            Its image is the original one.

        Returns
        -------
        list of Trial
            The trials, in the order of `settings`.

        Raises
        ------
        TrialsStopped
            If `stop` was set.
        """
        if not settings:
            return []
        halt, fractions = Event(), [0.0] * len(settings)

        def run(number: int) -> Trial:
            def record_fraction(step: Step) -> None:
                fractions[number] = step.fraction

            return finish(map_steps(self._run_trial(settings[number], halt), record_fraction))

        yield self._describe_trials(len(settings), 0.0)
        with ThreadPoolExecutor(thread_limit() or os.cpu_count()) as pool:
            futures = [pool.submit(run, number) for number in range(len(settings))]
            try:
                while wait(futures, REPORT_INTERVAL).not_done:
                    if self._is_stopped:
                        halt.set()
                    yield self._describe_trials(len(settings), sum(fractions))
            finally:
                halt.set()
        if self._is_stopped:
            raise TrialsStopped
        trials = [future.result() for future in futures]
        self._done += len(settings)
        return trials

    def _run_trial(self, settings: TrialSettings, halt: Event) -> Generator[Step, None, Trial]:
        """Deblur the first copy, and compare the result with the second one."""
        first, second = self._split_noise(mirrored=True) if settings.mirrored else self._copies
        method: Any = settings.calibration.method
        quick_method = replace(method, tolerance=method.trial_tolerance)
        prepared = prepare_trial(
            self._prepared,
            first * self._scale,
            self._valid,
            self._boundary,
            replace(settings.calibration, method=quick_method),
        )
        solved = yield from solve_batches(prepared, halt)
        error = first - solved.residual / self._scale - second
        compared: Any = True if self._compared is None else self._compared
        if self._compared is not None:
            error = np.where(self._compared, error, np.float32(0))
        part = 1.0 if self._compared is None else float(np.mean(self._compared))
        noise = 1 + ADDED_NOISE**-2
        unit = np.mean(self._variance, where=compared, dtype=np.float64)
        risks = sum_blocks(error**2 / self._variance) / (part * error.size)
        image_errors = sum_blocks(deblur_error(error, self._error_filter) ** 2)
        image_risks = image_errors / (part * error.size * float(unit))
        own_noise = noise / risks.size
        return Trial(risks - own_noise, image_risks - own_noise, solved.residual, prepared.psf)

    def start_width_test(self, calibration: Calibration) -> Future[PSFWidthTest]:
        """Start to fit the spectrum of the whole image, in a thread, unless this was done before.

        TensorFlow leaves a core idle while it computes small trials.
        """
        factor = calibration.psf_width
        if factor not in self._width_tests:
            pool = ThreadPoolExecutor(1)
            self._width_tests[factor] = pool.submit(fit_psf_width, self._prepared, factor)
            pool.shutdown(wait=False)
        return self._width_tests[factor]

    def test_psf_width(self, calibration: Calibration) -> PSFWidthTest:
        """Return what the spectrum of the whole image says of the PSF width."""
        return self.start_width_test(calibration).result()

    @property
    def noise(self) -> float:
        """Standard deviation of the noise, in the image's units; at least that of a camera."""
        measured = np.sqrt(self._variance.mean(dtype=np.float64))
        return float(max(measured, MIN_CAMERA_NOISE) * self._scale)

    @property
    def can_test_width(self) -> bool:
        """Whether trials with a narrower PSF test its width.

        Without noise, the risk depends on how far the iterations have come instead.
        """
        return float(self._variance.mean(dtype=np.float64)) > MIN_CAMERA_NOISE**2

    def trial_spectrum(self, trial: Trial) -> ResidualSpectrum | None:
        """Return the spectra of the first copy and of the residual of a trial."""
        level, line = self._prepared.noise
        more = 1 + ADDED_NOISE**2  # variance of the first copy
        noise = level * more**0.5, VarianceLine(line.slope * more, line.intercept * more)
        first, scale = self._copies[0] * self._scale, float(self._scale)
        return ResidualSpectrum.from_residual(
            first, trial.residual, self._valid, trial.psf, scale, noise
        )

    @property
    def _is_stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def _describe_trials(self, count: int, fraction: float) -> Step:
        """Make a step that names the trials, without losses, with the original image."""
        first, last = self._done + 1, self._done + count
        which = f"trial {first}" if count == 1 else f"trials {first} to {last}"
        fraction = min((self._done + fraction) / self.expected_trials, 1.0)
        source = OriginalImage(self._prepared)
        message = f"{self.purpose}, {which}"
        return Step(self.purpose, message, fraction, np.zeros(0, np.float32), source)
