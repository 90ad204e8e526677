"""Trial runs on a part of an image: how well a method and a PSF predict what they did not see.

The noise of an image is split: some is added to one copy, and taken from another so that the
noise of both is independent (Oliveira, Lei & Tibshirani, Annals of Statistics 52, 2024; for
photons, thinning). The result of one copy, blurred again, is compared with the other. It errs
least where the result is neither too smooth nor noisy, however narrow the PSF, and no pixel need
be left out.

Two risks are measured. That of the data counts each pixel in units of its own noise: it tells
which PSF explains them. That of the image counts all pixels alike, after a filter has undone the
blur: it tells which weight comes nearest to the truth. Where structures are thin and bright on a
dark ground, the first says most of the ground, and asks for weights up to 16 times as large
(``benchmarks/weights.py``).
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_tf_deblur._core.forward import Boundary, transfer_function
from napari_tf_deblur._core.patches import PatchSlices, find_patches, read_patch, symmetric_size
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, map_steps
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._noise.equivariant_random import draw_normal
from napari_tf_deblur._noise.noise import estimate_noise_line
from napari_tf_deblur._noise.photon_transfer import VarianceLine
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.psf_width import PSFWidthTest
from napari_tf_deblur._run.residual_spectrum import ResidualSpectrum
from napari_tf_deblur._solvers.run import solve_batches

ADDED_NOISE = 0.5
"""Noise that is added to the first copy, in standard deviations of the image's noise. Chosen by
``benchmarks/weights.py --development``."""

BRIGHTNESS_SIGMA = 1.0
"""Sigma, in pixels, of the Gaussian whose mean says how bright, and so how noisy, a pixel is.
Chosen by ``benchmarks/weights.py --development``."""

MIN_VARIANCE_PART = 0.02
"""Least variance of a pixel's noise, as a part of the largest, by which it is weighted. Chosen by
``benchmarks/weights.py --development``."""

RISK_BLOCKS = 81
"""Blocks of a plane, about, whose errors of prediction are compared: enough to know their spread,
and large enough to be independent. Chosen by ``benchmarks/weights.py --development``."""

RISK_FILTER_BALANCE = 0.01
"""Balance of the Wiener filter that undoes the blur of an error of prediction. With less, noise
hides what is compared; with more, fine detail does not count. Chosen by ``benchmarks/weights.py
--development``: between 0.003 and 0.03 it hardly mattered."""

SATURATION_REACH = 0.1
"""Part of the PSF's largest value up to which pixels count as near a saturated one. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_COMPARED_PART = 0.1
"""Least part of the pixels that must be left to be compared. Guard: against images of which most is
masked."""

MIN_CAMERA_NOISE = 1e-4
"""Least noise of a camera, relative to the range of intensities: an image with less is simulated.
Guard: ``tests/run/test_weight_search.py``."""


class TrialsStopped(Exception):  # noqa: N818 - no error, but the way out
    """The trials were stopped."""


@dataclass(frozen=True)
class TrialRegion:
    """How much of an image the trials look at.

    Attributes
    ----------
    size : dict of int
        Pixels per axis, by the number of axes.
    pixels : int
        About so many pixels in all, of stacks.
    """

    size: dict[int, int]
    pixels: int


@dataclass(frozen=True)
class Trial:
    """What a trial came to.

    Attributes
    ----------
    risks : ndarray of float64
        Mean squared error of prediction in units of the noise's variance, less the noise's own:
        what each of some dozens of blocks adds to it.
    image_risks : ndarray of float64
        Mean square of the same, the blur undone, in units of the noise's mean variance, less the
        noise's own: what each block adds to it.
    residual : ndarray of float32
        What the result leaves unexplained.
    psf : ndarray of float32
        That it was deblurred with.
    """

    risks: NDArray[np.float64]
    image_risks: NDArray[np.float64]
    residual: Float32Array
    psf: PSF

    @property
    def risk(self) -> float:
        """Mean squared error of prediction."""
        return float(self.risks.sum())

    @property
    def image_risk(self) -> float:
        """Mean squared error, the blur undone."""
        return float(self.image_risks.sum())


class ImageAsItWas(ImageSource):
    """The image of a run before anything is done.

    Parameters
    ----------
    prepared : Prepared
        The run.
    """

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared

    def current_image(self) -> Float32Array:
        """Put the planes together again."""
        return self._prepared.original_image()


class TrialRunner:
    """A part of an image in two copies, to be deblurred at several weights.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved in the end.
    look : Look
        How much of it is looked at.
    stop : threading.Event, optional
        Ends a trial by `TrialsStopped` once it is set.

    Attributes
    ----------
    usual : int
        How many there will be, about.
    purpose : str
        What they are done for, in words.
    """

    def __init__(self, prepared: PreparedRun, look: TrialRegion, stop: Event | None = None) -> None:
        self._prepared, self._stop = prepared, stop
        self._done, self.expected_trials = 0, 1
        self.purpose: RunStage = "finding the weight"
        self._widths: dict[float, PSFWidthTest] = {}
        values, self._valid, whole = _select_region(prepared, look)
        self._scale = np.float32(prepared.calibration.scale)
        observed = values / self._scale
        self._boundary: Boundary = prepared.boundary if whole else "unknown"
        cut = _mask_saturated(values, self._valid)
        self._compared = _mask_near_saturated(cut, self._valid, prepared.psf)
        if cut.any():
            self._valid = ~cut if self._valid is None else self._valid & ~cut
        lines = _fit_channel_lines(observed, self._compared)
        self._variance = _local_variance(observed, lines, prepared.psf.ndim)
        split = draw_normal(observed, prepared.psf.ndim)
        split *= np.sqrt(_variance_by_value(observed, lines))
        self._observed, self._split = observed, split
        self._first, self._other = self._split_noise(mirrored=False)

    @property
    def has_noise(self) -> bool:
        """Whether there is noise to be split."""
        return bool(self._variance.max() > 0)

    def _split_noise(self, mirrored: bool) -> tuple[Float32Array, Float32Array]:
        """Two copies whose noise has nothing in common."""
        sign = -1 if mirrored else 1
        first = self._observed + np.float32(sign * ADDED_NOISE) * self._split
        return first, self._observed - np.float32(sign / ADDED_NOISE) * self._split

    def run_trial(
        self, calibration: Calibration, mirrored: bool = False
    ) -> Generator[Step, None, Trial]:
        """Deblur the first copy, and compare with the other.

        Parameters
        ----------
        calibration : Calibration
            With the weight, and the width of the PSF, to be tried.
        mirrored : bool
            Whether noise is split with the other sign. In the mean of both trials, nothing is left
            of what the random numbers have in common with the image.

        Yields
        ------
        Step
            Its image is what the image was.
        """
        first, other = self._split_noise(mirrored) if mirrored else (self._first, self._other)
        method: Any = calibration.method
        hurried = replace(method, tolerance=method.trial_tolerance)
        arguments = Arguments(
            first * self._scale + np.float32(self._prepared.calibration.method.offset),
            self._prepared.psf,
            replace(calibration, method=hurried),
            boundary=self._boundary,
            channel_axis=1,
            spacing=self._prepared.spacing,
            mask=None if self._valid is None else ~self._valid.all(axis=1),
        )
        self._done += 1
        prepared = PreparedRun.from_arguments(arguments)
        solved = yield from map_steps(solve_batches(prepared, self._stop), self._relabel_step)
        if self._is_stopped:
            raise TrialsStopped
        apart = first - solved.residual / self._scale - other
        kept: Any = True if self._compared is None else self._compared
        if self._compared is not None:
            apart = np.where(self._compared, apart, np.float32(0))
        part = 1.0 if self._compared is None else float(np.mean(self._compared))
        noise, unit = 1 + ADDED_NOISE**-2, np.mean(self._variance, where=kept, dtype=np.float64)
        errors = _sum_blocks(apart**2 / self._variance) / (part * apart.size)
        sharp = _sum_blocks(_deblur_error(apart, self._prepared.psf) ** 2)
        of_image = sharp / (part * apart.size * float(unit))
        least = noise / errors.size
        return Trial(errors - least, of_image - least, solved.residual, prepared.psf)

    def test_psf_width(self, calibration: Calibration) -> PSFWidthTest:
        """What the spectrum of the whole image says of the PSF's width, looked at once."""
        times = calibration.psf_width
        if times not in self._widths:
            self._widths[times] = PSFWidthTest.from_prepared_run(self._prepared, times)
        return self._widths[times]

    @property
    def noise(self) -> float:
        """Standard deviation of the noise, in the image's units."""
        return float(np.sqrt(self._variance.mean(dtype=np.float64)) * self._scale)

    @property
    def can_test_width(self) -> bool:
        """Whether trials with a narrower PSF tell how wide it is.

        Without noise they tell how far a run gets instead.
        """
        return float(self._variance.mean(dtype=np.float64)) > MIN_CAMERA_NOISE**2

    def trial_spectrum(self, trial: Trial) -> ResidualSpectrum | None:
        """The spectra of what a trial saw, and what it left of it."""
        return ResidualSpectrum.from_residual(
            self._first, trial.residual / self._scale, self._valid, trial.psf, 1.0
        )

    @property
    def _is_stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def _relabel_step(self, step: Step) -> Step:
        """Say which trial it is, of which nobody needs the losses; show the image as it was."""
        words = f"{self.purpose}, trial {self._done}"
        fraction = min((self._done - 1 + step.fraction) / self.expected_trials, 1.0)
        source = ImageAsItWas(self._prepared)
        return Step(self.purpose, words, fraction, np.zeros(0, np.float32), source)


def _select_region(
    prepared: PreparedRun, look: TrialRegion
) -> tuple[Float32Array, BoolArray | None, bool]:
    """A part with structure, and which of its pixels count; whether the frame is whole."""
    used = sorted({plane for batch in prepared.batches for plane in batch})
    values = prepared.values[used]
    valid = None if prepared.valid is None else prepared.valid[used]
    frame = values.shape[2:]
    size = tuple(symmetric_size(n, look.size[len(frame)]) for n in frame)
    most = max(1, look.pixels // int(np.prod(size)))
    places: list[tuple[int, PatchSlices]] = []
    if size != frame or len(values) > most:
        places = find_patches(Pixels(values, valid), prepared.calibration.scale, size, most)
    if not places:  # all of it, or nothing is to be seen
        return values, None if valid is None else np.broadcast_to(valid, values.shape), True
    pieces = [read_patch(Pixels(values, valid), *place) for place in places]
    part = np.stack([piece for piece, _ in pieces])
    masks = [mask for _, mask in pieces if mask is not None]
    return part, np.stack(masks) if masks else None, size == frame


def _sum_blocks(values: Float32Array) -> NDArray[np.float64]:
    """Sums over blocks of planes, some dozens of them in each."""
    axes = values.ndim - 2
    total = values.sum(axis=1, dtype=np.float64)
    for axis in range(1, total.ndim):
        n = total.shape[axis]
        parts = min(n, round(RISK_BLOCKS ** (1 / axes)))
        total = np.add.reduceat(total, np.arange(parts) * n // parts, axis=axis)
    return np.asarray(total.ravel())


def _deblur_error(apart: Float32Array, psf: PSF) -> Float32Array:
    """An error of prediction, its blur undone, so that white noise keeps its mean square."""
    frame = apart.shape[2:]
    transfer = transfer_function(psf, frame)
    undoing = transfer.conj() / (np.square(np.abs(transfer)) + np.float32(RISK_FILTER_BALANCE))
    twice = np.full(undoing.shape[-1], 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    if frame[-1] % 2 == 0:
        twice[-1] = 1.0
    gain = float(np.sum(np.square(np.abs(undoing)) * twice)) / float(np.prod(frame))
    axes = tuple(range(2, apart.ndim))
    spectrum = fft.rfftn(apart, axes=axes, workers=fft_workers())
    spectrum *= undoing / np.float32(np.sqrt(gain))
    return np.asarray(fft.irfftn(spectrum, s=frame, axes=axes, workers=fft_workers()))


def _mask_saturated(values: Float32Array, valid: BoolArray | None) -> BoolArray:
    """Pixels that count and are saturated."""
    kept = np.ones(values.shape, np.bool_) if valid is None else valid
    cut = np.zeros(values.shape, np.bool_)
    for channel in range(values.shape[1]):
        one = np.s_[:, channel : channel + 1]
        cut[one] = kept[one] & (
            values[one] >= find_saturation_level(Pixels(values[one], kept[one]))
        )
    return cut


def _mask_near_saturated(cut: BoolArray, valid: BoolArray | None, psf: PSF) -> BoolArray | None:
    """Pixels that count and are not saturated, nor near those that are; None for all.

    No scene explains what was cut off, nor what a scene that tries to says of its neighbours.
    """
    if not cut.any():
        return valid
    kept = np.ones(cut.shape, np.bool_) if valid is None else valid
    lit = np.nonzero(psf > SATURATION_REACH * psf.max())
    size = [2 * max(abs(at - n // 2)) + 1 for at, n in zip(lit, psf.shape)]
    near = ndimage.maximum_filter(cut, (1, 1, *size))
    for left in (kept & ~near, kept & ~cut):
        if np.count_nonzero(left) > MIN_COMPARED_PART * np.count_nonzero(kept):
            return left
    return valid


def _fit_channel_lines(values: Float32Array, valid: BoolArray | None) -> list[VarianceLine]:
    """The noise's variance over the brightness, channel by channel."""
    channels = [np.s_[:, c : c + 1] for c in range(values.shape[1])]
    return [
        estimate_noise_line(Pixels(values[c], None if valid is None else valid[c]))
        for c in channels
    ]


def _variance_by_value(values: Float32Array, lines: list[VarianceLine]) -> Float32Array:
    """The noise's variance by each pixel's own value: right on average, whatever is around it."""
    shape = (1, -1) + (1,) * (values.ndim - 2)
    slope, at_zero = (np.reshape(part, shape).astype(np.float32) for part in zip(*lines))
    return np.maximum(at_zero + slope * values, np.float32(0))


def _local_variance(values: Float32Array, lines: list[VarianceLine], axes: int) -> Float32Array:
    """The noise's variance by the brightness around each pixel; never 0 if any is."""
    sigma = (0,) * (values.ndim - axes) + (BRIGHTNESS_SIGMA,) * axes
    variance = _variance_by_value(ndimage.gaussian_filter(values, sigma, mode="nearest"), lines)
    return np.asarray(np.maximum(variance, np.float32(MIN_VARIANCE_PART) * variance.max()))
