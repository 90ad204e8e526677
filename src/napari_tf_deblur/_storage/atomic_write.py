"""Files that are replaced only by whole ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def write_atomically(path: str) -> Iterator[str]:
    """Give another name to write to; the file has its own name once it is whole.

    Parameters
    ----------
    path : str
        The file; if it is there, it is replaced at the end.

    Yields
    ------
    str
        Where to write. What is there is deleted if the body fails.
    """
    part = f"{path}.part"
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105 - which a test can watch
    finally:
        with suppress(FileNotFoundError):
            Path(part).unlink()
