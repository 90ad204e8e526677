"""Shows the PSF: a text and a picture in the dock, and a layer."""

from collections.abc import Callable

from napari.components import ViewerModel

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.psf_preview import PreviewRequest, PSFPreview
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_display import find_psf_layer, make_thumbnail
from napari_tf_deblur._layers.psf_kinds import PSFKind
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.source import Source

OnError = Callable[[Exception], None]


class PSFView:
    """Updates the text, the picture and the layer of the PSF after the fields or a run.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that shows the layer.
    fields : Fields
        The fields that describe the PSF.
    tasks : TaskQueue
        The queue for work on the window.
    on_error : callable
        Called with the exception if the layer that the user asked for cannot be made.
    """

    def __init__(
        self, viewer: ViewerModel, fields: Fields, tasks: TaskQueue, on_error: OnError
    ) -> None:
        self._viewer, self._fields, self._on_error = viewer, fields, on_error
        self._preview = PSFPreview(viewer, tasks)
        self._picture = fields.psf.picture
        self._run_key: tuple[object, ...] = ()  # key of the PSF whose picture and text are a run's

    def show_layer(self) -> None:
        """Show the PSF as a layer in the corner of its image."""
        self._make(self._on_error)

    def update(self) -> None:
        """Update the text and the picture; update the layer if it exists."""
        values, text = None, ""
        try:
            if self._fields.images.layer.value is not None:
                source, psf = self._fields.source(), self._fields.psf.chosen.psf()
                psf.check(source)
                if make_psf_key(source, psf) == self._run_key:
                    return
                values, text = psf.preview(source), psf.describe_width(source)
        except UserError as error:  # no notification: the user may still be typing
            text = str(error)
        self._run_key = ()
        self._picture.description.set_message(text)
        self._picture.show_picture(None if values is None else make_thumbnail(values))
        if find_psf_layer(self._viewer) is not None:
            self._make(lambda _: None, is_update=True)

    def show_array(self, values: PSF, job: Job) -> None:
        """Show the PSF that a run has computed; update the layer if it exists."""
        request = PreviewRequest(
            job.source, job.psf, self._on_error, only_if_present=True, visible=False
        )
        self._preview.show(request, values)
        self._picture.show_picture(make_thumbnail(values))

    def show_run_psf(self, result: Result, job: Job) -> None:
        """Show the PSF of a run and its notes, until the fields describe another PSF.

        Where it varies, the picture of the middle stays.
        """
        self._run_key = make_psf_key(job.source, job.psf)
        if "array" in result.record["psf"]:
            self._picture.show_picture(make_thumbnail(result.record["psf"]["array"]))
        if result.notes:
            self._picture.description.set_message(f"{'; '.join(result.notes).rstrip('.')}.")

    def end(self) -> None:
        """Show nothing more, because the window is closing."""
        self._preview.end()

    def _make(self, on_error: OnError, is_update: bool = False) -> None:
        try:
            source, psf = self._fields.source(), self._fields.psf.chosen.psf()
            psf.check(source)
        except UserError as error:
            on_error(error)
        else:
            self._preview.make(
                PreviewRequest(
                    source, psf, on_error, only_if_present=is_update, visible=not is_update
                )
            )


def make_psf_key(source: Source, psf: PSFKind) -> tuple[object, ...]:
    """Return a key that is equal for equal PSFs of one image."""
    return repr(psf.record(source)), source.layer, source.axes
