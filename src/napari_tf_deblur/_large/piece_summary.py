"""What is done of a run: the journal's entries that hold, and what they say together."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._run.verdict import KINDS, VerdictKind
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.regions import full_region
from napari_tf_deblur._storage.zarr_image import ZarrImage

JournalEntries = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class PieceSummary:
    """What the pieces that are done say.

    Attributes
    ----------
    entries : dict of int to dict
        Of the journal, by the pieces' numbers.
    total : int
        How many pieces there are.
    """

    entries: JournalEntries
    total: int

    @property
    def kinds(self) -> dict[str, VerdictKind]:
        """Verdicts of pieces, by where they begin."""
        return {format_place(entry["at"]): entry["verdict"] for entry in self.entries.values()}

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What is to be known of the result as a whole."""
        found = []
        if len(self.entries) < self.total:
            words = (
                f"Only {len(self.entries)} of {self.total} pieces are deblurred, for the run was "
                "stopped: ask for the same again to go on."
            )
            found.append(Notice("stopped", words))
        smaller = sum(entry["halvings"] > 0 for entry in self.entries.values())
        if smaller:
            words = f"{smaller} pieces took too much memory and were done in smaller parts."
            found.append(Notice("smaller pieces", words))
        return tuple(found)


def format_place(starts: Any) -> str:
    """Say where a piece begins."""
    return f"({', '.join(str(int(start)) for start in starts)})"


def verify_entries(
    journal: Journal, cut: PieceGrid, image: ZarrImage, stop: Event
) -> Generator[None, None, JournalEntries]:
    """Return the journal's entries of pieces that are in the file, too.

    What was done last is read, unless the run is stopped: it may be damaged if the power failed.

    Yields
    ------
    None
        Now and then, for it takes a while.
    """
    entries, recent = journal.read_entries(), journal.find_recent()
    found: JournalEntries = {}
    for piece in cut:
        entry = entries.get(piece.number)
        if entry is None or not _matches_piece(entry, piece):
            continue
        may_be_damaged = piece.number in recent and not stop.is_set()
        holds = image.is_intact if may_be_damaged else image.is_written
        if holds(piece.output_region):
            found[piece.number] = entry
        yield
    return found


def is_complete(journal: Journal, cut: PieceGrid, image: ZarrImage) -> bool:
    """Whether all pieces and resolutions are done and in the file."""
    if not journal.is_finished:
        return False
    entries = journal.read_entries()
    return all(_matches_piece(entries.get(piece.number), piece) for piece in cut) and all(
        image.is_written(full_region(level.shape), number)
        for number, level in enumerate(image.levels)
    )


def _matches_piece(entry: Mapping[str, Any] | None, piece: Piece) -> bool:
    """Whether an entry is one of this piece, and not damaged."""
    return (
        entry is not None
        and entry.get("verdict") in KINDS
        and entry.get("at") == [part.start for part in piece.output_region]
        and isinstance(entry.get("halvings"), int)
        and isinstance(entry.get("warnings"), list)
    )
