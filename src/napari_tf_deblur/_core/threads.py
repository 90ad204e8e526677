"""How many threads this process may use: all cores, or its share beside other processes."""

_limit: int | None = None


def limit_threads(count: int) -> None:
    """Use no more threads from now on; to be called before TensorFlow is loaded.

    Parameters
    ----------
    count : int
        Threads of this process.
    """
    global _limit
    _limit = count


def thread_limit() -> int | None:
    """Return the most threads that this process may use; None for one on each core."""
    return _limit


def fft_workers() -> int:
    """Return the threads for SciPy's transforms; -1 stands for all cores."""
    return -1 if _limit is None else _limit
