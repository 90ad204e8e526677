"""Trial runs on a part of an image: how well a method and a PSF predict what they did not see.

The noise of an image is split: some is added to one copy, and taken from another so that the
noise of both is independent (Oliveira, Lei & Tibshirani, Annals of Statistics 52, 2024; for
photons, thinning). The result of one copy, blurred again, is compared with the other. It errs
least where the result is neither too smooth nor noisy, however narrow the PSF, and no pixel need
be left out.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.places import Place, places_with_structure, seen
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._solvers.run import run
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.noise import noise_line
from napari_tf_deblur.psf import PSF
from napari_tf_deblur.psf_width import PSFWidth
from napari_tf_deblur.residual import Shells
from napari_tf_deblur.steps import Step, mapped

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

ADDED = 0.5
"""Noise that is added to the first copy, in its standard deviations."""

LOCAL = 1.0
"""Sigma in pixels of the Gaussian whose mean says how bright a pixel is, and so how noisy."""

LEAST_VARIANCE = 0.02
"""Part of the largest variance of the noise below which pixels count no more."""


LEAST_NOISE = 1e-4
"""Noise, relative to the range of intensities, that any camera has: an image with less is made by
calculation."""


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
    risk : float
        Mean squared error of prediction in units of the noise's variance, less the noise's own.
    residual : ndarray of float32
        What the result leaves unexplained.
    psf : ndarray of float32
        That it was deblurred with.
    """

    risk: float
    residual: Array
    psf: PSF


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
    """

    def __init__(self, prepared: Prepared, look: Look, stop: Event | None = None) -> None:
        self._prepared, self._stop = prepared, stop
        self._done, self.usual = 0, 1
        self._widths: dict[float, PSFWidth] = {}
        values, self._valid, whole = _part(prepared, look)
        self._scale = np.float32(prepared.calibration.scale)
        observed = values / self._scale
        self._boundary: Boundary = prepared.boundary if whole else "unknown"
        self._variance = _variance(observed, self._valid, prepared.psf.ndim)
        random = np.random.default_rng(0)
        split = random.standard_normal(observed.shape, np.float32)
        split *= np.sqrt(self._variance)
        self._first = observed + np.float32(ADDED) * split
        self._other = observed - np.float32(1 / ADDED) * split

    @property
    def can_tell(self) -> bool:
        """Whether there is noise to be split."""
        return bool(self._variance.max() > 0)

    def at(self, calibration: Calibration) -> Generator[Step, None, Trial]:
        """Deblur the first copy, and compare with the other.

        Yields
        ------
        Step
            Its image is what the image was.
        """
        method: Any = calibration.method
        hurried = replace(method, tolerance=method.trial_tolerance)
        arguments = Arguments(
            self._first * self._scale + np.float32(self._prepared.calibration.method.offset),
            self._prepared.psf,
            replace(calibration, method=hurried),
            self._boundary,
            channel_axis=1,
            spacing=self._prepared.spacing,
            mask=None if self._valid is None else ~self._valid[:, 0],
        )
        self._done += 1
        prepared = Prepared.of(arguments)
        solved = yield from mapped(run(prepared, self._stop), self._shown)
        if self._is_stopped:
            raise Stopped
        predicted = self._first - solved.residual / self._scale
        error = np.square(predicted - self._other) / self._variance
        kept: Any = True if self._valid is None else self._valid
        risk = float(np.mean(error, where=kept, dtype=np.float64))
        return Trial(risk - 1 - ADDED**-2, solved.residual, prepared.psf)

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
        words = f"finding the weight, trial {self._done}"
        fraction = min((self._done - 1 + step.fraction) / self.usual, 1.0)
        return Step(words, fraction, np.zeros(0, np.float32), self._prepared.image)


def _part(prepared: Prepared, look: Look) -> tuple[Array, Mask | None, bool]:
    """A part with structure, and which of its pixels count; whether the frame is whole."""
    used = sorted({plane for batch in prepared.batches for plane in batch})
    values = prepared.values[used]
    valid = None if prepared.valid is None else prepared.valid[used]
    frame = values.shape[2:]
    size = tuple(min(n, look.size[len(frame)]) for n in frame)
    most = max(1, look.pixels // int(np.prod(size)))
    places: list[tuple[int, Place]] = []
    if size != frame or len(values) > most:
        places = places_with_structure(values, valid, prepared.calibration.scale, size, most)
    if not places:  # all of it, or nothing is to be seen
        return values, None if valid is None else np.broadcast_to(valid, values.shape), True
    pieces = [seen(values, valid, *place) for place in places]
    part = np.stack([piece for piece, _ in pieces])
    masks = [mask for _, mask in pieces if mask is not None]
    return part, np.stack(masks) if masks else None, size == frame


def _variance(values: Array, valid: Mask | None, axes: int) -> Array:
    """The noise's variance at each pixel, from the brightness around it; never 0 if any is."""
    sigma = (0,) * (values.ndim - axes) + (LOCAL,) * axes
    variance = np.empty_like(values)
    for channel in range(values.shape[1]):
        one = np.s_[:, channel : channel + 1]
        line = noise_line(values[one], None if valid is None else valid[one])
        around = ndimage.gaussian_filter(values[one], sigma, mode="nearest")
        variance[one] = np.maximum(line.at_zero + line.slope * around, 0)
    return np.asarray(np.maximum(variance, np.float32(LEAST_VARIANCE) * variance.max()))
