"""The dock "Deblur"."""

from collections.abc import Callable, Iterator

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager, show_error, show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QScrollArea, QWidget

from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.layer_choice import SelectionFollower
from napari_tf_deblur._dock.loss_plot import LossPlot
from napari_tf_deblur._dock.psf_preview import PSFPreview, Wanted
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._dock.worker import Outcome, Run
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_display import find_psf_layer
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur.errors import UserError

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
        What can be set.
    deblur_button, stop_button : PushButton
        Begin a run; end it and keep the best image so far.
    status : QLabel
        What is going on, in words; where the time went in its tooltip.
    plot : LossPlot
        The loss curve.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._run: Run | None = None
        self._gone = False
        self._warned: tuple[str, ...] = ()  # of the job that runs
        self._tasks = TaskQueue(self.native)
        self._preview = PSFPreview(napari_viewer, self._tasks)
        self.fields = Fields(napari_viewer)
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
        self.fields.psf.preview.changed.connect(self.show_psf)
        self.fields.psf.changed.connect(self._update_psf_layer)
        self.native.destroyed.connect(self._on_destroyed)
        if (active := napari_viewer.layers.selection.active) is not None:
            self.fields.select(active)
        self._follower = SelectionFollower(
            napari_viewer, lambda: self._tasks.is_working, self.fields.select, self.fields.add
        )

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
            self._run = run = Run(
                self._viewer,
                job,
                lambda update: self._on_update(update, job),
                self._on_end,
                self._tasks,
                self.fields.residual.value,
            )
        except Exception as error:  # one that leaves a slot would end the process
            self._on_end(error)
            return
        self._set_running(True)
        self._say("Preparing.")
        self.plot.set_losses([])
        self._warned = job.warnings
        for warning in job.warnings:
            show_warning(warning)
        self._tasks.do(self._beginning(run))

    def stop(self, *_: object) -> None:
        """End the run; the result layer keeps the best image so far."""
        if self._run is not None:
            self._say("Stopping.")
            self._run.stop()

    def show_psf(self, *_: object) -> None:
        """Show the PSF as a layer in the corner of its image."""
        self._make_psf(self._report)

    def _beginning(self, run: Run) -> Iterator[bool | None]:
        yield None  # first the buttons
        run.start()

    def _update_psf_layer(self) -> None:
        """Keep the PSF layer up to date while the fields change, if it is there."""
        wanted = self.fields.image.value is not None and find_psf_layer(self._viewer) is not None
        if wanted and not self._gone:
            # Half-typed values deserve no notification.
            self._make_psf(lambda error: self._say(str(error)), only_if_shown=True)

    def _make_psf(self, on_error: Callable[[Exception], None], only_if_shown: bool = False) -> None:
        try:
            source, psf = self.fields.source(), self.fields.psf.chosen.psf()
            psf.check(source)
        except UserError as error:
            on_error(error)
        else:
            self._preview.make(Wanted(source, psf, on_error, only_if_shown))

    def _on_update(self, update: Update, job: Job) -> None:
        if update.fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(int(1000 * update.fraction))
        self._say(f"{update.message[:1].upper()}{update.message[1:]}.")
        self.plot.set_losses(update.losses)
        if update.psf is not None:
            wanted = Wanted(job.source, job.psf, self._report, only_if_shown=not job.psf.shown)
            self._preview.show(wanted, update.psf)

    def _on_end(self, outcome: Outcome) -> None:
        if self._gone:
            return
        run, self._run = self._run, None
        self._set_running(False)
        if isinstance(outcome, Exception):
            self._report(outcome)
        elif isinstance(outcome, str) or run is None:
            self._say(str(outcome))
        else:
            self.progress.setValue(self.progress.maximum())
            self.plot.set_losses(outcome.done.loss_history)
            self._say(_summary(outcome, run), run.stopwatch.in_words())
            known = set(self._warned)
            if run.is_stopped:  # whoever pressed Stop knows that
                known |= set(outcome.done.warnings)
            for warning in outcome.warnings:
                if warning not in known:
                    show_warning(warning)

    def _set_running(self, running: bool) -> None:
        self.deblur_button.enabled = not running
        self.stop_button.enabled = running
        self.progress.setRange(0, 0 if running else 1000)  # 0, 0: busy, until there is news
        self.progress.setValue(0)

    def _say(self, words: str, tooltip: str = "") -> None:
        self.status.setText(words)
        self.status.setToolTip(tooltip)

    def _report(self, error: Exception) -> None:
        self._say(str(error))
        if isinstance(error, UserError):  # a sentence will do
            show_error(str(error))
        else:
            notification_manager.receive_error(type(error), error, error.__traceback__)

    def _on_destroyed(self, *_: object) -> None:
        self._gone = True
        self._tasks.drop()
        self._preview.end()
        self._follower.end()
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


def _summary(result: Result, run: Run) -> str:
    """Say how long the user waited, and for what."""
    done = result.done
    count = f"{done.iterations} iteration{'s' * (done.iterations != 1)}"
    seconds = f"{run.stopwatch.total:.1f} s"
    if run.is_stopped:
        text = f"Stopped after {seconds}: the image after {count} is kept."
    else:
        text = f"Done in {seconds}: {count}{', converged' if done.converged else ''}."
    notes = [f"PSF: {'; '.join(result.notes).rstrip('.')}."] if result.notes else []
    return " ".join([text, str(done.verdict), *result.warnings, *notes])
