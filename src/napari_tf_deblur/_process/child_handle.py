"""The handle of a solver process: start it, ask it, notice that it does not answer, end it."""

import itertools
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock
from types import ModuleType

from napari_tf_deblur._core.errors import SolverLostError, StoppedError
from napari_tf_deblur._process import child
from napari_tf_deblur._process.channel import Channel, Message, remove_blocks

POLL_SECONDS = 0.05
"""Seconds between two looks at the stop event while an answer is awaited. Limit: of time."""

STOP_SECONDS = 0.4
"""Seconds that a run has to end after Stop. Set by eye: with the time of the window, the user waits
half a second at most."""

SETTLE_SECONDS = 5.0
"""Seconds that a run that was given up has to end before its process is replaced. Limit: of time;
a new process takes about as long to start."""

PING_SECONDS = 5.0
"""Seconds without a message after which the process is asked whether it is alive. Limit: of
time."""

SILENCE_SECONDS = 30.0
"""Seconds without an answer after which a process counts as hung. Guard: against a process that is
busy; ``tests/process/test_solver_process.py``."""

EXIT_SECONDS = 1.0
"""Seconds that a process has to end by itself when its pipe is closed. Limit: of time."""

STOPPED_TEXT = "Stopped; there is no verdict, because the run did not end at once."

CHILD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Environment variables of the process, where the user has not set them. With several threads, the
small products of matrices in the estimate of the blur take up to ten times as long while other
processes are busy. With large pages of memory (Linux, where the system leaves the choice to each
process), volumes take two thirds of the time: else half a million small pages are asked for and
cleared in a run."""

_numbers = itertools.count(1)
_start_lock = Lock()


class Child:
    """A solver process, and the pipe to it.

    Attributes
    ----------
    process : multiprocessing.Process
        The process.
    """

    def __init__(self) -> None:
        names = f"ntd{os.getpid()}_{secrets.token_hex(3)}"
        self._names = names
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._channel = Channel(here, f"{names}p")
        # A daemon ends with Python. On Windows, a daemon must not start workers of dask; there it
        # ends when this end of the pipe is closed.
        self.process = context.Process(
            target=child.main,
            args=(there, f"{names}c"),
            name="napari-tf-deblur solver",
            daemon=sys.platform != "win32",
        )
        with _start_lock, _settings_of_child():
            self.process.start()
        there.close()
        self._run = 0  # the present run, or the last one
        self._is_running = False
        self._stop_time: float | None = None  # when the run was told to stop

    def settle(self, stop: Event) -> bool:
        """Wait until the last run has ended; return whether it has, and the process answers.

        A process that was just killed may still seem to be alive. One that is importing TensorFlow
        may take long to answer.
        """
        began = time.monotonic()
        number = next(_numbers)
        awaited = {("pong", number)} | ({("ended", self._run)} if self._is_running else set())
        try:
            self._channel.send("ping", number)
            while awaited:
                limit = SETTLE_SECONDS if self._is_running else SILENCE_SECONDS
                if time.monotonic() > began + limit:
                    return False
                if stop.is_set():
                    raise StoppedError(STOPPED_TEXT)
                if self._channel.poll(POLL_SECONDS):
                    message = self._channel.receive()
                    awaited.discard((message.kind, message.run))
                    self._is_running = ("ended", self._run) in awaited
        except (EOFError, OSError):
            return False
        return True

    def begin(self, request: object, stop: Event) -> Message:
        """Begin a run, and return its first step or its result."""
        self._run, self._is_running, self._stop_time = next(_numbers), True, None
        return self.ask("begin", stop, request)

    def ask(self, kind: str, stop: Event, value: object = None) -> Message:
        """Ask the present run for something, and wait for the answer.

        Parameters
        ----------
        kind : {"begin", "next", "image", "end"}
            What is asked for.
        stop : threading.Event
            If it is set, the run is stopped. It then has `STOP_SECONDS` to answer.
        value : object, optional
            What the process needs for it.

        Raises
        ------
        SolverLostError
            If the process has ended or is hung.
        StoppedError
            If the run was stopped and did not answer.
        """
        try:
            self._channel.send(kind, self._run, value)
            return self._receive(stop)
        except (EOFError, OSError) as error:
            raise SolverLostError(self._describe_end()) from error

    def leave(self) -> None:
        """End the present run. The process may take some time for it; nobody waits here."""
        if self._is_running:
            with suppress(OSError):
                self._channel.send("stop", self._run)
                self._channel.send("end", self._run)

    def end(self) -> None:
        """End the process, by force if it does not obey."""
        self._channel.close()
        self.process.join(EXIT_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        remove_blocks(f"{self._names}p")
        remove_blocks(f"{self._names}c")

    def _receive(self, stop: Event) -> Message:
        heard = asked = time.monotonic()
        while True:
            self._pass_on(stop)
            if self._channel.poll(POLL_SECONDS):
                message = self._channel.receive()
                if message.run == self._run:
                    return message
                heard = time.monotonic()
            now = time.monotonic()
            if now > max(heard, asked) + PING_SECONDS:
                self._channel.send("ping")
                asked = now
            if now > heard + SILENCE_SECONDS:
                raise SolverLostError(
                    "The process that runs TensorFlow does not answer; it was ended."
                )

    def _pass_on(self, stop: Event) -> None:
        """Tell the run to stop; raise an error if it was told and has not ended."""
        now = time.monotonic()
        if not stop.is_set():
            return
        if self._stop_time is None:
            self._channel.send("stop", self._run)
            self._stop_time = now
        elif now > self._stop_time + STOP_SECONDS:
            raise StoppedError(STOPPED_TEXT)

    def _describe_end(self) -> str:
        self.process.join(EXIT_SECONDS)
        code = self.process.exitcode
        if code == -9:
            return (
                "The process that runs TensorFlow was ended by the system, probably because the "
                "memory ran out: deblur a smaller part of the image, or close other programs."
            )
        return f"The process that runs TensorFlow has ended (exit code {code})."


@contextmanager
def _settings_of_child() -> Iterator[None]:
    """Set what a new process inherits, and restore it.

    Without its main module, multiprocessing does not run the user's script, or napari, again.
    """
    main, environment = sys.modules["__main__"], dict(os.environ)
    sys.modules["__main__"] = ModuleType("__main__")
    os.environ.update(CHILD_ENVIRONMENT | environment)
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name in CHILD_ENVIRONMENT.keys() - environment.keys():
            del os.environ[name]
