"""The dock "Deblur": connects its fields, runs and results."""

from collections.abc import Callable

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_tf_deblur._dock.dock_layout import DOCK_MARGIN, DockLayout
from napari_tf_deblur._dock.docking import DockingWatcher
from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.files_dialog import FilesDialog
from napari_tf_deblur._dock.layer_choice import SelectionFollower
from napari_tf_deblur._dock.loss_plot import LossPlot
from napari_tf_deblur._dock.panel import READY_TEXT, Panel
from napari_tf_deblur._dock.preview import Preview
from napari_tf_deblur._dock.psf_view import PSFView
from napari_tf_deblur._dock.reporting import report_errors, show_warnings
from napari_tf_deblur._dock.result_row import ResultRow
from napari_tf_deblur._dock.results import ResultRecord, Results
from napari_tf_deblur._dock.run_layer import RunLayer
from napari_tf_deblur._dock.run_messages import RunMessages
from napari_tf_deblur._dock.run_sequence import RunSequence
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.uncertainty_layer import UncertaintyLayer, renew_job
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._dock.warm_up import WarmUp
from napari_tf_deblur._dock.window_solver import find_solver, release_solver, start_solver
from napari_tf_deblur._dock.worker import MakeLayer, Run, RunOutcome
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.record import describe_outcome
from napari_tf_deblur._layers.source import is_own_layer
from napari_tf_deblur._layers.uncertainty_layer import find_uncertainty_layer
from napari_tf_deblur._run.uncertainty import UNCERTAINTY_MEANING


class DeblurWidget(Container[Widget]):
    """The dock that deblurs image layers.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are offered, and to which the results are added.

    Attributes
    ----------
    fields : Fields
        All fields.
    deblur_button, stop_button : PushButton
        Start a run; stop it and keep the best image so far.
    status : WrappingLabel
        The current step, or the verdict on the result.
    result_row : ResultRow
        Buttons for a result.
    plot : LossPlot
        The loss over the iterations.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._runs: RunSequence | None = None
        self._files_dialog: FilesDialog | None = None
        self._is_closed = False
        self._solver = find_solver()
        start_solver(self)
        self._tasks = TaskQueue(self.native)
        self._results = Results(napari_viewer)
        self.fields = Fields(napari_viewer)
        self._warm_up = WarmUp(self.native, self._solver, self.fields.jobs)
        self._panel = Panel()
        self._messages = RunMessages(self._panel)
        self._psf_view = PSFView(napari_viewer, self.fields, self._tasks, self._messages.report)
        self.deblur_button = self._panel.deblur_button
        self.stop_button = self._panel.stop_button
        self.status = self._panel.status
        self.result_row = ResultRow(
            napari_viewer,
            self.fields.restore,
            self._show_chosen_result,
            report_errors(self.find_uncertainty),
        )
        self.plot = LossPlot()
        self.fields.advanced.form.add_wide(self.plot)
        self.margins = (DOCK_MARGIN, 0, DOCK_MARGIN, DOCK_MARGIN)
        status_widgets = (self.status, self.result_row)
        box = self.fields.preview
        box.changed.connect(lambda _: self._warm_up.stop())
        self._preview = Preview(
            napari_viewer, self.fields, self._solver, self._tasks, box, self._show_preview_state
        )
        self._arrangement = DockLayout(self.native, self.fields.widget, self._panel, status_widgets)
        self.deblur_button.changed.connect(self.deblur)
        self.stop_button.changed.connect(self.stop)
        self._panel.files_button.changed.connect(report_errors(self.open_batch))
        self.fields.psf.picture.button.changed.connect(self.show_psf)
        self.fields.psf.changed.connect(self._on_psf)
        self.fields.methods.choice.changed.connect(self._warm_up.schedule)
        self._docking = DockingWatcher(self.native, lambda: start_solver(self), self._on_closed)
        self.native.destroyed.connect(self._on_destroyed)
        active = napari_viewer.layers.selection.active  # napari may wrap it
        for layer in [layer for layer in napari_viewer.layers if layer == active]:
            record = self._results.find_record(layer)
            if record is not None and record.source is not None:
                self.fields.select(record.source)
            self._select(layer)
        self._follower = SelectionFollower(
            napari_viewer,
            lambda: self._tasks.is_working or self.result_row.compare.is_working,
            report_errors(self._select),
            report_errors(self._add),
            report_errors(self.fields.images.refresh),
        )
        self.fields.images.layer.changed.connect(report_errors(self._show_result_of))
        self._on_psf()

    @report_errors
    def reset_choices(self, *_: object) -> None:
        """Offer the present layers; napari calls this when they change."""
        if not self._is_closed:
            self.fields.reset_choices()

    def deblur(self, *_: object) -> None:
        """Start a run for each chosen image; do nothing if a run is in progress."""
        if self._runs is not None or self._is_closed:
            return
        try:
            jobs = self.fields.jobs()
        except Exception as error:  # an exception that leaves a slot would end the process
            self._messages.report(error)
            return
        show_warnings(text for job in jobs for text in job.warnings)
        self._begin_runs(jobs, self._on_result, RunLayer)

    def find_uncertainty(self, layer: Image, record: ResultRecord) -> None:
        """Find the standard deviations of a result; show those that are known already."""
        if self._runs is not None or self._is_closed or record.uncertainty_job is None:
            return
        known = find_uncertainty_layer(layer)
        if known is not None and known in self._viewer.layers:
            known.visible = True
            self._panel.set_message(UNCERTAINTY_MEANING)
            return
        self._begin_runs(
            [renew_job(record.uncertainty_job)],
            self._on_uncertainty,
            lambda viewer, source, _: UncertaintyLayer(viewer, source, layer),
        )

    def _begin_runs(
        self,
        jobs: list[Job],
        on_result: Callable[[RunOutcome, Run | None, Job], None],
        make_layer: MakeLayer,
    ) -> None:
        self._warm_up.stop()
        self.fields.preview.value = self.fields.preview.enabled = False
        self._panel.begin()
        self._messages.begin(len(jobs))
        self.plot.set_losses([])
        self._runs = RunSequence(
            self._viewer,
            jobs,
            lambda job: self._results.find_earlier(job, keep=self.result_row.keep.value),
            self._on_update,
            on_result,
            self._on_end,
            self._tasks,
            self._solver,
            make_layer,
        )
        self._runs.begin()

    def stop(self, *_: object) -> None:
        """Stop the run; the result layer keeps the best image so far."""
        if self._runs is not None:
            self._panel.set_message("Stopping.")
            self._runs.stop()

    def open_batch(self, *_: object) -> None:
        """Open the dialog that deblurs many files with the settings of the fields."""
        if self._is_closed:
            return
        if self._files_dialog is None:
            self._files_dialog = FilesDialog(self.native, self.fields.settings)
        self._files_dialog.show()
        self._files_dialog.raise_()

    def show_psf(self, *_: object) -> None:
        """Show the PSF as a layer in the corner of its image."""
        self._psf_view.show_layer()

    def _show_preview_state(self, text: str) -> None:
        """Show a sentence on the preview; without one, the verdict on the chosen image."""
        if not text:
            self._show_result_of(self.fields.images.layer.value)
        elif self._runs is None and not self._is_closed:
            self._panel.set_message(text)

    def _on_psf(self) -> None:
        if not self._is_closed:
            self._psf_view.update()
            if self._runs is None:
                self._warm_up.schedule()

    def _select(self, layer: Layer) -> None:
        """Choose a layer that the user selects: an image to deblur, or a result to show."""
        self.fields.select(layer)
        self._show_result_of(layer)

    def _add(self, layer: Layer) -> None:
        """Choose a layer that was added."""
        self.fields.add(layer)
        self._show_result_of(layer)

    def _show_result_of(self, layer: Layer | None) -> None:
        """Show the verdict and buttons of a result, or of the last result of an image."""
        if self._runs is not None or self._is_closed:
            return
        shown = self._results.find_shown(layer)
        if shown is not None:
            self.result_row.show_result(*shown)
            self._panel.set_message(f"{shown[1].settings}\n{shown[1].verdict_text}")
        elif isinstance(layer, Image) and not is_own_layer(layer):
            self.result_row.clear_result()
            self._panel.set_message(READY_TEXT)

    def _show_chosen_result(self, *_: object) -> None:
        """Show the result of the chosen image, because a layer of the last result was removed."""
        if self._runs is None and not self._is_closed:
            self.result_row.clear_result()
            self._panel.set_message(READY_TEXT)
            self._show_result_of(self.fields.images.layer.value)

    def _on_update(self, update: Update, job: Job) -> None:
        self._panel.show_progress(update)
        self.plot.set_losses(update.losses)
        if update.psf is not None:
            self._psf_view.show_array(update.psf, job)

    def _on_result(self, outcome: RunOutcome, run: Run | None, job: Job) -> None:
        if self._is_closed:
            return
        if isinstance(outcome, Exception):
            self._messages.report(outcome, job)
        elif isinstance(outcome, str) or run is None:
            self._messages.show(str(outcome), job)
        else:
            self.plot.set_losses(outcome.deconvolution.loss_history)
            # The notes of a single run are beside the picture of the PSF.
            notes = outcome.notes if self._messages.has_several else ()
            self._messages.show(
                " ".join((describe_outcome(outcome.record), *notes)),
                job,
                run.stopwatch.describe_stages(),
            )
            self._psf_view.show_run_psf(outcome, job)
            layer = run.result_layer.layer
            if layer is not None:
                record = self._results.store(layer, job, outcome)
                self.result_row.show_result(layer, record)
            known = {*job.warnings, *outcome.notes}  # the dock shows them already
            if run.is_stopped:  # the user has pressed Stop
                known |= set(outcome.deconvolution.warnings)
            show_warnings(w for w in outcome.warnings if w not in known)

    def _on_uncertainty(self, outcome: RunOutcome, run: Run | None, job: Job) -> None:
        if self._is_closed:
            return
        if isinstance(outcome, Exception):
            self._messages.report(outcome, job)
        elif run is not None and isinstance(run.result_layer, UncertaintyLayer):
            stages = run.stopwatch.describe_stages()
            self._messages.show(run.result_layer.message, job, stages)

    def _on_end(self) -> None:
        self._runs = None
        self._messages.end()
        if not self._is_closed:
            self._panel.end()
            self.fields.preview.enabled = True

    def _on_closed(self) -> None:
        """End what the dock shows; a run in progress goes on, and its result is added."""
        if not self._is_closed:
            self._warm_up.stop()
            self.fields.preview.value = False
            self.result_row.clear_result()
            release_solver(self)

    def _on_destroyed(self, *_: object) -> None:
        self._is_closed = True
        release_solver(self)
        self._warm_up.stop()
        self._preview.abandon()
        self._tasks.clear()
        self._psf_view.end()
        self._follower.end()
        self.result_row.end()
        self.fields.unwatch()
        if self._files_dialog is not None:
            self._files_dialog.abandon()
        if self._runs is not None:
            self._runs.abandon()
            self._runs = None
