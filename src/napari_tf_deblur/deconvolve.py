"""The line itself: check, scale, pad, solve, crop, unscale."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.memory import OutOfMemoryError
from napari_tf_deblur._preparation.prepare import Prepared
from napari_tf_deblur._solvers import load
from napari_tf_deblur._solvers.problem import REPORT_INTERVAL, Iterate
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.methods import Method, TotalVariation

Array = NDArray[np.float32]


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
    method : Method
        The method, with every value that was used.
    seconds : float
        Duration, TensorFlow's start not included.
    warnings : tuple of str
        What the user should know about the result.
    """

    image: Array
    loss_history: Array
    iterations: int
    converged: bool
    method: Method
    seconds: float
    warnings: tuple[str, ...] = ()


def deconvolve(
    image: ArrayLike,
    psf: ArrayLike,
    method: Method = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Deconvolution:
    """Undo the blur of a known point spread function.

    Parameters
    ----------
    image : array_like
        Any real dtype, finite. Its last axes, as many as the PSF has, are deblurred;
        leading axes (time, channels, planes of a stack) are run plane by plane.
    psf : array_like
        Point spread function of 1 to 3 axes with its origin at index ``n // 2`` of each,
        in pixels of the image; scaled to sum 1.
    method : Method, optional
        One of :data:`napari_tf_deblur.METHODS`.
    boundary : {"unknown", "zero", "periodic"}, optional
        What lies beyond the frame: something unknown that the method works out as far as
        the PSF lets it be seen, nothing at all, or the image again.
    channel_axis : int, optional
        Axis of colour channels. The fourth of four channels on the last axis is
        transparency and is copied.
    spacing : sequence of float, optional
        Voxel size along each deblurred axis, in any unit; by default all are equal.
    mask : array_like of bool, optional
        True for pixels to ignore, such as saturated ones; broadcast to the image without
        its channel axis. NaN or infinite pixels must be masked.

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

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(np.eye(32), psf)
    >>> deconvolve(blurred, psf).image.shape
    (32, 32)
    """
    steps = iter_deconvolve(
        image,
        psf,
        method,
        boundary=boundary,
        channel_axis=channel_axis,
        spacing=spacing,
        mask=mask,
    )
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            result: Deconvolution = finished.value
            return result


def iter_deconvolve(
    image: ArrayLike,
    psf: ArrayLike,
    method: Method = TotalVariation(),
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
    stop: Event | None = None,
) -> Generator[Step, None, Deconvolution]:
    """Undo the blur of a known PSF, step by step.

    Nothing happens before the first ``next``. Takes what :func:`deconvolve` takes.

    Parameters
    ----------
    image, psf, method, boundary, channel_axis, spacing, mask
        See :func:`deconvolve`.
    stop : threading.Event, optional
        Once it is set, the generator returns at its next step, with the best image so far.

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
    run = Prepared.of(image, psf, method, boundary, channel_axis, spacing, mask)
    batches = run.batches  # become the result, one by one
    sizes = [len(batch) for batch in batches]
    total = sum(sizes)
    histories: list[Array] = []
    converged = []
    warnings = run.warnings

    latest: list[Iterate] = []  # of the batch that is being solved, which has none of its own

    def step(message: str, fraction: float = 0.0) -> Step:
        def image() -> Array:
            so_far = [batch if len(batch) else latest[0].image() for batch in batches]
            return run.planes.together(_joined(so_far) * np.float32(run.scale))

        return Step(message, fraction, _summed(histories), image)

    def is_stopped() -> bool:
        return stop is not None and stop.is_set()

    if not load.is_loaded():
        yield step("starting TensorFlow")
    tf = load.tensorflow()
    from napari_tf_deblur._solvers.registry import SOLVERS

    yield step("preparing")
    started = last_yield = time.perf_counter()
    try:
        with memory.kept(run.roomy):
            for k in range(len(batches)):
                batch = slice(sum(sizes[:k]), sum(sizes[: k + 1]))
                histories.append(np.zeros(0, np.float32))
                for iterate in SOLVERS[type(run.method)](run.problem(k), run.method):
                    latest[:] = [iterate]
                    histories[-1] = iterate.losses
                    if is_stopped():
                        break
                    if time.perf_counter() - last_yield >= REPORT_INTERVAL:
                        done = (batch.start + iterate.fraction * sizes[k]) / total
                        message = _progress(len(iterate.losses), batch, total)
                        yield step(message, done)
                        last_yield = time.perf_counter()
                batches[k] = iterate.image()
                converged.append(iterate.converged)
                latest.clear()
                del iterate  # and its arrays, before memory is given back
                if is_stopped():
                    warnings += (_stopped_at(batch.stop, total),)
                    break
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError(
            "The memory ran out during the run; crop the image, deblur it as 2D instead of "
            "3D, or close other programs."
        ) from error
    values = _joined(batches)
    values *= np.float32(run.scale)
    return Deconvolution(
        image=run.planes.together(values),
        loss_history=_summed(histories),
        iterations=max(len(losses) for losses in histories),
        converged=all(converged) and not is_stopped(),
        method=run.method,
        seconds=time.perf_counter() - started,
        warnings=warnings,
    )


def _joined(batches: list[Array]) -> Array:
    return batches[0] if len(batches) == 1 else np.concatenate(batches)


def _progress(iterations: int, batch: slice, total: int) -> str:
    if total == 1:
        return f"iteration {iterations}"
    first, last = batch.start + 1, batch.stop
    planes = f"plane {last}" if first == last else f"planes {first} to {last}"
    return f"{planes} of {total}, iteration {iterations}"


def _stopped_at(done: int, total: int) -> str:
    if done >= total:
        return "The run was stopped before it was finished."
    return f"The run was stopped: planes from {done + 1} to {total} are as they were."


def _summed(histories: list[Array]) -> Array:
    """Sum over batches; one that is finished keeps its last loss."""
    longest = max((len(losses) for losses in histories), default=0)
    total = np.zeros(longest, np.float32)
    for losses in histories:
        if len(losses):
            total += np.pad(losses, (0, longest - len(losses)), mode="edge")
    return total
