"""The steps that a run yields, and functions that iterate over them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from napari_tf_deblur._core.typing import Float32Array

Before = TypeVar("Before")
After = TypeVar("After")
Result = TypeVar("Result")


RunStage = Literal[
    "looking for something to see",
    "starting workers",
    "deblurred by a worker",
    "starting TensorFlow",
    "preparing",
    "finding the weight",
    "checking the weight",
    "first in larger pixels",
    "iterating",
    "repeating with new noise",
    "giving out pieces",
    "pieces",
]
"""Stages of a run. "iterating" begins with the first iteration of the image or of samples of it,
"pieces" with the first iteration of a piece."""


class ImageSource:
    """Source of the image of a step: an object with a method, not a closure.

    A handle of another process can take its place and request the image only when it is needed.
    Pickling replaces the source by its image at that moment; see :class:`Step` for how to send
    steps without the image.
    """

    is_portable: ClassVar[bool] = False
    """Whether the source itself can be pickled, because the image is in a file."""

    def current_image(self) -> Any:
        """Compute the image of the present iteration."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        """Pickle the present image instead of the source."""
        return StoredImage, (self.current_image(),)


class StoredImage(ImageSource):
    """Source of an image that is computed already.

    Parameters
    ----------
    image : array
        Returned unchanged, without a copy.
    """

    def __init__(self, image: Any) -> None:
        self._image = image

    def current_image(self) -> Any:
        """Return the image."""
        return self._image


class CopiedImage(ImageSource):
    """Source of an image that the run will change again.

    Parameters
    ----------
    image : ndarray
        Copied at each request.
    """

    def __init__(self, image: Float32Array) -> None:
        self._image = image

    def current_image(self) -> Float32Array:
        """Return a copy of the image."""
        return self._image.copy()


@dataclass(frozen=True)
class Step:
    """Progress of a run: plain data, and an object that computes the image.

    A pickled step contains its image. If that is too much data for each step,
    ``dataclasses.replace(step, image_source=handle)`` makes a step that contains a handle instead:
    an :class:`ImageSource` that requests the image from the process of the run.

    Attributes
    ----------
    stage : str
        What the run is doing: one of :data:`RunStage`.
    message : str
        The same in words, with the numbers of iterations, planes and pieces.
    fraction : float
        Fraction of the work that is done, 0 to 1.
    loss_history : ndarray of float32
        Losses so far; see `Deconvolution`.
    image_source : ImageSource
        Source of the image that :meth:`image` returns.
    sample_calibration : SampleCalibration, optional
        Calibration from samples of an image that is written in pieces. It is set in the step
        before the first piece, or in the last step if all pieces were done before.
    limits : tuple of float, optional
        Contrast limits for the layer of the result, set in the same step.
    seconds_left : float, optional
        Estimated time for the remaining pieces, in seconds, once some pieces are done.
    pieces_done : int, optional
        Number of finished pieces, if the image is deblurred in pieces.
    """

    stage: RunStage
    message: str
    fraction: float
    loss_history: Float32Array
    image_source: ImageSource
    sample_calibration: Any = None
    limits: tuple[float, float] | None = None
    seconds_left: float | None = None
    pieces_done: int | None = None

    def image(self) -> Any:
        """Compute the image of the present iteration.

        Returns
        -------
        array
            A new float32 array in the shape and units of the source image. If the source is not
            in memory: a lazy array, or a list of lazy arrays, one per resolution.
        """
        return self.image_source.current_image()


def finish(steps: Generator[object, None, Result]) -> Result:
    """Run all steps to the end; return the result of the run."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def map_steps(
    steps: Generator[Before, None, Result], transform: Callable[[Before], After]
) -> Generator[After, None, Result]:
    """Yield the steps of a run, each transformed; return the result of the run."""
    try:
        while True:
            yield transform(next(steps))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
