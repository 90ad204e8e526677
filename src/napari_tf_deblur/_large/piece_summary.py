"""Check which pieces of a run are done, and put their verdicts and warnings together."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._run.verdict import KINDS, VerdictKind
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.regions import full_region
from napari_tf_deblur._storage.zarr_image import ZarrImage

MAX_REPORTED_FAILURES = 3
"""Largest number of failed pieces that an error message describes. Set by eye."""

JournalEntries = dict[int, dict[str, Any]]
"""Entries of a journal, by the number of the piece."""


@dataclass(frozen=True)
class PieceSummary:
    """The pieces of a run that are done.

    Attributes
    ----------
    entries : dict of int to dict
        Entries of the journal, by the number of the piece.
    total : int
        Number of all pieces.
    """

    entries: JournalEntries
    total: int

    @property
    def kinds(self) -> dict[str, VerdictKind]:
        """Verdicts of the pieces, by the index of their first pixel."""
        return {format_place(entry["at"]): entry["verdict"] for entry in self.entries.values()}

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Warnings about the result as a whole."""
        warnings = []
        if len(self.entries) < self.total:
            text = (
                f"Only {len(self.entries)} of {self.total} pieces are deblurred, because the run "
                "was stopped. Start the same run again to continue."
            )
            warnings.append(Notice("stopped", text))
        smaller = sum(entry["halvings"] > 0 for entry in self.entries.values())
        if smaller:
            text = f"{smaller} pieces took too much memory and were done in smaller parts."
            warnings.append(Notice("smaller pieces", text))
        return tuple(warnings)


def format_place(start: Iterable[int]) -> str:
    """Write the index of the first pixel of a piece, such as "(0, 512)"."""
    return f"({', '.join(str(int(index)) for index in start)})"


def describe_failures(
    failures: Mapping[int, str], piece_grid: PieceGrid, done_count: int, output: str
) -> str:
    """Write the error message of a run in which some pieces failed.

    Parameters
    ----------
    failures : mapping of int to str
        The causes, by the number of the piece.
    piece_grid : PieceGrid
        All pieces.
    done_count : int
        Number of pieces that are done.
    output : str
        Folder of the result.
    """
    failed = [piece for piece in piece_grid if piece.number in failures]
    reports = " ".join(
        f"At {format_place(piece.start)}, {failures[piece.number]}"
        for piece in failed[:MAX_REPORTED_FAILURES]
    )
    more = len(failed) - MAX_REPORTED_FAILURES
    reports += f" {more} more failed, too." if more > 0 else ""
    return (
        f"{len(failed)} of {len(piece_grid)} pieces failed. {reports} {done_count} are done and "
        f"kept in {output}. Start the same run again to continue."
    )


def verify_entries(
    journal: Journal, piece_grid: PieceGrid, image: ZarrImage, stop: Event
) -> Generator[None, None, JournalEntries]:
    """Return the entries of the journal whose pieces are in the file.

    The latest pieces are read, unless the run is stopped: they may be damaged if the power failed.

    Yields
    ------
    None
        After each piece, because the check takes a while.
    """
    entries, recent = journal.read_entries(), journal.find_recent()
    verified: JournalEntries = {}
    for piece in piece_grid:
        entry = entries.get(piece.number)
        if entry is None or not _matches_piece(entry, piece):
            continue
        may_be_damaged = piece.number in recent and not stop.is_set()
        is_valid = image.is_intact if may_be_damaged else image.is_written
        if is_valid(piece.output_region):
            verified[piece.number] = entry
        yield
    return verified


def is_complete(journal: Journal, piece_grid: PieceGrid, image: ZarrImage) -> bool:
    """Whether all pieces and resolutions are done and in the file."""
    if not journal.is_finished:
        return False
    entries = journal.read_entries()
    return all(_matches_piece(entries.get(piece.number), piece) for piece in piece_grid) and all(
        image.is_written(full_region(level.shape), number)
        for number, level in enumerate(image.levels)
    )


def _matches_piece(entry: Mapping[str, Any] | None, piece: Piece) -> bool:
    """Whether an entry is valid and belongs to a piece."""
    return (
        entry is not None
        and entry.get("verdict") in KINDS
        and entry.get("at") == list(piece.start)
        and isinstance(entry.get("halvings"), int)
        and isinstance(entry.get("warnings"), list)
    )
