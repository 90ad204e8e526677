"""Shows how runs ended: one text, or a line for each of several images."""

from napari_tf_deblur._dock.panel import Panel
from napari_tf_deblur._dock.reporting import report_error
from napari_tf_deblur._layers.job import Job


class RunMessages:
    """The status text of runs.

    Parameters
    ----------
    panel : Panel
        The panel that shows the text.

    Attributes
    ----------
    has_several : bool
        Whether several images are deblurred one after another.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._lines: list[str] = []
        self.has_several = False

    def begin(self, count: int) -> None:
        """Start with the first of some runs."""
        self._lines.clear()
        self.has_several = count > 1

    def end(self) -> None:
        """Note that the last run has ended; its texts stay."""
        self.has_several = False

    def show(self, text: str, job: Job | None = None, tooltip: str = "") -> None:
        """Show how a run ended; of several images, below the texts of the earlier ones."""
        if job is not None and self.has_several:
            self._lines.append(f"{job.source.name}: {text}")
            text = "\n".join(self._lines)
        self._panel.set_message(text, tooltip)

    def report(self, error: Exception, job: Job | None = None) -> None:
        """Show an error, and notify the user."""
        self.show(str(error), job)
        report_error(error, f"{job.source.name}: " if job and self.has_several else "")
