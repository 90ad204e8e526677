"""Keep the pieces of a large image in a hidden folder until its result is complete."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari.layers import Image

from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import is_large
from napari_tf_deblur._storage.ome_zarr import ZARR_SUFFIX, open_image
from napari_tf_deblur._storage.record_file import METADATA_KEY


class PartialResult:
    """A hidden folder beside a result, with an OME-Zarr for each channel.

    A run with the same file and settings continues there. Pieces of other runs are deleted.

    Parameters
    ----------
    place : Path
        Path of the result, without a suffix.
    stamp : mapping
        From what the result is made, see `make_stamp`.
    """

    def __init__(self, place: Path, stamp: Mapping[str, Any]) -> None:
        self.folder = place.with_name(f".{place.name}.unfinished")
        text = json.dumps(stamp, sort_keys=True)
        self._fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]

    def assign_outputs(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs; if one is done in pieces, all get an output in the folder."""
        if not any(map(is_large, jobs)):
            return list(jobs)
        for other in self.folder.glob("*"):
            if not other.name.startswith(self._fingerprint):
                shutil.rmtree(other, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        return [replace(job, output=self._path(str(number))) for number, job in enumerate(jobs)]

    def assemble(self, layer: Image, jobs: Sequence[Job]) -> Path:
        """Write the record of the result; merge several channels into one OME-Zarr.

        Parameters
        ----------
        layer : napari.layers.Image
            The result, lazy.
        jobs : sequence of Job
            The jobs of the channels, which are finished.

        Returns
        -------
        Path
            The OME-Zarr of the whole result.
        """
        path = self._path("0")
        if len(jobs) > 1:
            from napari_tf_deblur._layers.zarr_writer import write_ome_zarr

            path = self._path("whole")
            shutil.rmtree(path, ignore_errors=True)
            data, attributes, _ = layer.as_layer_data_tuple()
            write_ome_zarr(str(path), data, attributes)
        open_image(path).set_record(layer.metadata[METADATA_KEY])
        return path

    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{self._fingerprint} {name}{ZARR_SUFFIX}"
