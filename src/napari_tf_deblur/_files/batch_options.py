"""The options of a batch, and the steps that it yields."""

from dataclasses import dataclass
from pathlib import Path

from napari_tf_deblur._files.saving import FormatName
from napari_tf_deblur._files.table import Row


@dataclass(frozen=True)
class BatchStep:
    """The progress of a batch.

    Attributes
    ----------
    number, count : int
        Number of the file, from 1, and number of all files.
    file : Path
        The file.
    message : str
        What is done now.
    fraction : float
        Part of the work that is done, 0 to 1.
    seconds_left : float or None
        Estimate of the remaining time in seconds; None as long as there is none.
    row : Row or None
        The row of an image that is finished; else None.
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
    """Options of a batch, besides the settings of each run.

    Attributes
    ----------
    resume : bool
        Whether existing results are kept that were made from the same file with the same settings
        by the same version.
    dry_run : bool
        Whether the batch only lists what would be done.
    max_projection : bool
        Whether the maximum of each volume along z is saved, too.
    file_format : {"ome-tiff", "ome-zarr"}
        Format of the results.
    reader : str, optional
        Name of the napari plugin that reads the files; by default the first one that can.
    """

    resume: bool = False
    dry_run: bool = False
    max_projection: bool = False
    file_format: FormatName = "ome-tiff"
    reader: str | None = None
