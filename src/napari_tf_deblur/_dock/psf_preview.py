"""The layer "PSF": its array is made in a worker, for a large PSF takes long."""

import atexit
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari.components import ViewerModel
from napari.qt.threading import FunctionWorker

from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._dock.task_queue import TaskQueue, await_workers
from napari_tf_deblur._dock.updates import translate_error
from napari_tf_deblur._layers.psf_display import find_psf_layer, show_psf_stepwise
from napari_tf_deblur._layers.psf_kinds import PSFKind
from napari_tf_deblur._layers.source import Source


@dataclass(frozen=True)
class PreviewRequest:
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
    only_if_present: bool = False
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
        self._request: PreviewRequest | None = None  # is being made
        self._next_request: PreviewRequest | None = None
        self._ended = False

    def make(self, wanted: PreviewRequest) -> None:
        """Make a PSF in a worker, then show it."""
        self._next_request = wanted
        if self._request is None:
            self._begin()

    def show(self, wanted: PreviewRequest, values: PSF) -> None:
        """Show a PSF that is made already."""
        self._tasks.add_task(self._show_stepwise(wanted, values))

    def end(self) -> None:
        """Show nothing more, for the window is closing."""
        self._ended = True
        self._request = self._next_request = None

    def _begin(self) -> None:
        self._request, self._next_request = self._next_request, None
        if self._request is not None:
            worker = FunctionWorker(self._make)  # napari keeps it, with all it refers to
            worker.returned.connect(self._on_made)
            atexit.register(self._await_end)
            worker.start()

    def _await_end(self) -> None:
        """At exit."""
        self.end()
        await_workers()

    def _make(self) -> PSF | Exception | None:
        wanted = self._request
        if wanted is None:
            return None
        try:
            return wanted.psf.array(wanted.source)[0]
        except Exception as error:  # napari's worker would swallow some
            return translate_error(error)

    def _on_made(self, made: PSF | Exception | None) -> None:
        atexit.unregister(self._await_end)
        wanted = self._request
        if self._ended or wanted is None:
            return
        if isinstance(made, Exception):
            wanted.on_error(made)
        elif made is not None and self._next_request is None:  # else it is out of date already
            self.show(wanted, made)
        self._begin()

    def _show_stepwise(self, wanted: PreviewRequest, values: PSF) -> Iterator[bool | None]:
        gone = wanted.only_if_present and find_psf_layer(self._viewer) is None
        if not (gone or self._ended):
            yield from show_psf_stepwise(
                self._viewer, wanted.source, wanted.psf, values, visible=wanted.visible
            )
