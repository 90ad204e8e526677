"""Fill the rows of the table with the result of an image, or with an error, in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from errno import ENOSPC
from typing import Any

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._files.cost import estimate_cost
from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.table import Row, Status
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.record import list_psf_notes, list_settings_in_words


def describe_file_error(error: Exception) -> str:
    """Return a sentence that says what went wrong with a file, and what the user can do."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory is exhausted: close other programs, or crop the image."
    if isinstance(error, OSError):
        if error.errno == ENOSPC:
            return "There is no room left on the disk for the result."
        name = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{name}."
    text = " ".join(str(error).split())
    return f"An unexpected error, not caused by the file: {type(error).__name__}: {text}"


def describe_shape(picture: FileImage) -> str:
    """Return the shape and dtype of an image as text."""
    data: Any = picture.layer.data[0] if picture.layer.multiscale else picture.layer.data
    return f"{' x '.join(map(str, data.shape))} {data.dtype}"


def fill_result_row(row: Row, record: Mapping[str, Any], status: Status, seconds: float) -> Row:
    """Fill the row of an image that has a result.

    Parameters
    ----------
    row : Row
        The row to fill.
    record : mapping
        The record of the result.
    status : str
        The status of the image.
    seconds : float
        Duration in seconds.
    """
    verdict = record.get("verdict") or {}
    records = [channel["record"] for channel in record.get("channels", ())] or [record]
    settings = [
        "".join(f"{setting}. " for setting in list_settings_in_words(one)).rstrip() for one in records
    ]
    notes = list(dict.fromkeys(note for one in records for note in list_psf_notes(one)))
    kinds = [str(one["record"]["verdict"]["kind"]) for one in record.get("channels", ())]
    return replace(
        row,
        status=status,
        sentence=str(verdict.get("sentence", "")),
        verdict=", ".join(kinds) or str(verdict.get("kind", "")),
        warnings=tuple(w for w in map(str, record.get("warnings") or ()) if w not in notes),
        blur="; ".join(notes),
        settings=" ".join(dict.fromkeys(settings)),
        seconds=seconds,
    )


def fill_planned_row(row: Row, jobs: Sequence[Job]) -> Row:
    """Fill the row of an image in a dry run, with estimates of time and memory."""
    costs = [estimate_cost(job) for job in jobs]
    return replace(
        row,
        status="planned",
        sentence="Would be deblurred.",
        seconds=sum(cost.seconds for cost in costs),
        gigabytes=max(cost.gigabytes for cost in costs),
        warnings=tuple(dict.fromkeys(warning for job in jobs for warning in job.warnings)),
        blur="; ".join(dict.fromkeys(map(_blur, jobs))),
    )


def _blur(job: Job) -> str:
    """Describe the blur in words, as far as it is known before a run."""
    is_known = job.psf.preview(job.source) is not None
    return job.psf.describe_width(job.source).rstrip(".") if is_known else f"blur: {job.psf.title}"
