"""Limit the number of threads of this process, if it shares the cores with other processes."""

_limit: int | None = None


def limit_threads(count: int) -> None:
    """Set the largest number of threads; call this before TensorFlow is loaded.

    Parameters
    ----------
    count : int
        Number of threads.
    """
    global _limit
    _limit = count


def thread_limit() -> int | None:
    """Return the largest number of threads of this process; None for one per core."""
    return _limit


def fft_workers() -> int:
    """Return the number of threads for SciPy's FFTs; -1 stands for all cores."""
    return -1 if _limit is None else _limit
