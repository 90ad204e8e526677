"""What is shown of the PSF: words and a picture in the dock, and its layer."""

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
    """Keeps what is shown of the PSF up to date with the fields, and with what a run finds.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layer is.
    fields : Fields
        What describes the PSF.
    tasks : TaskQueue
        Does the work on the window.
    on_error : callable
        Called with what goes wrong where the user has asked for the layer.
    """

    def __init__(
        self, viewer: ViewerModel, fields: Fields, tasks: TaskQueue, on_error: OnError
    ) -> None:
        self._viewer, self._fields, self._on_error = viewer, fields, on_error
        self._preview = PSFPreview(viewer, tasks)
        self._picture = fields.psf.picture
        self._found_key: tuple[object, ...] = ()  # the PSF of which a run has found what is shown

    def show_layer(self) -> None:
        """Show the PSF as a layer in the corner of its image."""
        self._make(self._on_error)

    def update(self) -> None:
        """Say how wide the PSF is now, and keep its layer up to date if it is there."""
        look, words = None, ""
        try:
            if self._fields.images.layer.value is not None:
                source, psf = self._fields.source(), self._fields.psf.chosen.psf()
                psf.check(source)
                if _make_psf_key(source, psf) == self._found_key:
                    return
                look, words = psf.preview(source), psf.describe_width(source)
        except UserError as error:  # half-typed values deserve no notification
            words = str(error)
        self._found_key = ()
        self._picture.words.set_message(words)
        self._picture.show_picture(None if look is None else make_thumbnail(look))
        if find_psf_layer(self._viewer) is not None:
            self._make(lambda _: None, is_update=True)

    def show_array(self, values: PSF, job: Job) -> None:
        """Show the PSF that a run has made; its layer only if the user has asked for one."""
        wanted = PreviewRequest(
            job.source, job.psf, self._on_error, only_if_present=True, visible=False
        )
        self._preview.show(wanted, values)
        self._picture.show_picture(make_thumbnail(values))

    def show_run_psf(self, result: Result, job: Job) -> None:
        """Show the PSF that was used, and what was done to it, while the fields say the same."""
        self._found_key = _make_psf_key(job.source, job.psf)
        self._picture.show_picture(make_thumbnail(result.record["psf"]["array"]))
        if result.notes:
            self._picture.words.set_message(f"{'; '.join(result.notes).rstrip('.')}.")

    def end(self) -> None:
        """Show nothing more, for the window is closing."""
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


def _make_psf_key(source: Source, psf: PSFKind) -> tuple[object, ...]:
    """What a PSF depends on, to tell whether two are the same."""
    return repr(psf.record(source)), source.layer, source.axes
