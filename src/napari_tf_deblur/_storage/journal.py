"""The journal of a run: which pieces are done, so that they are not computed again."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

JOURNAL_FOLDER = ".napari-tf-deblur"
"""Within the folder of an OME-Zarr; readers of zarr do not look at it."""

RUN_FILE = "run.json"

END_FILE = "end.json"

RECENT_SECONDS = 60.0
"""Seconds before the last entry in which pieces are done again: they may be damaged where the power
failed. Guard: against files that the system had not written to the disk;
``tests/large/test_faults.py``."""


@dataclass(frozen=True)
class Journal:
    """What was done of a run, in a folder; written by all processes.

    An entry is written after its piece, under another name, and renamed: where there is one, its
    piece is whole.

    Attributes
    ----------
    folder : str
        Where it is.
    """

    folder: str

    @classmethod
    def for_image(cls, path: str | Path) -> "Journal":
        """Return the journal of an OME-Zarr."""
        return cls(str(Path(path) / JOURNAL_FOLDER))

    def begin(self, run: Mapping[str, Any]) -> None:
        """Note what the run is."""
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        self._write(RUN_FILE, run)

    def read_run(self) -> dict[str, Any] | None:
        """Return what the run is; None where there is no journal that can be read."""
        return self._read(Path(self.folder) / RUN_FILE)

    def write_entry(self, number: int, entry: Mapping[str, Any]) -> None:
        """Note that a piece is done."""
        self._write(f"{number}.json", entry)

    def read_entries(self) -> dict[int, dict[str, Any]]:
        """Return the entries of all pieces that are done, by their numbers."""
        return dict(self._entries())

    def find_recent(self) -> set[int]:
        """Return the numbers of the pieces that were done last."""
        times = {
            int(path.stem): path.stat().st_mtime
            for path in Path(self.folder).glob("*.json")
            if path.stem.isdigit()
        }
        last = max(times.values(), default=0.0)
        return {number for number, time in times.items() if time > last - RECENT_SECONDS}

    def finish(self) -> None:
        """Note that all pieces and all resolutions are done."""
        self._write(END_FILE, {})

    @property
    def is_finished(self) -> bool:
        """Whether all pieces and all resolutions were done."""
        return self._read(Path(self.folder) / END_FILE) is not None

    def reopen(self) -> None:
        """Note that there is something to be done again."""
        (Path(self.folder) / END_FILE).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Delete what killed processes left of entries that they were writing."""
        for left in Path(self.folder).glob("*.partial"):
            left.unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for path in Path(self.folder).glob("*.json"):
            entry = self._read(path) if path.stem.isdigit() else None
            if entry is not None:
                yield int(path.stem), entry

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, table: Mapping[str, Any]) -> None:
        path = Path(self.folder) / name
        part = path.with_name(f"{name}.{uuid4().hex}.partial")
        try:
            part.write_text(json.dumps(table), "utf-8")
            os.replace(part, path)  # noqa: PTH105 - which a test can watch
        finally:
            part.unlink(missing_ok=True)
