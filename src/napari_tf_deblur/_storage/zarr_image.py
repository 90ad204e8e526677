"""Write one image in OME-Zarr, shard by shard, by many processes, and check what is written."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import FileInTheWayError
from napari_tf_deblur._storage import regions
from napari_tf_deblur._storage.downsampling import downsample
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_to_json
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur._storage.zarr_attributes import read_own_table, write_own_table
from napari_tf_deblur._storage.zarr_reader import ZarrReader


class ZarrImage(ZarrReader):
    """One image in OME-Zarr that can be written, if this package made it.

    If two processes write to one shard at the same time, data are lost without an error. So this
    class writes whole shards only, and each shard must have one writer at a time. A shard is
    written under a temporary name and renamed: it is complete or absent, however the process ends.

    Parameters
    ----------
    path : str or Path
        Folder of the image; see `ZarrReader`.
    """

    def write(self, region: Sequence[slice], values: NDArray[Any]) -> None:
        """Write whole shards of the full resolution.

        Parameters
        ----------
        region : sequence of slice
            One slice per axis. The region starts where a shard starts, and ends where a shard or
            the image ends.
        values : ndarray
            The pixels, of the shape of the region.

        Raises
        ------
        ValueError
            If the region does not consist of whole shards, or the values have another shape.
        TypeError
            If the values do not fit into the dtype of the image.
        FileInTheWayError
            If this package did not make the image.
        OSError
            If the disk is full, for example. Each shard is then complete or absent.
        """
        self._write(0, self._normalize_region(0, region), values)

    def build_level_part(self, level: int, region: Sequence[slice]) -> None:
        """Compute a part of a coarser level from the next finer level, and write it.

        A pixel is the mean of the finite pixels among two along each axis that is halved. Time
        points and channels are not mixed. A shard of the result and a few chunks are in memory.

        Parameters
        ----------
        level : int
            The level, from 1 on. Pixels that are not written yet in the next finer level, in
            `finer_region`, are NaN here, too. The part can be built again later.
        region : sequence of slice
            Whole shards, as in `shard_regions`.
        """
        here = self._normalize_region(level, region)
        coarser, finer = self.levels[level], self.levels[level - 1]
        regions.require_whole_shards(here, coarser)
        factors = tuple(f // g for f, g in zip(coarser.factors, finer.factors))
        for shard in regions.iterate_blocks(here, coarser.shard):
            values = np.empty(regions.region_shape(shard), self.dtype)
            for block in regions.iterate_blocks(shard, coarser.chunk):
                pixels = self.read(regions.to_finer_level(block, coarser, finer), level - 1)
                values[regions.relative_region(block, shard)] = downsample(pixels, factors)
            self._write(level, shard, values)

    def build_levels(self, changed: Sequence[Region] | None = None) -> None:
        """Compute the coarser levels of some regions. Only one process may do so at a time.

        Parameters
        ----------
        changed : sequence of tuple of slice, optional
            Regions of the full resolution; by default, the whole image.
        """
        finer = [regions.full_region(self.shape)] if changed is None else list(changed)
        for level in range(1, len(self.levels)):
            parts: dict[str, Region] = {}
            for region in finer:
                found = self.coarser_shard_regions(level - 1, region)
                parts |= {repr(part): part for part in found}
            finer = list(parts.values())
            for part in finer:
                self.build_level_part(level, part)

    def is_written(self, region: Sequence[slice], level: int = 0) -> bool:
        """Whether all shards of a region have been written, even if they hold fill values only."""
        files = self._shard_files(level, self._normalize_region(level, region))
        return all(file.is_file() and file.stat().st_size for file in files)

    def is_intact(self, region: Sequence[slice], level: int = 0) -> bool:
        """Whether all shards of a region have been written and their checksums are right.

        The shards are read, one after the other. Shards that were written just before the power
        failed may be damaged; shards that were written before the process ended are not.
        """
        here = self._normalize_region(level, region)
        if not self.is_written(here, level):
            return False
        try:
            for shard in regions.iterate_shards(here, self.levels[level]):
                self.read(shard, level)
        except ValueError:
            return False
        return True

    def remove_leftovers(self) -> int:
        """Delete incomplete shards of killed writers. No process may be writing.

        Returns
        -------
        int
            Number of files that were deleted.
        """
        files = [file for name in self._names for file in Path(self.path, name).rglob("*.partial")]
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def set_record(self, record: Mapping[str, Any] | None) -> None:
        """Write the record of a run to the attributes. Only one process may do so at a time.

        Parameters
        ----------
        record : mapping or None
            Record as in the metadata of a layer. Large arrays and values that JSON does not have
            are left out. None removes the record.
        """
        self._require_own_image()
        table = None if record is None else json.loads(record_to_json(record))[METADATA_KEY]
        write_own_table(self.path, "record", table)

    def read_record(self) -> dict[str, Any] | None:
        """Return the record that is in the file now; None if there is none.

        The file may come from anywhere. `record_from_json` checks whether it is a valid record.
        """
        return read_own_table(self.path, "record") or None

    def set_verdicts(self, verdicts: Mapping[str, str]) -> None:
        """Write the verdicts of all pieces to the attributes.

        Parameters
        ----------
        verdicts : mapping of str to str
            Kind of the verdict by the first pixel of a piece, for example ``{"(0, 512)": "fits"}``.
        """
        self._require_own_image()
        write_own_table(self.path, "verdicts", verdicts)

    def read_verdicts(self) -> dict[str, str]:
        """Return the verdicts of all pieces that are in the file now; empty if there are none."""
        return read_own_table(self.path, "verdicts")

    def _require_own_image(self) -> None:
        if not self.is_own_image:
            raise FileInTheWayError(
                f"{self.path} was not written by this program, and is not changed."
            )

    def _shard_files(self, level: int, region: Region) -> list[Path]:
        """Return the file of each shard that a region touches."""
        folder, array = Path(self.path, self._names[level]), self._arrays[level]
        return [
            folder / array.metadata.encode_chunk_key(self._to_file_order(index))
            for index in regions.iterate_shard_indices(region, self.levels[level])
        ]

    def _write(self, level: int, region: Region, values: NDArray[Any]) -> None:
        self._require_own_image()
        regions.require_whole_shards(region, self.levels[level])
        shape = regions.region_shape(region)
        if values.shape != shape:
            raise ValueError(f"The values have the shape {values.shape}, the region {shape}.")
        if not np.can_cast(values.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{values.dtype} does not fit into an image of {self.dtype}.")
        for file in self._shard_files(level, region):
            file.unlink(missing_ok=True)  # zarr reads an old shard before it replaces it
        array = self._open_array(self._names[level], "r+")
        array[self._to_file_order(region)] = values.transpose(self._order)
