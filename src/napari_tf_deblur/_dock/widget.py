"""The dock "Deblur"."""

from collections.abc import Callable, Iterator

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager, show_error, show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QScrollArea, QWidget

from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.loss_plot import LossPlot
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._dock.worker import Run
from napari_tf_deblur._layers.job import Job, Result
from napari_tf_deblur._layers.psf_layers import GaussianPSF, find_psf_layer, showing_psf

WIDTH = 360
"""Of the dock, at the least, in pixels."""


class DeblurWidget(Container[Widget]):
    """Deblur an image layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are offered, and to which the result is added.

    Attributes
    ----------
    fields : Fields
        What can be set; its fields are attributes of this widget too.
    deblur_button, stop_button : PushButton
        Begin a run; end it and keep the best image so far.
    status : QLabel
        What is going on, in words.
    plot : LossPlot
        The loss curve.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._run: Run | None = None
        self._tasks = TaskQueue(self.native)
        self._gone = False
        self.fields = fields = Fields(napari_viewer)
        self.image, self.dims, self.psf = fields.image, fields.dims, fields.psf
        self.method, self.forms = fields.method, fields.forms
        self.boundary, self.mask = fields.boundary, fields.mask
        self.ignore_nan = fields.ignore_nan
        self.deblur_button = PushButton(text="Deblur", tooltip="Deblur the image layer")
        self.stop_button = PushButton(
            text="Stop", enabled=False, tooltip="End now and keep the best image so far"
        )
        self.progress = QProgressBar()
        self.status = QLabel("Ready.")
        self.plot = LossPlot()
        self._lay_out()
        self._set_running(False)
        self.deblur_button.changed.connect(self.deblur)
        self.stop_button.changed.connect(self.stop)
        self.psf.show.changed.connect(self.show_psf)
        self.psf.changed.connect(self._update_psf_layer)
        self.native.destroyed.connect(self._on_destroyed)
        napari_viewer.layers.selection.events.active.connect(self._follow)
        self._follow()

    def _lay_out(self) -> None:
        """Put the fields where they can be scrolled, and the controls below, always in view."""
        buttons = QHBoxLayout()
        buttons.addWidget(self.deblur_button.native)
        buttons.addWidget(self.stop_button.native)
        self.status.setWordWrap(True)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        words = _scrollable(self.status)  # long sentences must not move what lies below
        words.setFixedHeight(5 * self.status.fontMetrics().lineSpacing())
        self.margins = (6, 0, 6, 6)
        self.native.setMinimumWidth(WIDTH)
        layout = self.native.layout()
        layout.addWidget(_scrollable(self.fields.form), 1)
        layout.addLayout(buttons)
        for widget in (self.progress, words, self.plot):
            layout.addWidget(widget)

    def reset_choices(self, *_: object) -> None:
        """Offer the layers that there are now; napari calls this when they change."""
        if not self._gone:
            self.fields.reset_choices()

    def deblur(self, *_: object) -> None:
        """Begin a run with what the fields say; nothing if one is going on."""
        if self._run is not None or self._gone:
            return
        try:
            job = self.fields.job()
            self._run = Run(self._viewer, job, self._on_update, self._on_end, self.native)
        except Exception as error:  # one that leaves a slot would end the process
            self._on_end(error)
            return
        self._set_running(True)
        self.status.setText("Preparing.")
        self.plot.set_losses([])
        self._tasks.do(self._beginning(self._run, job))

    def stop(self, *_: object) -> None:
        """End the run; the result layer keeps the best image so far."""
        if self._run is not None:
            self.status.setText("Stopping.")
            self._run.stop()

    def show_psf(self, *_: object) -> None:
        """Show the Gaussian PSF as a layer in the corner of its image."""
        self._tasks.do(self._showing_psf(self._report))

    def _beginning(self, run: Run, job: Job) -> Iterator[bool | None]:
        yield None  # first the buttons
        try:
            if isinstance(job.psf, GaussianPSF):
                yield from showing_psf(self._viewer, job.source, job.psf)
                yield None
        except Exception as error:  # as above
            self._on_end(error)
        else:
            run.start()

    def _showing_psf(self, tell: Callable[[Exception], None]) -> Iterator[bool | None]:
        try:
            source, psf = self.fields.source(), self.psf.psf()
            if isinstance(psf, GaussianPSF):
                yield from showing_psf(self._viewer, source, psf)
        except (TypeError, ValueError) as error:
            tell(error)

    def _update_psf_layer(self) -> None:
        """Keep the PSF layer up to date while the fields change, if it is there."""
        if self._gone or self.image.value is None or find_psf_layer(self._viewer) is None:
            return
        self._tasks.do(self._updating_psf())

    def _updating_psf(self) -> Iterator[bool | None]:
        if find_psf_layer(self._viewer) is not None:  # still there when its turn has come
            # Half-typed values deserve no notification.
            yield from self._showing_psf(lambda error: self.status.setText(str(error)))

    def _follow(self, *_: object) -> None:
        if not self._gone:
            self.fields.choose(self._viewer.layers.selection.active)

    def _on_update(self, update: Update) -> None:
        if update.fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(int(1000 * update.fraction))
        self.status.setText(f"{update.message[:1].upper()}{update.message[1:]}.")
        self.plot.set_losses(update.losses)

    def _on_end(self, outcome: Result | Exception | None) -> None:
        was_stopped = self._run is not None and self._run.is_stopped
        self._run = None
        self._set_running(False)
        if isinstance(outcome, Result):
            self.progress.setValue(self.progress.maximum())
            self.plot.set_losses(outcome.done.loss_history)
            self.status.setText(_summary(outcome))
            for warning in () if was_stopped else outcome.done.warnings:
                show_warning(warning)  # whoever pressed Stop knows already
        elif isinstance(outcome, Exception):
            self._report(outcome)
        else:
            self.status.setText("Cancelled.")

    def _set_running(self, running: bool) -> None:
        self.deblur_button.enabled = not running
        self.stop_button.enabled = running
        self.progress.setRange(0, 0 if running else 1000)  # 0, 0: busy, until there is news
        self.progress.setValue(0)

    def _report(self, error: Exception) -> None:
        self.status.setText(str(error))
        if isinstance(error, ValueError | TypeError):  # of the input: a sentence will do
            show_error(str(error))
        else:
            notification_manager.receive_error(type(error), error, error.__traceback__)

    def _on_destroyed(self, *_: object) -> None:
        self._gone = True
        self._tasks.drop()
        self.fields.unwatch()
        if self._run is not None:
            self._run.abandon()
            self._run = None


def _scrollable(widget: QWidget) -> QScrollArea:
    """Put a widget where it can be scrolled up and down if there is no room for it."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area


def _summary(result: Result) -> str:
    done = result.done
    count = f"{done.iterations} iteration{'s' * (done.iterations != 1)}"
    how = ", converged" if done.converged else ""
    text = f"Done in {done.seconds:.1f} s: {count}{how}."
    if result.notes:
        text += f" PSF: {'; '.join(result.notes)}."
    return " ".join([text, *done.warnings])
