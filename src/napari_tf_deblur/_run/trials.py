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
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.places import Place, centred_size, places_with_structure, seen
from napari_tf_deblur._core.steps import ImageSource, RunStage, Step, mapped
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.broken_pixels import saturated_at
from napari_tf_deblur._noise.chance import normal_numbers
from napari_tf_deblur._noise.line_fit import Line
from napari_tf_deblur._noise.noise import noise_line
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._run.psf_width import PSFWidth
from napari_tf_deblur._run.residual import Shells
from napari_tf_deblur._solvers.run import run

ADDED = 0.5
"""Noise that is added to the first copy, in standard deviations of the image's noise. Chosen by
``benchmarks/weights.py --development``."""

LOCAL = 1.0
"""Sigma, in pixels, of the Gaussian whose mean says how bright, and so how noisy, a pixel is.
Chosen by ``benchmarks/weights.py --development``."""

LEAST_VARIANCE = 0.02
"""Least variance of a pixel's noise, as a part of the largest, by which it is weighted. Chosen by
``benchmarks/weights.py --development``."""

BLOCKS = 81
"""Blocks of a plane, about, whose errors of prediction are compared: enough to know their spread,
and large enough to be independent. Chosen by ``benchmarks/weights.py --development``."""

BALANCE = 0.01
"""Balance of the Wiener filter that undoes the blur of an error of prediction. With less, noise
hides what is compared; with more, fine detail does not count. Chosen by ``benchmarks/weights.py
--development``: between 0.003 and 0.03 it hardly mattered."""

NEAR = 0.1
"""Part of the PSF's largest value up to which pixels count as near a saturated one. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

LEAST_COMPARED = 0.1
"""Least part of the pixels that must be left to be compared. Guard: against images of which most is
masked."""

LEAST_NOISE = 1e-4
"""Least noise of a camera, relative to the range of intensities: an image with less is simulated.
Guard: ``tests/run/test_weight_search.py``."""


class Stopped(Exception):  # noqa: N818 - no error, but the way out
    """The trials were stopped."""


@dataclass(frozen=True)
class Look:
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

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared

    def current_image(self) -> Float32Array:
        """Put the planes together again."""
        return self._prepared.image()


class Trials:
    """A part of an image in two copies, to be deblurred at several weights.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved in the end.
    look : Look
        How much of it is looked at.
    stop : threading.Event, optional
        Ends a trial by `Stopped` once it is set.

    Attributes
    ----------
    usual : int
        How many there will be, about.
    purpose : str
        What they are done for, in words.
    """

    def __init__(self, prepared: Prepared, look: Look, stop: Event | None = None) -> None:
        self._prepared, self._stop = prepared, stop
        self._done, self.usual = 0, 1
        self.purpose: RunStage = "finding the weight"
        self._widths: dict[float, PSFWidth] = {}
        values, self._valid, whole = _part(prepared, look)
        self._scale = np.float32(prepared.calibration.scale)
        observed = values / self._scale
        self._boundary: Boundary = prepared.boundary if whole else "unknown"
        cut = _saturated(values, self._valid)
        self._compared = _far_from(cut, self._valid, prepared.psf)
        if cut.any():
            self._valid = ~cut if self._valid is None else self._valid & ~cut
        lines = _lines(observed, self._compared)
        self._variance = _variance(observed, lines, prepared.psf.ndim)
        split = normal_numbers(observed, prepared.psf.ndim)
        split *= np.sqrt(_of_lines(observed, lines))
        self._observed, self._split = observed, split
        self._first, self._other = self._copies(mirrored=False)

    @property
    def can_tell(self) -> bool:
        """Whether there is noise to be split."""
        return bool(self._variance.max() > 0)

    def _copies(self, mirrored: bool) -> tuple[Float32Array, Float32Array]:
        """Two copies whose noise has nothing in common."""
        sign = -1 if mirrored else 1
        first = self._observed + np.float32(sign * ADDED) * self._split
        return first, self._observed - np.float32(sign / ADDED) * self._split

    def at(self, calibration: Calibration, mirrored: bool = False) -> Generator[Step, None, Trial]:
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
        first, other = self._copies(mirrored) if mirrored else (self._first, self._other)
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
        prepared = Prepared.of(arguments)
        solved = yield from mapped(run(prepared, self._stop), self._shown)
        if self._is_stopped:
            raise Stopped
        apart = first - solved.residual / self._scale - other
        kept: Any = True if self._compared is None else self._compared
        if self._compared is not None:
            apart = np.where(self._compared, apart, np.float32(0))
        part = 1.0 if self._compared is None else float(np.mean(self._compared))
        noise, unit = 1 + ADDED**-2, np.mean(self._variance, where=kept, dtype=np.float64)
        errors = _by_block(apart**2 / self._variance) / (part * apart.size)
        sharp = _by_block(_undone(apart, self._prepared.psf) ** 2)
        of_image = sharp / (part * apart.size * float(unit))
        least = noise / errors.size
        return Trial(errors - least, of_image - least, solved.residual, prepared.psf)

    def width(self, calibration: Calibration) -> PSFWidth:
        """What the spectrum of the whole image says of the PSF's width, looked at once."""
        times = calibration.psf_width
        if times not in self._widths:
            self._widths[times] = PSFWidth.of(self._prepared, times)
        return self._widths[times]

    @property
    def noise(self) -> float:
        """Standard deviation of the noise, in the image's units."""
        return float(np.sqrt(self._variance.mean(dtype=np.float64)) * self._scale)

    @property
    def tell_width(self) -> bool:
        """Whether trials with a narrower PSF tell how wide it is.

        Without noise they tell how far a run gets instead.
        """
        return float(self._variance.mean(dtype=np.float64)) > LEAST_NOISE**2

    def shells(self, trial: Trial) -> Shells | None:
        """The spectra of what a trial saw, and what it left of it."""
        return Shells.of(self._first, trial.residual / self._scale, self._valid, trial.psf, 1.0)

    @property
    def _is_stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def _shown(self, step: Step) -> Step:
        """Say which trial it is, of which nobody needs the losses; show the image as it was."""
        words = f"{self.purpose}, trial {self._done}"
        fraction = min((self._done - 1 + step.fraction) / self.usual, 1.0)
        source = ImageAsItWas(self._prepared)
        return Step(self.purpose, words, fraction, np.zeros(0, np.float32), source)


def _part(prepared: Prepared, look: Look) -> tuple[Float32Array, BoolArray | None, bool]:
    """A part with structure, and which of its pixels count; whether the frame is whole."""
    used = sorted({plane for batch in prepared.batches for plane in batch})
    values = prepared.values[used]
    valid = None if prepared.valid is None else prepared.valid[used]
    frame = values.shape[2:]
    size = tuple(centred_size(n, look.size[len(frame)]) for n in frame)
    most = max(1, look.pixels // int(np.prod(size)))
    places: list[tuple[int, Place]] = []
    if size != frame or len(values) > most:
        places = places_with_structure(
            Pixels(values, valid), prepared.calibration.scale, size, most
        )
    if not places:  # all of it, or nothing is to be seen
        return values, None if valid is None else np.broadcast_to(valid, values.shape), True
    pieces = [seen(Pixels(values, valid), *place) for place in places]
    part = np.stack([piece for piece, _ in pieces])
    masks = [mask for _, mask in pieces if mask is not None]
    return part, np.stack(masks) if masks else None, size == frame


def _by_block(values: Float32Array) -> NDArray[np.float64]:
    """Sums over blocks of planes, some dozens of them in each."""
    axes = values.ndim - 2
    total = values.sum(axis=1, dtype=np.float64)
    for axis in range(1, total.ndim):
        n = total.shape[axis]
        parts = min(n, round(BLOCKS ** (1 / axes)))
        total = np.add.reduceat(total, np.arange(parts) * n // parts, axis=axis)
    return np.asarray(total.ravel())


def _undone(apart: Float32Array, psf: PSF) -> Float32Array:
    """An error of prediction, its blur undone, so that white noise keeps its mean square."""
    frame = apart.shape[2:]
    transfer = transfer_function(psf, frame)
    undoing = transfer.conj() / (np.square(np.abs(transfer)) + np.float32(BALANCE))
    twice = np.full(undoing.shape[-1], 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    if frame[-1] % 2 == 0:
        twice[-1] = 1.0
    gain = float(np.sum(np.square(np.abs(undoing)) * twice)) / float(np.prod(frame))
    axes = tuple(range(2, apart.ndim))
    spectrum = fft.rfftn(apart, axes=axes, workers=fft_workers())
    spectrum *= undoing / np.float32(np.sqrt(gain))
    return np.asarray(fft.irfftn(spectrum, s=frame, axes=axes, workers=fft_workers()))


def _saturated(values: Float32Array, valid: BoolArray | None) -> BoolArray:
    """Pixels that count and are saturated."""
    kept = np.ones(values.shape, np.bool_) if valid is None else valid
    cut = np.zeros(values.shape, np.bool_)
    for channel in range(values.shape[1]):
        one = np.s_[:, channel : channel + 1]
        cut[one] = kept[one] & (values[one] >= saturated_at(Pixels(values[one], kept[one])))
    return cut


def _far_from(cut: BoolArray, valid: BoolArray | None, psf: PSF) -> BoolArray | None:
    """Pixels that count and are not saturated, nor near those that are; None for all.

    No scene explains what was cut off, nor what a scene that tries to says of its neighbours.
    """
    if not cut.any():
        return valid
    kept = np.ones(cut.shape, np.bool_) if valid is None else valid
    lit = np.nonzero(psf > NEAR * psf.max())
    size = [2 * max(abs(at - n // 2)) + 1 for at, n in zip(lit, psf.shape)]
    near = ndimage.maximum_filter(cut, (1, 1, *size))
    for left in (kept & ~near, kept & ~cut):
        if np.count_nonzero(left) > LEAST_COMPARED * np.count_nonzero(kept):
            return left
    return valid


def _lines(values: Float32Array, valid: BoolArray | None) -> list[Line]:
    """The noise's variance over the brightness, channel by channel."""
    channels = [np.s_[:, c : c + 1] for c in range(values.shape[1])]
    return [noise_line(Pixels(values[c], None if valid is None else valid[c])) for c in channels]


def _of_lines(values: Float32Array, lines: list[Line]) -> Float32Array:
    """The noise's variance by each pixel's own value: right on average, whatever is around it."""
    shape = (1, -1) + (1,) * (values.ndim - 2)
    slope, at_zero = (np.reshape(part, shape).astype(np.float32) for part in zip(*lines))
    return np.maximum(at_zero + slope * values, np.float32(0))


def _variance(values: Float32Array, lines: list[Line], axes: int) -> Float32Array:
    """The noise's variance by the brightness around each pixel; never 0 if any is."""
    sigma = (0,) * (values.ndim - axes) + (LOCAL,) * axes
    variance = _of_lines(ndimage.gaussian_filter(values, sigma, mode="nearest"), lines)
    return np.asarray(np.maximum(variance, np.float32(LEAST_VARIANCE) * variance.max()))
