"""Where deconvolutions run: in this process, or in one of their own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from threading import Event
from typing import Any, ClassVar


class Solver(ABC):
    """Runs functions of this package that need TensorFlow, or much time.

    Attributes
    ----------
    is_separate : bool
        Whether they run in another process.
    """

    is_separate: ClassVar[bool]

    @abstractmethod
    def start(self) -> None:
        """Prepare for the first run, in the background."""

    @abstractmethod
    def release(self) -> None:
        """Give everything back after the present run, in the background; it can be used again."""

    @abstractmethod
    def iterate(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Generator[Any, Any, Any]:
        """Run a function that yields steps; what is sent to this generator reaches it.

        Parameters
        ----------
        function : callable
            Function that returns a generator of :class:`Step`; it has a parameter `stop`.
        *arguments, **options : object
            Its other arguments.
        stop : threading.Event
            Set it to stop the run.

        Yields
        ------
        Step
            Its steps.

        Returns
        -------
        object
            The result of the generator.
        """

    @abstractmethod
    def call(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Any:
        """Call a function, and return its result; `stop` ends only the wait for it."""


class ThisProcess(Solver):
    """Runs functions in this process: for scripts, notebooks and consoles."""

    is_separate = False

    def start(self) -> None:
        """Do nothing: the first run imports TensorFlow."""

    def release(self) -> None:
        """Do nothing: TensorFlow stays."""

    def iterate(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Generator[Any, Any, Any]:
        """Run a function that yields steps; see `Solver.iterate`."""
        return (yield from function(*arguments, stop=stop, **options))

    def call(
        self, function: Callable[..., Any], *arguments: Any, stop: Event, **options: Any
    ) -> Any:
        """Call a function, and return its result."""
        return function(*arguments, **options)


THIS_PROCESS = ThisProcess()
"""The solver of scripts."""
