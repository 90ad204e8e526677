"""How far the pieces of an image are, and how long the others take."""

import time
from dataclasses import dataclass

CALIBRATION_SHARE = 0.1
"""Part of the progress bar for the samples. Set by eye."""


@dataclass
class Progress:
    """How far the pieces are, in words.

    Attributes
    ----------
    total : int
        Number of pieces.
    done : int
        Those that are done.
    """

    total: int
    done_count: int = 0

    def __post_init__(self) -> None:
        self._began, self._initial_count = time.perf_counter(), self.done_count

    def fraction(self, within: float = 0.0) -> float:
        """Part of the work that is done, that on the samples included."""
        return CALIBRATION_SHARE + (1 - CALIBRATION_SHARE) * (self.done_count + within) / self.total

    def message(self, within: float = 0.0) -> str:
        """Say how many pieces are done, and how long the others take."""
        left = self.seconds_left(within)
        words = f"piece {min(self.done_count + 1, self.total)} of {self.total}"
        return words if left is None else f"{words}, {format_duration(left)} left"

    def seconds_left(self, within: float = 0.0) -> float | None:
        """Return how long the other pieces take; None until about one is done."""
        new = self.done_count + within - self._initial_count
        if new < 0.5:
            return None
        return (time.perf_counter() - self._began) / new * (self.total - self.done_count - within)


def format_duration(seconds: float) -> str:
    """Say about how long something takes."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
