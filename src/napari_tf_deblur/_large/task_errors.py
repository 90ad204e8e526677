"""Classify and describe errors of tasks: a killed worker, too little memory, a full disk."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_tf_deblur._core.errors import PiecesFailedError

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Error numbers of a full disk, of a user's quota, and of the largest size of a file."""


def is_killed_worker(error: BaseException | None) -> bool:
    """Whether workers ended while they held a task, possibly because of another task."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker)


def is_memory_error(error: BaseException | None) -> bool:
    """Whether a task took too much memory: it raised a MemoryError, or its worker was killed."""
    return is_killed_worker(error) or isinstance(error, MemoryError)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a disk, or the user's quota, is full."""
    return isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS


def describe_task_error(error: BaseException | None) -> str:
    """Return the cause of an error as the second half of a sentence; None for a cancelled task."""
    if is_killed_worker(error):
        return (
            "its worker ended several times, as happens when memory runs out; allow more memory, "
            "or close other programs."
        )
    if isinstance(error, MemoryError) and not str(error):
        return "there is not enough memory; allow more, or close other programs."
    if is_disk_full(error):
        return "the disk is full."
    text = "it was cancelled" if error is None else str(error).rstrip(".")
    return f"{text or type(error).__name__}."


@contextmanager
def report_full_disk(path: str | Path) -> Iterator[None]:
    """Turn the error of a full disk into a sentence for the user.

    Parameters
    ----------
    path : str or Path
        The folder that is written, for the message.

    Raises
    ------
    PiecesFailedError
        If the body fails because the disk is full.
    """
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise PiecesFailedError(
            f"The disk is full, and {path} cannot be written. Free some space, then start the same "
            "run again; it continues from here."
        ) from error
