"""Record which pieces of a run are done, so that they are not computed again."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

JOURNAL_FOLDER = ".napari-tf-deblur"
"""Folder of the journal in the folder of an OME-Zarr; readers of zarr ignore it."""

RUN_FILE, END_FILE = "run.json", "end.json"
"""Files with the state of the run, and of the mark that all is done."""

RECENT_SECONDS = 60.0
"""Pieces whose entries are at most this many seconds older than the latest entry are checked: they
may be damaged if the power failed. Guard: against files that the system had not yet written to the
disk; ``tests/large/test_faults.py``."""


@dataclass(frozen=True)
class Journal:
    """The record of a run, in a folder that all processes write to.

    The entry of a piece is written after the piece, under a temporary name, and then renamed. So if
    there is an entry, its piece is complete.

    Attributes
    ----------
    folder : str
        Folder of the journal.
    """

    folder: str

    @classmethod
    def for_image(cls, path: str | Path) -> "Journal":
        """Return the journal of an OME-Zarr."""
        return cls(str(Path(path) / JOURNAL_FOLDER))

    def begin(self, run: Mapping[str, Any]) -> None:
        """Write the state of the run, as plain data, before its first piece."""
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        self._write(RUN_FILE, run)

    def read_run(self) -> dict[str, Any] | None:
        """Return the state of the run; None if there is no journal that can be read."""
        return self._read(Path(self.folder) / RUN_FILE)

    def write_entry(self, number: int, entry: Mapping[str, Any]) -> None:
        """Write the entry of a piece that is done."""
        self._write(f"{number}.json", entry)

    def read_entries(self) -> dict[int, dict[str, Any]]:
        """Return the entries of all pieces that are done, by the number of the piece."""
        return dict(self._entries())

    def find_recent(self) -> set[int]:
        """Return the numbers of the pieces that were done within the last `RECENT_SECONDS`."""
        times = {
            int(path.stem): path.stat().st_mtime
            for path in Path(self.folder).glob("*.json")
            if path.stem.isdigit()
        }
        latest = max(times.values(), default=0.0)
        return {number for number, time in times.items() if time > latest - RECENT_SECONDS}

    def finish(self) -> None:
        """Mark the run as finished: all pieces and all resolutions are done."""
        self._write(END_FILE, {})

    @property
    def is_finished(self) -> bool:
        """Whether the run is marked as finished."""
        return self._read(Path(self.folder) / END_FILE) is not None

    def reopen(self) -> None:
        """Remove the mark that the run is finished."""
        (Path(self.folder) / END_FILE).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Delete incomplete entries of processes that were killed."""
        for file in Path(self.folder).glob("*.partial"):
            file.unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for path in Path(self.folder).glob("*.json"):
            entry = self._read(path) if path.stem.isdigit() else None
            if entry is not None:
                yield int(path.stem), entry

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            table = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return table if isinstance(table, dict) else None

    def _write(self, name: str, table: Mapping[str, Any]) -> None:
        path = Path(self.folder) / name
        part = path.with_name(f"{name}.{uuid4().hex}.partial")
        try:
            part.write_text(json.dumps(table), "utf-8")
            os.replace(part, path)  # noqa: PTH105 - a test replaces this function
        finally:
            part.unlink(missing_ok=True)
