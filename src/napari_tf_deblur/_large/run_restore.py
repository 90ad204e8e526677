"""Continue a run that was interrupted, and refuse to write over other results."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

from napari_tf_deblur._core.errors import FileInTheWayError
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.run_state import (
    Fingerprints,
    RunState,
    fingerprint_image,
    read_samples,
)
from napari_tf_deblur._large.sample_calibration import make_region_reader
from napari_tf_deblur._storage.ome_zarr import check_free, open_image

DIFFERENCE_TEXTS = {
    "version": "another version of this program",
    "settings": "other settings",
    "PSF": "another PSF",
    "mask": "another mask",
    "image": "another image",
}
"""What may differ between two runs, by the key of `Fingerprints`."""


def refuse_existing_result(path: Path) -> None:
    """Raise an error if a folder holds a result, or anything else that is not an empty image.

    Parameters
    ----------
    path : Path
        Folder of the OME-Zarr.

    Raises
    ------
    FileInTheWayError
        If it must not be replaced.
    """
    if not check_free(path):
        return
    image = open_image(path)
    if any(image.is_written(part) for part in image.shard_regions()):
        raise FileInTheWayError(
            f"{path} already holds a result. Choose another name, or delete it first."
        )


def restore_run(
    table: Mapping[str, Any], fingerprints: Fingerprints, path: Path, image: LargeImage, stop: Event
) -> RunState:
    """Return the state of the run that was interrupted.

    Parameters
    ----------
    table : mapping
        What the journal holds of that run; see `RunState.to_dict`.
    fingerprints : dict of str to str
        Fingerprints of the present run, without that of its image.
    path : Path
        Folder of the OME-Zarr.
    image : LargeImage
        The image of the present run. Its samples are read.
    stop : threading.Event
        Ends the run.

    Raises
    ------
    FileInTheWayError
        If the folder holds the result of a different run, or the journal is damaged.
    """
    check_free(path)
    advice = "Choose another name, or delete it first."
    damaged = f"{path} holds a result of a run whose notes are damaged. {advice}"
    stored = table.get("marks")
    known: Mapping[str, str] = stored if isinstance(stored, Mapping) else {}
    changed = [name for name in fingerprints if known.get(name) != fingerprints[name]]
    if not changed:
        try:
            samples = read_samples(table, make_region_reader(image, stop))
        except (KeyError, ValueError, TypeError) as error:
            raise FileInTheWayError(damaged) from error
    if changed or fingerprint_image(image, samples)["image"] != known.get("image"):
        differences = " and ".join(DIFFERENCE_TEXTS[name] for name in changed or ["image"])
        raise FileInTheWayError(f"{path} holds a result of {differences}. {advice}")
    try:
        return RunState.from_dict(table, samples)
    except (KeyError, ValueError, TypeError) as error:
        raise FileInTheWayError(damaged) from error
