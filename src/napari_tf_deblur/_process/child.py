"""The process that runs deconvolutions: it serves one run at a time."""

import gc
import os
import pickle
import signal
import traceback
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import psutil
from platformdirs import user_cache_path

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.steps import ImageSource, Step, StoredImage
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._process.channel import Channel, Message
from napari_tf_deblur._run.memo import CALLS, RESULTS, SEARCHES
from napari_tf_deblur._solvers import load
from napari_tf_deblur._solvers.code_folder import use_code_folder

IDLE_SECONDS = 900
"""Seconds without a run after which the process ends. Limit: of memory."""

RELEASE_SECONDS = 1.0
"""Seconds without a request after which free memory goes back to the system. Limit: of time; the
next run waits for it."""

FORGET_SECONDS = 120.0
"""Seconds without a request after which what was found for the last image is forgotten. Limit: of
memory."""

MAX_IDLE_BYTES = 1.5 * 2**30
"""Memory above which the process ends after these seconds: TensorFlow never frees what it compiled
by XLA. The next run starts another process, which finds the code on the disk. Limit: of memory."""

PRIORITY = 5
"""How much lower the priority of this process is than that of the window, as Unix counts it.
Limit: of time; the window must be painted while a run is in progress."""

NO_IMAGE = StoredImage(None)
"""Stands for the image of a step, which is sent on request only."""


REMEMBERED = ((CALLS, 4), (SEARCHES, 2), (RESULTS, 1))
"""How many values are remembered, for the present image. Limit: of memory."""


@dataclass
class _Request:
    """A message, and the event that stops its run."""

    message: Message
    stop: Event


def main(connection: "Connection[Any, Any]", names: str) -> None:
    """Serve runs until the other end of the pipe is closed, or nothing is asked for long.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
        Pipe to the process that asks.
    names : str
        Beginning of the names of blocks of shared memory.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the other process
    with suppress(OSError, AttributeError):
        os.nice(PRIORITY)
    for memo, size in REMEMBERED:
        memo.size = size
    # TensorFlow calls it an error, with pages of text, that it loads stored code.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    use_code_folder(user_cache_path("napari-tf-deblur", appauthor=False))
    channel = Channel(connection, names)
    requests: SimpleQueue[_Request] = SimpleQueue()
    Thread(target=_read, args=(channel, requests), name="read requests", daemon=True).start()
    Thread(target=_load_tensorflow, name="load TensorFlow", daemon=True).start()
    _serve(channel, requests)
    os._exit(0)  # not before TensorFlow's threads have ended


def _load_tensorflow() -> None:
    with suppress(UserError):  # the first run says so
        load.tensorflow()
        gc.freeze()  # else each collection looks at all objects of TensorFlow, for half a second


def _read(channel: Channel, requests: "SimpleQueue[_Request]") -> None:
    """Read all messages, also during a run; end this process if the other one has ended."""
    stop = Event()
    try:
        while True:
            message = channel.receive()
            if message.kind == "stop":
                stop.set()
            elif message.kind == "ping":
                channel.send("pong", message.run)
            else:
                if message.kind == "begin":
                    stop = Event()
                requests.put(_Request(message, stop))
    finally:
        os._exit(0)


def _serve(channel: Channel, requests: "SimpleQueue[_Request]") -> None:
    """Answer requests, one after another."""
    run: Generator[Any, None, Any] | None = None
    image_source: ImageSource = NO_IMAGE
    while True:
        try:
            request = _wait(requests)
        except Empty:
            return
        kind, number = request.message.kind, request.message.run
        try:
            if kind == "begin":
                run = _begin(request)
            if kind in ("begin", "next") and run is not None:
                step = run.send(None if kind == "begin" else request.message.value())
                if isinstance(step, Step) and not step.image_source.is_portable:
                    image_source = step.image_source
                    step = replace(step, image_source=NO_IMAGE)
                channel.send("step", number, step)
            elif kind == "image":
                channel.send("image", number, image_source.current_image())
            elif kind == "end":
                if run is not None:
                    run.close()
                run, image_source = None, NO_IMAGE
                channel.send("ended", number)
        except StopIteration as end:
            channel.send("result", number, end.value)
        except Exception as error:
            channel.send("error", number, _make_portable(error))


def _begin(request: _Request) -> Generator[Step, None, Any]:
    """Start a run, or call a function; return a generator in either case."""
    function, arguments, options, has_steps = request.message.value()
    if has_steps:
        return (yield from function(*arguments, stop=request.stop, **options))
    return (yield from CALLS.call(function, arguments, options))


def _wait(requests: "SimpleQueue[_Request]") -> _Request:
    """Return the next request; give memory back if there is none for some time.

    Raises
    ------
    queue.Empty
        If this process should end.
    """
    for seconds, forget in ((RELEASE_SECONDS, False), (FORGET_SECONDS, True)):
        try:
            return requests.get(timeout=seconds)
        except Empty:
            if forget:
                for memo, _ in REMEMBERED:
                    memo.clear()
            gc.collect()
            memory.release_freed_memory()
            if forget and psutil.Process().memory_info().rss > MAX_IDLE_BYTES:
                raise
    return requests.get(timeout=IDLE_SECONDS)


def _make_portable(error: Exception) -> Exception:
    """Return an exception that can be pickled, with the traceback as a note."""
    traceback_text = "".join(traceback.format_exception(error))
    portable: Exception
    try:
        portable = pickle.loads(pickle.dumps(error))
        if type(portable) is not type(error):
            raise TypeError
    except Exception:  # any failure of any class of exceptions
        portable = RuntimeError(f"{type(error).__name__}: {error}")
    if not isinstance(portable, UserError):
        portable.add_note(traceback_text)
    return portable
