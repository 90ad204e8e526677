"""Measure the progress of a run in pieces, and estimate the remaining time."""

import time
from dataclasses import dataclass

from napari_tf_deblur._core.durations import format_duration

CALIBRATION_SHARE = 0.1
"""Part of the progress bar for the samples. Set by eye."""


@dataclass
class Progress:
    """Progress of the pieces.

    Attributes
    ----------
    total : int
        Number of pieces.
    done_count : int
        Number of pieces that are done.
    """

    total: int
    done_count: int = 0

    def __post_init__(self) -> None:
        self._start_time, self._initial_count = time.perf_counter(), self.done_count

    def fraction(self, within: float = 0.0) -> float:
        """Return the part of the work that is done, samples included.

        Parameters
        ----------
        within : float, optional
            Part of the present piece that is done, 0 to 1.
        """
        return CALIBRATION_SHARE + (1 - CALIBRATION_SHARE) * (self.done_count + within) / self.total

    def message(self, within: float = 0.0) -> str:
        """Return the number of the present piece, and the remaining time if it is known."""
        remaining = self.seconds_left(within)
        text = f"piece {min(self.done_count + 1, self.total)} of {self.total}"
        return text if remaining is None else f"{text}, {format_duration(remaining)} left"

    def seconds_left(self, within: float = 0.0) -> float | None:
        """Estimate the remaining time in seconds; None until half a piece is done."""
        new = self.done_count + within - self._initial_count
        if new < 0.5:
            return None
        elapsed = time.perf_counter() - self._start_time
        return elapsed / new * (self.total - self.done_count - within)
