"""Remember what was found for the last images, in a process that is asked for them again."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from hashlib import blake2b
from threading import Event
from typing import Any

import numpy as np

Work = Callable[[], Generator[Any, None, Any]]
"""A function that yields steps and returns a value."""


class Memo:
    """Remembers the values of the last pieces of work, by all that they depend on.

    Parameters
    ----------
    size : int
        Number of values; 0 remembers nothing.
    """

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def find(
        self, arguments: Mapping[str, Any], work: Work, stop: Event | None = None
    ) -> Generator[Any, None, Any]:
        """Return the value for some arguments; do the work if it is not known.

        Parameters
        ----------
        arguments : mapping
            All that the value depends on, by name; see `make_digest`.
        work : callable
            Computes the value.
        stop : threading.Event, optional
            If it is set, the work may have ended early, and its value is not remembered.
        """
        if not self.size:
            return (yield from work())
        key = make_digest(arguments)
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = yield from work()
        if stop is None or not stop.is_set():
            self._values[key] = value
            while len(self._values) > self.size:
                self._values.popitem(last=False)
        return value

    def call(
        self, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> Generator[Any, None, Any]:
        """Return the result of a function without side effects; see `find`."""

        def work() -> Generator[Any, None, Any]:
            yield from ()
            return function(*arguments, **options)

        named = {f"argument {k}": value for k, value in enumerate(arguments)}
        return (yield from self.find({"function": function, **named, **options}, work))

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()


SEARCHES = Memo()
"""Prepared runs with the result of their search. A process that serves a window enlarges it;
elsewhere nothing is remembered."""


RESULTS = Memo()
"""Results of runs on whole images."""

CALLS = Memo()
"""Results of single functions, such as the estimate of the blur."""


def make_digest(values: Mapping[str, Any]) -> bytes:
    """Return a digest of named values: equal if all are equal, in any order of the names.

    Parameters
    ----------
    values : mapping
        Anything that can be pickled; arrays count by their contents.
    """
    import cloudpickle

    digest = blake2b(digest_size=16)
    for name in sorted(values):  # each by itself: parts that two values share are pickled once
        buffers: list[pickle.PickleBuffer] = []
        value = values[name]
        if isinstance(value, np.ma.MaskedArray):  # its pickle changes from process to process
            value = "masked", np.ma.getdata(value), np.ma.getmaskarray(value)
        named = name, value
        digest.update(cloudpickle.dumps(named, protocol=5, buffer_callback=buffers.append))
        for buffer in buffers:
            digest.update(buffer.raw())
    return digest.digest()
