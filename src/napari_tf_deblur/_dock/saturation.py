"""Counts the saturated pixels of the chosen image."""

import atexit
from collections.abc import Callable

import numpy as np
from napari.qt.threading import FunctionWorker

from napari_tf_deblur._dock.task_queue import await_workers
from napari_tf_deblur._layers.masks import count_saturated
from napari_tf_deblur._layers.source import Source

MAX_DIRECT_PIXELS = 2**22
"""Largest image, in pixels, whose saturated pixels are searched without a worker. Limit: of time,
the window would freeze."""


class SaturationCounter:
    """Counts saturated pixels, of large images in a worker; lazy images are not counted.

    Parameters
    ----------
    on_counted : callable
        Called with the count of the present image; with 0 if it is not counted.
    """

    def __init__(self, on_counted: Callable[[int], None]) -> None:
        self._on_counted = on_counted
        self._chosen: object = None  # a weak reference to a layer
        self._ended = False

    def choose(self, source: Source | None) -> None:
        """Count the pixels of another image; do nothing if it is the same as before."""
        chosen = None if source is None else source.layer
        if chosen == self._chosen:
            return
        self._chosen = chosen
        self._on_counted(0)
        if source is None or not isinstance(source.data, np.ndarray):
            return
        if source.data.size <= MAX_DIRECT_PIXELS:
            self._on_counted(count_saturated(source.data, source.rgb))
            return
        worker = FunctionWorker(count_saturated, source.data, source.rgb)
        worker.returned.connect(lambda count: self._on_returned(count, chosen))
        atexit.register(await_workers)
        worker.start()

    def end(self) -> None:
        """Report nothing more, because the window is closing."""
        self._ended = True
        self._chosen = None

    def _on_returned(self, count: int, chosen: object) -> None:
        atexit.unregister(await_workers)
        if not self._ended and chosen == self._chosen:
            self._on_counted(count)
