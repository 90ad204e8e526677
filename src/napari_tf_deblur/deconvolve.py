"""The line itself: check, scale, pad, solve, crop, unscale."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._solvers import load
from napari_tf_deblur._solvers.problem import REPORT_INTERVAL
from napari_tf_deblur._solvers.progress import Progress
from napari_tf_deblur._solvers.registry import solver
from napari_tf_deblur.errors import OutOfMemoryError
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.methods import Method, TotalVariation

Array = NDArray[np.float32]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Step:
    """Where a run stands.

    Attributes
    ----------
    message : str
        What is going on, in words.
    fraction : float
        Part of the work done, 0 to 1.
    loss_history : ndarray of float32
        The losses so far; see `Deconvolution`.
    image : callable
        Gives the current image in the source's shape and units, as a new float32 array.
    """

    message: str
    fraction: float
    loss_history: Array
    image: Callable[[], Array]


@dataclass(frozen=True)
class Deconvolution:
    """The result of a deconvolution.

    Attributes
    ----------
    image : ndarray of float32
        Same shape and intensity units as the source.
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
    seconds : float
        Duration, TensorFlow's start not included.
    warnings : tuple of str
        What the user should know about the result.
    """

    image: Array
    loss_history: Array
    iterations: int
    converged: bool
    calibration: Calibration
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def method(self) -> Method:
        """The method, with every value that was used."""
        return self.calibration.method


def deconvolve(
    image: ArrayLike,
    psf: ArrayLike,
    method: Method | Calibration = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Deconvolution:
    """Undo the blur of a known point spread function.

    Parameters
    ----------
    image : array_like
        Any real dtype, finite. Its last axes, as many as the PSF has, are deblurred;
        leading axes (time, channels, planes of a stack) are run plane by plane. Planes
        without any finite pixel are left as they are. What a NumPy masked array masks is
        ignored, as with `mask`.
    psf : array_like
        Point spread function of 1 to 3 axes with its origin at index ``n // 2`` of each,
        in pixels of the image; scaled to sum 1. Leading axes of length 1 are dropped where
        the image has fewer axes. It may be larger than the image.
    method : Method or Calibration, optional
        One of :data:`napari_tf_deblur.METHODS`; or what :func:`napari_tf_deblur.calibrate`
        found from a larger image, of which this one is a part.
    boundary : {"unknown", "zero", "periodic"}, optional
        What lies beyond the frame: something unknown that the method works out as far as
        the PSF lets it be seen, nothing at all, or the image again.
    channel_axis : int, optional
        Axis of colour channels.
    alpha : bool, optional
        Whether the last channel is transparency, which is copied and not deblurred.
    spacing : sequence of float, optional
        Voxel size along each deblurred axis, in any unit; by default all are equal.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore, such as saturated ones; broadcast to
        the image without its channel axis. NaN or infinite pixels must be masked.

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
    return finish(run(Arguments(image, psf, method, boundary, channel_axis, alpha, spacing, mask)))


def iter_deconvolve(
    image: ArrayLike,
    psf: ArrayLike,
    method: Method | Calibration = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
    stop: Event | None = None,
) -> Generator[Step, None, Deconvolution]:
    """Undo the blur of a known PSF, step by step.

    Nothing happens before the first ``next``. Takes what :func:`deconvolve` takes.

    Parameters
    ----------
    image, psf, method, boundary, channel_axis, alpha, spacing, mask
        See :func:`deconvolve`.
    stop : threading.Event, optional
        Once it is set, the generator returns at its next step, with the best image so far:
        the image as it was, if no iteration was done.

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
    arguments = Arguments(image, psf, method, boundary, channel_axis, alpha, spacing, mask)
    return (yield from run(arguments, stop))


def calibrate(
    image: ArrayLike,
    psf: ArrayLike,
    method: Method = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Calibration:
    """Find from an image what :func:`deconvolve` would find, and deblur nothing.

    Given to :func:`deconvolve` in place of a method, it makes a tile, a plane or a time point
    come out as in the whole image.

    Parameters
    ----------
    image, psf, method, boundary, channel_axis, alpha, spacing, mask
        See :func:`deconvolve`.

    Returns
    -------
    Calibration
        The scale of intensities, and the method with every value filled in.

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
    arguments = Arguments(image, psf, method, boundary, channel_axis, alpha, spacing, mask)
    return Prepared.of(arguments).calibration


def run(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Do what the arguments ask for; see :func:`iter_deconvolve`."""
    prepared = Prepared.of(arguments)
    method = prepared.calibration.method
    progress = Progress(prepared)
    converged = True

    def step(message: str) -> Step:
        return Step(message, progress.fraction, progress.losses(), progress.image)

    def is_stopped() -> bool:
        return stop is not None and stop.is_set()

    if not load.is_loaded():
        yield step("starting TensorFlow")
    yield step("preparing")
    started = last_yield = time.perf_counter()
    try:
        with memory.kept(prepared.roomy):
            for batch in prepared.batches:
                if is_stopped():
                    break
                for iterate in solver(method)(prepared.problem(batch), method):
                    progress.note(batch, iterate)
                    if is_stopped():
                        break
                    if time.perf_counter() - last_yield >= REPORT_INTERVAL:
                        yield step(progress.message)
                        last_yield = time.perf_counter()
                converged = converged and iterate.converged
                progress.end_of(batch)
                del iterate  # and its arrays, before memory is given back
    except load.memory_errors() as error:
        raise OutOfMemoryError(
            "The memory ran out during the run; crop the image, deblur it as 2D instead of "
            "3D, or close other programs."
        ) from error
    losses = progress.losses()
    stopped = (progress.words_of_stop(),) if is_stopped() else ()
    return Deconvolution(
        image=progress.image(),
        loss_history=losses,
        iterations=len(losses),
        converged=converged and not stopped,
        calibration=prepared.calibration,
        seconds=time.perf_counter() - started,
        warnings=prepared.warnings + stopped,
    )


def finish(steps: Generator[object, None, Result]) -> Result:
    """Pull on the steps of a run to its end; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
