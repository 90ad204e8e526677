"""One image in OME-Zarr, written shard by shard, by many processes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur._storage import regions
from napari_tf_deblur._storage.downsampling import downsample
from napari_tf_deblur._storage.image_description import ImageDescription, assign_axis_types
from napari_tf_deblur._storage.ome_metadata import parse_metadata
from napari_tf_deblur._storage.pyramid import Level
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_to_json
from napari_tf_deblur._storage.regions import Region

FORMAT_VERSION = 1
"""Version of what the attribute holds. Definition: of the format."""


class ZarrImage:
    """One image in OME-Zarr 0.4 or 0.5, of one or more resolutions.

    Its axes are in the order of the array that it was made for, whatever the order in the file. It
    travels to other processes as its path.

    Two processes that write into one shard at the same time lose data without an error. So all that
    is written here is whole shards, and each shard must have one writer at a time. A shard is
    written under another name and renamed: it is there as a whole or not at all, however the
    process ends.

    Parameters
    ----------
    path : str or Path
        Folder of the image; of a plate or collection, the one of the field or image in it.

    Raises
    ------
    InvalidValueError
        If there is no such image.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        attributes = self._attributes()
        stored, datasets = parse_metadata(attributes, self.path)
        self._names = [data.path for data in datasets]
        self._arrays = [self._open_array(name) for name in self._names]
        own = attributes.get(METADATA_KEY)
        own = own if isinstance(own, Mapping) and own.get("format") == FORMAT_VERSION else {}
        ndim = stored.ndim
        order = own.get("order", range(ndim))
        self._order = tuple(order) if sorted(order) == list(range(ndim)) else tuple(range(ndim))
        self._inverse = tuple(int(k) for k in np.argsort(self._order))
        if any(array.ndim != ndim for array in self._arrays):
            raise InvalidValueError(
                f"{self.path} is no valid image of OME-Zarr: its arrays have other axes than named."
            )
        self.is_own_image = bool(own)
        self.description = ImageDescription(
            stored.name,
            self._to_caller_order(stored.axes),
            stored.channels,
            bool(own.get("rgb", False)),
            dict(own.get("layer", {})),
        )
        self.levels = tuple(
            self._make_level(array, data.factors) for array, data in zip(self._arrays, datasets)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path,))

    def __repr__(self) -> str:
        return f"ZarrImage({self.path!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels per axis, colours included, at full resolution."""
        return self.levels[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its pixels."""
        dtype: np.dtype[Any] = self._arrays[0].dtype
        return dtype

    @property
    def shard(self) -> tuple[int, ...]:
        """Number of pixels per axis of what is written at once, at full resolution."""
        return self.levels[0].shard

    def shard_regions(self, level: int = 0) -> list[Region]:
        """Return the region of each shard of a level, in rising order."""
        made = self.levels[level]
        return list(regions.iterate_shards(regions.full_region(made.shape), made))

    def finer_region(self, level: int, region: Sequence[slice]) -> Region:
        """Return the region of the level below from which a region of a level is computed."""
        here = self._normalize_region(level, region)
        return regions.to_finer_level(here, self.levels[level], self.levels[level - 1])

    def coarser_shard_regions(self, level: int, region: Sequence[slice]) -> list[Region]:
        """Return the parts of the next coarser level that are computed from some of a region."""
        if level + 1 >= len(self.levels):
            return []
        coarser_level, finer = self.levels[level + 1], self.levels[level]
        here = regions.to_coarser_level(self._normalize_region(level, region), coarser_level, finer)
        return list(regions.iterate_shards(here, coarser_level))

    def read(self, region: Sequence[slice], level: int = 0) -> NDArray[Any]:
        """Read a region; what is not written yet is NaN, or 0 of integers.

        Parameters
        ----------
        region : sequence of slice
            One per axis, in steps of one.
        level : int
            Which resolution; 0 is the full one.

        Returns
        -------
        ndarray
            The pixels.

        Raises
        ------
        ValueError
            If a part of the file is damaged: each chunk that was written here has a checksum.
        """
        stored = self._to_file_order(self._normalize_region(level, region))
        return np.asarray(self._arrays[level][stored]).transpose(self._inverse)

    def write(self, region: Sequence[slice], values: NDArray[Any]) -> None:
        """Write whole shards of the full resolution.

        Parameters
        ----------
        region : sequence of slice
            One per axis. It begins where a shard begins, and ends where one or the image ends.
        values : ndarray
            The pixels, of the region's shape.

        Raises
        ------
        ValueError
            If the region is not made of whole shards, or the values have another shape.
        TypeError
            If they would be cut off in the image's type.
        FileInTheWayError
            If the image was not made by this package.
        OSError
            If the disk is full, for example. Each shard is whole or absent then.
        """
        self._write(0, self._normalize_region(0, region), values)

    def build_level_part(self, level: int, region: Sequence[slice]) -> None:
        """Compute a part of a coarser level from the level below, and write it.

        A pixel is the mean of the finite ones of two along each axis that is halved. Neither time
        points nor channels are mixed. Besides a shard of the result, a few chunks are in memory.

        Parameters
        ----------
        level : int
            Which level, from 1 on. What is not written yet in the one below, in `finer_region`, is
            NaN here, too; the part may be built again later.
        region : sequence of slice
            Whole shards, as in `shard_regions`.
        """
        here = self._normalize_region(level, region)
        made, finer = self.levels[level], self.levels[level - 1]
        regions.require_whole_shards(here, made)
        factors = tuple(f // g for f, g in zip(made.factors, finer.factors))
        for shard in regions.iterate_blocks(here, made.shard):
            values = np.empty(regions.region_shape(shard), self.dtype)
            for block in regions.iterate_blocks(shard, made.chunk):
                pixels = self.read(regions.to_finer_level(block, made, finer), level - 1)
                values[regions.relative_region(block, shard)] = downsample(pixels, factors)
            self._write(level, shard, values)

    def build_all_levels(self) -> None:
        """Compute all coarser levels, in this process."""
        for level in range(1, len(self.levels)):
            for part in self.shard_regions(level):
                self.build_level_part(level, part)

    def is_written(self, region: Sequence[slice], level: int = 0) -> bool:
        """Whether all shards of a region have been written, even if there is nothing in them."""
        files = self._shard_files(level, self._normalize_region(level, region))
        return all(file.is_file() and file.stat().st_size for file in files)

    def is_intact(self, region: Sequence[slice], level: int = 0) -> bool:
        """Whether all shards of a region have been written and have kept their checksums.

        They are read, one after the other. What was written just before the power failed may be
        damaged; what was written before the process ended is not.
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
        """Delete what killed writers left of unfinished shards; nobody may be writing.

        Returns
        -------
        int
            How many files.
        """
        left = [path for name in self._names for path in Path(self.path, name).rglob("*.partial")]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def dask_levels(self) -> list[Any]:
        """Return the resolutions as lazy dask arrays, for a multiscale layer.

        Their names are new each time, so that nothing that was cached of a file that fills in is
        taken for what it holds now.
        """
        import dask.array as da

        found = []
        for array in self._arrays:
            lazy = da.from_array(array, chunks=array.chunks, name=False, inline_array=True)
            found.append(lazy.transpose(self._inverse))
        return found

    def set_record(self, record: Mapping[str, Any] | None) -> None:
        """Keep the record of a run, as JSON, in the group's attributes; one process at a time.

        Parameters
        ----------
        record : mapping or None
            As a layer has it in its metadata. Large arrays and what JSON does not have are left
            out. None removes it.
        """
        import json

        self._set_attribute(
            "record", None if record is None else json.loads(record_to_json(record))[METADATA_KEY]
        )

    def set_verdicts(self, verdicts: Mapping[str, str]) -> None:
        """Keep the verdict of each piece, by where it begins, in the group's attributes.

        Parameters
        ----------
        verdicts : mapping of str to str
            For example ``{"(0, 512)": "fits"}``.
        """
        self._set_attribute("verdicts", dict(verdicts))

    def read_verdicts(self) -> dict[str, str]:
        """Return the verdict of each piece as it is in the file now; empty if there are none."""
        own = self._attributes().get(METADATA_KEY)
        found = own.get("verdicts") if isinstance(own, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

    def _set_attribute(self, name: str, value: Any) -> None:
        """Change one of our own attributes; None removes it."""
        self._require_own_image()
        own = {k: v for k, v in dict(self._attributes().get(METADATA_KEY, {})).items() if k != name}
        if value is not None:
            own |= {name: value}
        open_zarr_group(self.path, "r+").attrs.update({METADATA_KEY: own})

    def read_record(self) -> dict[str, Any] | None:
        """Return the record as it is in the file now, None if there is none.

        It comes out of a file: `record_file.from_json` says whether it can be believed.
        """
        own = self._attributes().get(METADATA_KEY)
        found = own.get("record") if isinstance(own, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else None

    def _require_own_image(self) -> None:
        if not self.is_own_image:
            raise FileInTheWayError(
                f"{self.path} was not written by this program; it stays as it is."
            )

    def _attributes(self) -> dict[str, Any]:
        return dict(open_zarr_group(self.path).attrs)

    def _open_array(self, name: str, mode: Literal["r", "r+"] = "r") -> Any:
        import zarr

        try:
            found = open_zarr_group(self.path, mode).get(name)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidValueError(f"{self.path}/{name} cannot be read: {error}.") from error
        if not isinstance(found, zarr.Array):
            raise InvalidValueError(
                f"{self.path} is no whole image of OME-Zarr: its array '{name}' is missing."
            )
        # A shard of nothing but the fill value is a file, too: what has no file is not written.
        return found.with_config({"write_empty_chunks": True})

    def _shard_files(self, level: int, region: Region) -> list[Path]:
        """Return the file of each shard that a region touches."""
        folder, array = Path(self.path, self._names[level]), self._arrays[level]
        return [
            folder / array.metadata.encode_chunk_key(self._to_file_order(place))
            for place in regions.iterate_shard_indices(region, self.levels[level])
        ]

    def _make_level(self, array: Any, factors: tuple[int, ...]) -> Level:
        parts = (array.shape, array.chunks, array.shards or array.chunks, factors)
        return Level(*(self._to_caller_order(sizes) for sizes in parts))

    def _to_caller_order(self, stored: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(stored[k] for k in self._inverse)

    def _to_file_order(self, given: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(given[k] for k in self._order)

    def _normalize_region(self, level: int, region: Sequence[slice]) -> Region:
        return regions.normalize_region(region, self.levels[level].shape)

    def _write(self, level: int, region: Region, values: NDArray[Any]) -> None:
        self._require_own_image()
        regions.require_whole_shards(region, self.levels[level])
        shape = regions.region_shape(region)
        if values.shape != shape:
            raise ValueError(f"The values have the shape {values.shape}, the region {shape}.")
        if not np.can_cast(values.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{values.dtype} does not fit into an image of {self.dtype}.")
        for file in self._shard_files(level, region):
            file.unlink(missing_ok=True)  # zarr would read a damaged one before it replaces it
        array = self._open_array(self._names[level], "r+")
        array[self._to_file_order(region)] = values.transpose(self._order)


def to_stored_description(description: ImageDescription) -> ImageDescription:
    """Return a description with the types and units of axes that OME-Zarr asks for."""
    from dataclasses import replace

    from napari_tf_deblur._storage.ome_units import to_ome_axis

    axes = tuple(to_ome_axis(axis) for axis in assign_axis_types(description.axes))
    return replace(description, axes=axes)


def open_zarr_group(path: str, mode: Literal["r", "r+"] = "r") -> Any:
    """Open a group of zarr, and say it in a sentence if there is none or it is damaged."""
    import zarr

    try:
        return zarr.open_group(path if "://" in path else Path(path), mode=mode)
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path} is no OME-Zarr: it has no group of zarr.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidValueError(f"{path} is no OME-Zarr that can be read: {error}.") from error
