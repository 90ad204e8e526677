"""The layer "PSF": its array is made in a worker, for a large PSF takes long."""

import atexit
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari.components import ViewerModel
from napari.qt.threading import FunctionWorker

from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._dock.task_queue import TaskQueue, await_workers
from napari_tf_deblur._dock.updates import in_words
from napari_tf_deblur._layers.psf_display import find_psf_layer, showing_psf
from napari_tf_deblur._layers.psf_kinds import PSFKind
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class Wanted:
    """A PSF to be shown.

    Attributes
    ----------
    source : Source
        The image for which it is made.
    psf : PSFKind
        The PSF.
    on_error : callable
        Called with the exception if it cannot be made.
    only_if_there : bool
        Show it only if the layer is there by then: the user may delete it.
    visible : bool
        Whether the layer is made visible; otherwise it is as it is, and a new one is hidden, so
        that it is not in the way in a grid or in 3D.
    """

    source: Source
    psf: PSFKind
    on_error: Callable[[Exception], None]
    only_if_there: bool = False
    visible: bool = True


class PSFPreview:
    """Shows PSFs, one after the other; of those that come while one is made, the last.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to show them.
    tasks : TaskQueue
        Does the work on the window.
    """

    def __init__(self, viewer: ViewerModel, tasks: TaskQueue) -> None:
        self._viewer = viewer
        self._tasks = tasks
        self._wanted: Wanted | None = None  # is being made
        self._next: Wanted | None = None
        self._ended = False

    def make(self, wanted: Wanted) -> None:
        """Make a PSF in a worker, then show it."""
        self._next = wanted
        if self._wanted is None:
            self._begin()

    def show(self, wanted: Wanted, values: PSF) -> None:
        """Show a PSF that is made already."""
        self._tasks.do(self._showing(wanted, values))

    def end(self) -> None:
        """Show nothing more, for the window is closing."""
        self._ended = True
        self._wanted = self._next = None

    def _begin(self) -> None:
        self._wanted, self._next = self._next, None
        if self._wanted is not None:
            worker = FunctionWorker(self._make)  # napari keeps it, with all it refers to
            worker.returned.connect(self._on_made)
            atexit.register(self._await_end)
            worker.start()

    def _await_end(self) -> None:
        """At exit."""
        self.end()
        await_workers()

    def _make(self) -> PSF | Exception | None:
        wanted = self._wanted
        if wanted is None:
            return None
        try:
            return wanted.psf.array(wanted.source)[0]
        except Exception as error:  # napari's worker would swallow some
            return in_words(error)

    def _on_made(self, made: PSF | Exception | None) -> None:
        atexit.unregister(self._await_end)
        wanted = self._wanted
        if self._ended or wanted is None:
            return
        if isinstance(made, Exception):
            wanted.on_error(made)
        elif made is not None and self._next is None:  # else it is out of date already
            self.show(wanted, made)
        self._begin()

    def _showing(self, wanted: Wanted, values: PSF) -> Iterator[bool | None]:
        gone = wanted.only_if_there and find_psf_layer(self._viewer) is None
        if not (gone or self._ended):
            yield from showing_psf(
                self._viewer, wanted.source, wanted.psf, values, visible=wanted.visible
            )
