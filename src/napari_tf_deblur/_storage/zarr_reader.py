"""Read one image in OME-Zarr: its description, its levels and its pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._storage import regions
from napari_tf_deblur._storage.image_description import ImageDescription
from napari_tf_deblur._storage.ome_metadata import parse_metadata
from napari_tf_deblur._storage.pyramid import Level
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur._storage.zarr_attributes import (
    open_zarr_group,
    own_attributes,
    read_attributes,
)


class ZarrReader:
    """One image in OME-Zarr 0.4 or 0.5, with one or more resolutions.

    The axes are in the order of the array that was written, whatever their order in the file.
    Pickled, the image is only its path.

    Parameters
    ----------
    path : str or Path
        Folder of the image. Of a plate or collection, it is the folder of one field or image.

    Attributes
    ----------
    path : str
        The folder.
    description : ImageDescription
        Name, axes and channels.
    levels : tuple of Level
        The resolutions, full resolution first.
    is_own_image : bool
        Whether this package wrote the image.

    Raises
    ------
    InvalidValueError
        If there is no such image.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        attributes = read_attributes(self.path)
        stored, datasets = parse_metadata(attributes, self.path)
        self._names = [dataset.path for dataset in datasets]
        self._arrays = [self._open_array(name) for name in self._names]
        own = own_attributes(attributes)
        ndim = stored.ndim
        order = own.get("order", range(ndim))
        self._order = tuple(order) if sorted(order) == list(range(ndim)) else tuple(range(ndim))
        self._inverse = tuple(int(k) for k in np.argsort(self._order))
        if any(array.ndim != ndim for array in self._arrays):
            raise InvalidValueError(
                f"{self.path} is no valid image of OME-Zarr: the axes of its arrays do not match "
                "the metadata."
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
            self._make_level(array, dataset.factors)
            for array, dataset in zip(self._arrays, datasets)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels per axis, colours included, at full resolution."""
        return self.levels[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        dtype: np.dtype[Any] = self._arrays[0].dtype
        return dtype

    @property
    def shard(self) -> tuple[int, ...]:
        """Number of pixels per axis of a shard, which is written at once, at full resolution."""
        return self.levels[0].shard

    def shard_regions(self, level: int = 0) -> list[Region]:
        """Return the regions of all shards of a level, in rising order."""
        grid = self.levels[level]
        return list(regions.iterate_shards(regions.full_region(grid.shape), grid))

    def finer_region(self, level: int, region: Sequence[slice]) -> Region:
        """Return the region of the next finer level from which a region of a level is computed."""
        here = self._normalize_region(level, region)
        return regions.to_finer_level(here, self.levels[level], self.levels[level - 1])

    def coarser_shard_regions(self, level: int, region: Sequence[slice]) -> list[Region]:
        """Return the shards of the next coarser level that a region of a level contributes to."""
        if level + 1 >= len(self.levels):
            return []
        coarser_level, finer = self.levels[level + 1], self.levels[level]
        here = regions.to_coarser_level(self._normalize_region(level, region), coarser_level, finer)
        return list(regions.iterate_shards(here, coarser_level))

    def read(self, region: Sequence[slice], level: int = 0) -> NDArray[Any]:
        """Read a region. Pixels that are not written yet are NaN, or 0 if they are integers.

        Parameters
        ----------
        region : sequence of slice
            One slice per axis, with steps of one.
        level : int
            The resolution; 0 is the full one.

        Returns
        -------
        ndarray
            The pixels.

        Raises
        ------
        ValueError
            If a part of the file is damaged. Each chunk that this package wrote has a checksum.
        """
        stored = self._to_file_order(self._normalize_region(level, region))
        return np.asarray(self._arrays[level][stored]).transpose(self._inverse)

    def dask_levels(self) -> list[Any]:
        """Return the resolutions as lazy dask arrays, for a multiscale layer.

        The arrays have new names at each call. So values that were cached while the file was
        incomplete are not used later.
        """
        import dask.array as da

        levels = []
        for array in self._arrays:
            lazy = da.from_array(array, chunks=array.chunks, name=False, inline_array=True)
            levels.append(lazy.transpose(self._inverse))
        return levels

    def _open_array(self, name: str, mode: Literal["r", "r+"] = "r") -> Any:
        import zarr

        try:
            array = open_zarr_group(self.path, mode).get(name)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidValueError(f"{self.path}/{name} cannot be read: {error}.") from error
        if not isinstance(array, zarr.Array):
            raise InvalidValueError(
                f"{self.path} is no complete image of OME-Zarr: its array '{name}' is missing."
            )
        # A shard of fill values is written as a file, too: a missing file means "not written".
        return array.with_config({"write_empty_chunks": True})

    def _make_level(self, array: Any, factors: tuple[int, ...]) -> Level:
        parts = (array.shape, array.chunks, array.shards or array.chunks, factors)
        return Level(*(self._to_caller_order(sizes) for sizes in parts))

    def _to_caller_order(self, stored: Sequence[Any]) -> tuple[Any, ...]:
        """Bring one value per axis from the order of the file into that of the caller."""
        return tuple(stored[k] for k in self._inverse)

    def _to_file_order(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Bring one value per axis from the order of the caller into that of the file."""
        return tuple(values[k] for k in self._order)

    def _normalize_region(self, level: int, region: Sequence[slice]) -> Region:
        return regions.normalize_region(region, self.levels[level].shape)
