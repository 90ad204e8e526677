"""The steps of a run, and how to pull on them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from napari_tf_deblur._core.typing import Float32Array

Before = TypeVar("Before")
After = TypeVar("After")
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
        Gives the current image in the source's shape and units, as a new float32 array; of an
        image that is not in memory, as a lazy one, or as a list of those, by resolution.
    found : Calibrated, optional
        What was found from samples of an image that is written in pieces, in the step before the
        first of them; of a run that was whole already, in its last step.
    limits : tuple of float, optional
        Contrast limits that fit the result of a layer, in that step.
    seconds_left : float, optional
        How long the other pieces take, once some are done.
    """

    message: str
    fraction: float
    loss_history: Float32Array
    image: Callable[[], Any]
    found: Any = None
    limits: tuple[float, float] | None = None
    seconds_left: float | None = None


def finish(steps: Generator[object, None, Result]) -> Result:
    """Pull on the steps of a run to its end; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def mapped(
    steps: Generator[Before, None, Result], change: Callable[[Before], After]
) -> Generator[After, None, Result]:
    """Pass the steps of a run on, each changed; return its result."""
    try:
        while True:
            yield change(next(steps))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
