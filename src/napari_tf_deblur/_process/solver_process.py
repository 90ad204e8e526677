"""A solver in a process of its own. It is started early, and replaced if it fails."""

import atexit
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import Any

from napari_tf_deblur._core.errors import SolverLostError, StoppedError
from napari_tf_deblur._core.steps import ImageSource, Step
from napari_tf_deblur._preparation.memory import release_freed_memory
from napari_tf_deblur._process.child_handle import POLL_SECONDS, STOPPED_TEXT, Child
from napari_tf_deblur._process.solver import Solver


class SolverProcess(Solver):
    """Runs functions in a child process, one at a time.

    The process ends with this one, however this one ends. It is started again when it has ended.
    """

    is_separate = True

    def __init__(self) -> None:
        self._child: Child | None = None
        self._turn = Lock()
        self._is_released = False

    def start(self) -> None:
        """Start the process in the background, if there is none."""
        self._is_released = False
        Thread(target=self._start_idle, name="start solver", daemon=True).start()

    def _start_idle(self) -> None:
        if self._turn.acquire(blocking=False):  # else it is running
            try:
                self._find_child()
            finally:
                self._turn.release()

    def release(self) -> None:
        """End the process in the background, after the run in progress."""
        self._is_released = True
        Thread(target=self._end_released, name="end solver", daemon=True).start()

    def _end_released(self) -> None:
        with self._turn:
            if self._is_released:  # else it was started again
                self.end()

    def iterate(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Generator[Any, Any, Any]:
        """Run a function that yields steps; see `Solver.iterate`.

        Raises
        ------
        SolverLostError
            If the process ended or hung. The next run starts another one.
        StoppedError
            If the run was stopped, and did not end at once.
        """
        return (yield from self._run((function, arguments, options, True), stop))

    def call(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Any:
        """Call a function, and return its result; see `iterate` for the errors."""
        try:
            next(self._run((function, arguments, options, False), stop))
        except StopIteration as end:
            return end.value
        raise AssertionError("a call has no steps")

    def end(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            atexit.unregister(self.end)
            child.end()

    def _run(self, request: object, stop: Event) -> Generator[Any, Any, Any]:
        while not self._turn.acquire(timeout=POLL_SECONDS):
            if stop.is_set():
                raise StoppedError(STOPPED_TEXT)
        try:
            child = self._find_child(stop)
            image = _RemoteImage(child, stop)
            try:
                message = child.begin(request, stop)
                while message.kind == "step":
                    step = message.value()
                    if isinstance(step, Step) and not step.image_source.is_portable:
                        step = replace(step, image_source=image)
                    request = yield step
                    message = child.ask("next", stop, request)
            except SolverLostError:
                self.end()
                raise
            finally:
                image.end()
                child.leave()
        finally:
            self._turn.release()
            release_freed_memory()  # of the arrays that were sent and received
        if message.kind == "error":
            raise message.value()
        return message.value()

    def _find_child(self, stop: Event | None = None) -> Child:
        """Return the process; start it if there is none, or if the last run does not end."""
        if self._child is not None and not self._child.settle(stop or Event()):
            self.end()
        if self._child is None:
            if stop is not None and stop.is_set():
                raise StoppedError(STOPPED_TEXT)
            self._child = Child()
            atexit.register(self.end)
        return self._child


class _RemoteImage(ImageSource):
    """The image of a run in a child process. It is requested when it is needed."""

    def __init__(self, child: Child, stop: Event) -> None:
        self._child: Child | None = child
        self._stop = stop
        self._image: Any = None

    def current_image(self) -> Any:
        """Request the image; after the end of the run, return the last one."""
        if self._child is not None:
            message = self._child.ask("image", self._stop)
            if message.kind == "error":
                raise message.value()
            self._image = message.value()
        return self._image

    def end(self) -> None:
        """Request no image any more."""
        self._child = None
