"""Makes the layer "PSF"; a worker computes the array, because a large PSF takes long."""

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
    """A PSF to show as a layer.

    Attributes
    ----------
    source : Source
        The image that the PSF belongs to.
    psf : PSFKind
        The PSF.
    on_error : callable
        Called with the exception if the PSF cannot be computed.
    only_if_present : bool
        Whether to show it only if the layer still exists: the user may delete it.
    visible : bool
        Whether to make the layer visible. If False, an existing layer stays visible or hidden, and
        a new one is hidden, so that it does not disturb a grid or a view in 3D.
    """

    source: Source
    psf: PSFKind
    on_error: Callable[[Exception], None]
    only_if_present: bool = False
    visible: bool = True


class PSFPreview:
    """Shows PSFs one after the other; requests during a computation replace each other.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that shows them.
    tasks : TaskQueue
        The queue for work on the window.
    """

    def __init__(self, viewer: ViewerModel, tasks: TaskQueue) -> None:
        self._viewer = viewer
        self._tasks = tasks
        self._request: PreviewRequest | None = None  # of which the array is being computed
        self._next_request: PreviewRequest | None = None
        self._ended = False

    def make(self, request: PreviewRequest) -> None:
        """Compute a PSF in a worker, then show it."""
        self._next_request = request
        if self._request is None:
            self._begin()

    def show(self, request: PreviewRequest, values: PSF) -> None:
        """Show a PSF whose array is known."""
        self._tasks.add_task(self._show_stepwise(request, values))

    def end(self) -> None:
        """Show nothing more, because the window is closing."""
        self._ended = True
        self._request = self._next_request = None

    def _begin(self) -> None:
        self._request, self._next_request = self._next_request, None
        if self._request is not None:
            worker = FunctionWorker(self._make)  # napari keeps it and all its references
            worker.returned.connect(self._on_returned)
            atexit.register(self._await_end)
            worker.start()

    def _await_end(self) -> None:
        """Stop and wait for the worker when Python exits."""
        self.end()
        await_workers()

    def _make(self) -> PSF | Exception | None:
        request = self._request
        if request is None:
            return None
        try:
            return request.psf.array(request.source)[0]
        except Exception as error:  # napari's worker does not report all exceptions
            return translate_error(error)

    def _on_returned(self, outcome: PSF | Exception | None) -> None:
        atexit.unregister(self._await_end)
        request = self._request
        if self._ended or request is None:
            return
        if isinstance(outcome, Exception):
            request.on_error(outcome)
        elif outcome is not None and self._next_request is None:  # else it is out of date
            self.show(request, outcome)
        self._begin()

    def _show_stepwise(self, request: PreviewRequest, values: PSF) -> Iterator[bool | None]:
        is_deleted = request.only_if_present and find_psf_layer(self._viewer) is None
        if not (is_deleted or self._ended):
            yield from show_psf_stepwise(
                self._viewer, request.source, request.psf, values, visible=request.visible
            )
