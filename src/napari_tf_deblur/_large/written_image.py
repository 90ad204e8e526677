"""Show the image of a run that writes its pieces into a file."""

import secrets
from functools import lru_cache
from typing import Any

from napari_tf_deblur._core.steps import ImageSource
from napari_tf_deblur._storage.ome_zarr import open_image


class WrittenImage(ImageSource):
    """The result that is in a file so far. Pickled, it is only the path of the file.

    Parameters
    ----------
    path : str
        Folder of the OME-Zarr.
    version : str, optional
        Name of its present state. While it is the same, the arrays are the same.
    """

    is_portable = True

    def __init__(self, path: str, version: str = "") -> None:
        self._path, self._version = path, version or secrets.token_hex(8)

    def current_image(self) -> list[Any]:
        """Return all resolutions, as lazy arrays."""
        return _open_levels(self._path, self._version)

    def __reduce__(self) -> Any:
        """Pickle as the path of the file."""
        return WrittenImage, (self._path, self._version)


class GrowingImage(WrittenImage):
    """A written image that returns the same arrays until `mark_changed` is called."""

    def mark_changed(self) -> None:
        """Make new arrays at the next call of `current_image`."""
        self._version = secrets.token_hex(8)


@lru_cache(maxsize=4)
def _open_levels(path: str, _version: str) -> list[Any]:
    return open_image(path).dask_levels()
