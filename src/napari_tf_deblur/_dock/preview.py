"""Keeps a layer up to date that shows what a run would make of the visible part of the image."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox
from napari.components import ViewerModel
from napari.layers import Image, Layer
from qtpy.QtCore import QTimer

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.preview_session import LayerPicture, LayerRequest, PreviewSession
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._large.lazy_arrays import is_lazy
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.preview_layer import (
    find_preview_layer,
    remove_preview,
    show_preview_stepwise,
)
from napari_tf_deblur._layers.result import match_source_contrast, to_display_values
from napari_tf_deblur._layers.visible_region import find_visible_region
from napari_tf_deblur._process.solver import Solver

LOOK_MS = 40
"""Milliseconds between two looks at the fields and the canvas. Set by eye."""

COMPUTING_TEXT = "Preview: computing."
FINAL_TEXT = "Preview: up to date."

NOT_IN_MEMORY = "The preview needs an image that is in memory; press Deblur for this one."


class Preview:
    """A layer "Preview", as long as it is switched on.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that shows it.
    fields : Fields
        The fields that say how the image is deblurred.
    solver : Solver
        The solver of the window.
    tasks : TaskQueue
        The queue for work on the window.
    box : CheckBox
        Switches the preview on and off.
    on_state : callable
        Called with a sentence on the preview; empty if there is nothing to say.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        fields: Fields,
        solver: Solver,
        tasks: TaskQueue,
        box: CheckBox,
        on_state: Callable[[str], None],
    ) -> None:
        self._viewer, self._fields, self._solver, self._tasks = viewer, fields, solver, tasks
        self._box, self._on_state = box, on_state
        self._session: PreviewSession | None = None
        self._mask: Layer | None = None
        self._mask_version = 0
        self._image_key: object = None
        self._request_key: object = None
        self._is_shown = False  # whether the layer exists, unless the user removes it
        self._timer = QTimer(box.native)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        box.changed.connect(self._switch)

    @property
    def is_on(self) -> bool:
        """Whether the preview is switched on."""
        return self._timer.isActive()

    def _switch(self, on: bool) -> None:
        if on:
            self._timer.start()
            self._look()
        else:
            self.abandon()
            self._tasks.add_task(self._remove())
            self._on_state("")

    def abandon(self) -> None:
        """Switch the preview off without touching the window, which is closing."""
        self._timer.stop()
        self._watch(None)
        self._end_session()
        self._is_shown = False

    def _remove(self) -> Iterator[None]:
        yield from ()
        remove_preview(self._viewer)

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.end()
        self._session = self._image_key = self._request_key = None

    def _look(self) -> None:
        """Ask for another picture if the fields or the view have changed."""
        if self._is_shown and find_preview_layer(self._viewer) is None:
            self._switch_off("")  # the user has removed it
            return
        try:
            request = self._find_request()
        except UserError as error:
            self._request_key = None
            self._on_state(str(error))
            return
        except Exception as error:  # an exception that leaves a slot would end the process
            self._switch_off(str(error))
            return
        job = request.job
        image_key = self._describe_pixels(job)
        if self._session is None or image_key != self._image_key:
            self._end_session()
            self._session = PreviewSession(self._solver, job)
            self._session.arrived.connect(self._on_arrived)
            self._session.failed.connect(self._on_failed)
            self._image_key = image_key
        if request.key != self._request_key:
            self._request_key = request.key
            self._on_state(COMPUTING_TEXT)
            self._session.show(request)

    def _find_request(self) -> LayerRequest:
        job = self._fields.jobs()[0]
        layer = job.source.layer()
        if is_lazy(job.source.data):
            raise InvalidValueError(NOT_IN_MEMORY)
        assert isinstance(layer, Image)  # it was read just now
        return LayerRequest(job, find_visible_region(self._viewer, layer))

    def _describe_pixels(self, job: Job) -> tuple[object, ...]:
        """Return a key that is equal for equal images with equal pixels to ignore."""
        mask = self._fields.ignore.mask.value
        if mask is not self._mask:
            self._watch(mask)
        ignored = (mask, self._mask_version, job.options.ignore_nan, job.options.ignore_saturated)
        return (id(job.source.data), job.source.axes, job.psf.ndim, *ignored)

    def _watch(self, mask: Layer | None) -> None:
        """Count the changes of the layer that marks pixels to ignore."""
        if self._mask is not None:
            self._mask.events.set_data.disconnect(self._on_mask)
        self._mask = mask
        if mask is not None:
            mask.events.set_data.connect(self._on_mask)

    def _on_mask(self, *_: object) -> None:
        self._mask_version += 1

    def _on_arrived(self, shown: LayerPicture) -> None:
        if self.is_on and shown.request.key == self._request_key:
            self._tasks.add_task(self._show(shown))

    def _show(self, shown: LayerPicture) -> Iterator[bool | None]:
        if not self.is_on or shown.request.key != self._request_key:
            return
        job, picture = shown.request.job, shown.picture
        source = job.source
        frame = source.frame(job.psf.ndim)
        pixels: Any = to_display_values(frame.from_core(picture.image), source)
        before = np.asarray(source.data[shown.request.region])
        limits = match_source_contrast(source, before, pixels, picture.offset)
        self._is_shown = False  # a new layer may take several turns
        yield from show_preview_stepwise(self._viewer, source, shown.request.region, pixels, limits)
        self._is_shown = True
        self._on_state(FINAL_TEXT if picture.is_final else COMPUTING_TEXT)

    def _on_failed(self, error: Exception) -> None:
        self._switch_off(str(error))

    def _switch_off(self, text: str) -> None:
        """Switch the preview off; say why."""
        self._box.value = False
        if text:
            self._on_state(text)
