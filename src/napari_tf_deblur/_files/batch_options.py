"""Options and steps of a batch."""

from dataclasses import dataclass
from pathlib import Path

from napari_tf_deblur._files.saving import (
    FormatName,
)
from napari_tf_deblur._files.table import (
    Row,
)


@dataclass(frozen=True)
class BatchStep:
    """Where a batch stands.

    Attributes
    ----------
    number, count : int
        Which file it is, from 1, and of how many.
    file : Path
        The file.
    message : str
        What is going on.
    fraction : float
        Part of all the work that is done, 0 to 1.
    seconds_left : float or None
        How long the rest takes, once that can be told.
    row : Row or None
        What came of an image, once that is known.
    """

    number: int
    count: int
    file: Path
    message: str
    fraction: float
    seconds_left: float | None = None
    row: Row | None = None


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is done, besides the settings of each run.

    Attributes
    ----------
    resume : bool
        Whether a result that is there already is left as it is, if it was made of the same file
        with the same settings by the same version.
    dry_run : bool
        Whether it is only said what would be done.
    max_projection : bool
        Whether the maximum of each volume along z is saved, too.
    file_format : {"ome-tiff"}
        In which format results are saved.
    reader : str, optional
        Name of the napari plugin that reads the files; by default the first that can.
    """

    resume: bool = False
    dry_run: bool = False
    max_projection: bool = False
    file_format: FormatName = "ome-tiff"
    reader: str | None = None
