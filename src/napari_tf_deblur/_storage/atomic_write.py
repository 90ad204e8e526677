"""Replace a file only after the new one is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def write_atomically(path: str) -> Iterator[str]:
    """Write a file under a temporary name, and rename it when it is complete.

    Parameters
    ----------
    path : str
        The file. If it exists, it is replaced at the end.

    Yields
    ------
    str
        Temporary name to write to. That file is deleted if the body fails.
    """
    part = f"{path}.part"
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105 - a test replaces this function
    finally:
        with suppress(FileNotFoundError):
            Path(part).unlink()
