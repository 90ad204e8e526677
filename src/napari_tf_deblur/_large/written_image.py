"""The image of a run whose pieces are written into a file."""

from typing import Any

from napari_tf_deblur._core.steps import ImageSource
from napari_tf_deblur._storage.ome_zarr import open_image


class WrittenImage(ImageSource):
    """What is written of a result so far; pickled, it is the place of its file.

    Parameters
    ----------
    path : str
        Folder of the OME-Zarr.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def current_image(self) -> list[Any]:
        """Return all resolutions, as lazy arrays."""
        return open_image(self._path).dask_levels()

    def __reduce__(self) -> Any:
        """Pickle as the place of the file."""
        return WrittenImage, (self._path,)
