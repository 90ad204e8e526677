"""The steps of a run, and how to pull on them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

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
    "giving out pieces",
    "pieces",
]
"""What a run is doing: "iterating" once there is an iteration of the image, or of samples of it,
and "pieces" once there is one of a piece."""


class ImageSource:
    """What a step asks for its image: an object with a method, not a closure.

    Another process can so stand in for it, and ask for the image only when it is wanted. Pickled,
    it becomes the image as it is then; see :class:`Step` for how to send steps without it.
    """

    def current_image(self) -> Any:
        """Compute the image as it is now."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        """Pickle as the image that it gives."""
        return StoredImage, (self.current_image(),)


class StoredImage(ImageSource):
    """An image that is there already.

    Parameters
    ----------
    image : array
        Given as it is.
    """

    def __init__(self, image: Any) -> None:
        self._image = image

    def current_image(self) -> Any:
        """Return the image."""
        return self._image


class CopiedImage(ImageSource):
    """An image that a run goes on to change.

    Parameters
    ----------
    image : ndarray
        Copied when it is asked for.
    """

    def __init__(self, image: Float32Array) -> None:
        self._image = image

    def current_image(self) -> Float32Array:
        """Return a copy."""
        return self._image.copy()


@dataclass(frozen=True)
class Step:
    """Where a run stands: plain data, and an object that gives the image.

    A step can be pickled, and then carries its image. Where that is too much at each step,
    ``dataclasses.replace(step, image_source=handle)`` makes one that carries a handle instead: an
    :class:`ImageSource` that asks the process in which the run is.

    Attributes
    ----------
    stage : str
        What is going on: one of the words of :data:`RunStage`.
    message : str
        The same in a sentence's words, with numbers of iterations, planes and pieces.
    fraction : float
        Part of the work done, 0 to 1.
    loss_history : ndarray of float32
        The losses so far; see `Deconvolution`.
    image_source : ImageSource
        What :meth:`image` asks.
    found : Calibrated, optional
        What was found from samples of an image that is written in pieces, in the step before the
        first of them; of a run that was whole already, in its last step.
    limits : tuple of float, optional
        Contrast limits that fit the result of a layer, in that step.
    seconds_left : float, optional
        How long the other pieces take, once some are done.
    pieces_done : int, optional
        How many pieces are done, of an image that is deblurred in pieces.
    """

    stage: RunStage
    message: str
    fraction: float
    loss_history: Float32Array
    image_source: ImageSource
    found: Any = None
    limits: tuple[float, float] | None = None
    seconds_left: float | None = None
    pieces_done: int | None = None

    def image(self) -> Any:
        """Compute the image as it is now.

        Returns
        -------
        array
            In the source's shape and units, a new float32 array; of an image that is not in
            memory, a lazy one, or a list of those, by resolution.
        """
        return self.image_source.current_image()


def finish(steps: Generator[object, None, Result]) -> Result:
    """Pull on the steps of a run to its end; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def map_steps(
    steps: Generator[Before, None, Result], transform: Callable[[Before], After]
) -> Generator[After, None, Result]:
    """Pass the steps of a run on, each changed; return its result."""
    try:
        while True:
            yield transform(next(steps))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
