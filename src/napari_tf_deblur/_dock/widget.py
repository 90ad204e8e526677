"""The dock "Deblur"."""

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.notifications import show_warning

from napari_tf_deblur._dock.dock_layout import DOCK_MARGIN, DockLayout
from napari_tf_deblur._dock.fields import Fields
from napari_tf_deblur._dock.files_dialog import FilesDialog
from napari_tf_deblur._dock.layer_choice import SelectionFollower
from napari_tf_deblur._dock.loss_plot import LossPlot
from napari_tf_deblur._dock.panel import READY_TEXT, Panel
from napari_tf_deblur._dock.psf_view import PSFView
from napari_tf_deblur._dock.reporting import report_error, report_errors
from napari_tf_deblur._dock.result_row import ResultRow
from napari_tf_deblur._dock.results import EarlierResults, Results
from napari_tf_deblur._dock.run_sequence import RunSequence
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Update
from napari_tf_deblur._dock.worker import Run, RunOutcome
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.record import describe_outcome
from napari_tf_deblur._layers.source import is_own_layer


class DeblurWidget(Container[Widget]):
    """Deblur image layers.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are offered, and to which the results are added.

    Attributes
    ----------
    fields : Fields
        What can be set.
    deblur_button, stop_button : PushButton
        Begin a run; end it and keep the best image so far.
    status : Words
        What is going on, or whether to believe the result.
    result_row : ResultRow
        What can be done with a result.
    plot : LossPlot
        The loss curve.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._batch: RunSequence | None = None
        self._batch_messages: list[str] = []  # of the images of a batch
        self._files: FilesDialog | None = None
        self._is_closed = False
        self._tasks = TaskQueue(self.native)
        self._results = Results(napari_viewer)
        self.fields = Fields(napari_viewer)
        self._psf_view = PSFView(napari_viewer, self.fields, self._tasks, self._report)
        self._panel = Panel()
        self.deblur_button = self._panel.deblur_button
        self.stop_button = self._panel.stop_button
        self.status = self._panel.status
        self.result_row = ResultRow(napari_viewer, self.fields.restore, self._show_chosen_result)
        self.plot = LossPlot()
        self.fields.advanced.form.add_wide(self.plot)
        self.margins = (DOCK_MARGIN, 0, DOCK_MARGIN, DOCK_MARGIN)
        news = (self.status, self.result_row)
        self._arrangement = DockLayout(self.native, self.fields.widget, self._panel, news)
        self.deblur_button.changed.connect(self.deblur)
        self.stop_button.changed.connect(self.stop)
        self._panel.files_button.changed.connect(report_errors(self.open_batch))
        self.fields.psf.picture.button.changed.connect(self.show_psf)
        self.fields.psf.changed.connect(self._on_psf)
        self.native.destroyed.connect(self._on_destroyed)
        active = napari_viewer.layers.selection.active  # maybe wrapped: napari guards its own
        for layer in [layer for layer in napari_viewer.layers if layer == active]:
            made = self._results.find_record(layer)
            if made is not None and made.source is not None:
                self.fields.select(made.source)
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
        """Offer the layers that there are now; napari calls this when they change."""
        if not self._is_closed:
            self.fields.reset_choices()

    def deblur(self, *_: object) -> None:
        """Begin a run for each image that is chosen; nothing if one is going on."""
        if self._batch is not None or self._is_closed:
            return
        try:
            jobs = self.fields.jobs()
        except Exception as error:  # one that leaves a slot would end the process
            self._report(error)
            return
        self._panel.begin()
        self._batch_messages.clear()
        self.plot.set_losses([])
        for warning in dict.fromkeys(words for job in jobs for words in job.warnings):
            show_warning(warning)
        self._batch = RunSequence(
            self._viewer,
            jobs,
            self._earlier,
            self._on_update,
            self._on_result,
            self._on_end,
            self._tasks,
        )
        self._batch.begin()

    def stop(self, *_: object) -> None:
        """End the run; the result layer keeps the best image so far."""
        if self._batch is not None:
            self._panel.set_message("Stopping.")
            self._batch.stop()

    def open_batch(self, *_: object) -> None:
        """Ask for files, to deblur them with the settings that the fields show."""
        if self._is_closed:
            return
        if self._files is None:
            self._files = FilesDialog(self.native, self.fields.settings)
        self._files.show()
        self._files.raise_()

    def show_psf(self, *_: object) -> None:
        """Show the PSF as a layer in the corner of its image."""
        self._psf_view.show_layer()

    def _on_psf(self) -> None:
        if not self._is_closed:
            self._psf_view.update()

    def _select(self, layer: Layer) -> None:
        """Follow a layer that the user selects: an image to deblur, or a result to look at."""
        self.fields.select(layer)
        self._show_result_of(layer)

    def _add(self, layer: Layer) -> None:
        """Follow a layer that was added."""
        self.fields.add(layer)
        self._show_result_of(layer)

    def _show_result_of(self, layer: Layer | None) -> None:
        """Show what there is of a result, or of the last result of an image: nothing of others."""
        if self._batch is not None or self._is_closed:
            return
        made = self._results.find_record(layer)
        if made is None:
            if layer is None or not isinstance(layer, Image) or is_own_layer(layer):
                return
            results = self._results.find_results(layer)
            layer = results[-1] if results else None
            made = self._results.find_record(layer)
        if isinstance(layer, Image) and made is not None:
            self.result_row.show_result(layer, made)
            self._panel.set_message(f"{made.settings}\n{made.verdict_text}")
        else:
            self.result_row.clear_result()
            self._panel.set_message(READY_TEXT)

    def _show_chosen_result(self, *_: object) -> None:
        """Show what there is of the image that is chosen now, for another one is gone."""
        if self._batch is None and not self._is_closed:
            self.result_row.clear_result()
            self._panel.set_message(READY_TEXT)
            self._show_result_of(self.fields.images.layer.value)

    def _earlier(self, job: Job) -> EarlierResults:
        replaced = None if self.result_row.keep.value else self._results.find_replaceable(job)
        others = self._results.find_results(job.source.layer())
        return EarlierResults(replaced, [layer for layer in others if layer is not replaced])

    def _on_update(self, update: Update, job: Job) -> None:
        self._panel.show_progress(update)
        self.plot.set_losses(update.losses)
        if update.psf is not None:
            self._psf_view.show_array(update.psf, job)

    def _on_result(self, outcome: RunOutcome, run: Run | None, job: Job) -> None:
        if self._is_closed:
            return
        if isinstance(outcome, Exception):
            self._report(outcome, job)
        elif isinstance(outcome, str) or run is None:
            self._show_message(str(outcome), job)
        else:
            self.plot.set_losses(outcome.deconvolution.loss_history)
            notes = outcome.notes if self._has_several else ()  # else beside the PSF's picture
            self._show_message(
                " ".join((describe_outcome(outcome.record), *notes)),
                job,
                run.stopwatch.describe_stages(),
            )
            self._psf_view.show_run_psf(outcome, job)
            if run.layer is not None:
                made = self._results.store(run.layer, job, outcome)
                self.result_row.show_result(run.layer, made)
            known = {*job.warnings, *outcome.notes}  # which the dock says in their place
            if run.is_stopped:  # whoever pressed Stop knows that
                known |= set(outcome.deconvolution.warnings)
            for warning in outcome.warnings:
                if warning not in known:
                    show_warning(warning)

    def _show_message(self, words: str, job: Job | None = None, tooltip: str = "") -> None:
        """Say how a run ended, of several images below what was said of the former."""
        if job is not None and self._has_several:
            self._batch_messages.append(f"{job.source.name}: {words}")
            words = "\n".join(self._batch_messages)
        self._panel.set_message(words, tooltip)

    def _on_end(self) -> None:
        self._batch = None
        if not self._is_closed:
            self._panel.end()

    def _report(self, error: Exception, job: Job | None = None) -> None:
        self._show_message(str(error), job)
        report_error(error, f"{job.source.name}: " if job and self._has_several else "")

    @property
    def _has_several(self) -> bool:
        return self._batch is not None and self._batch.count > 1

    def _on_destroyed(self, *_: object) -> None:
        self._is_closed = True
        self._tasks.clear()
        self._psf_view.end()
        self._follower.end()
        self.result_row.end()
        self.fields.unwatch()
        if self._files is not None:
            self._files.abandon()
        if self._batch is not None:
            self._batch.abandon()
            self._batch = None
