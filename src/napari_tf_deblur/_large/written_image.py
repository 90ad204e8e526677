"""Show the image of a run that writes its pieces into a file."""

from typing import Any

from napari_tf_deblur._core.steps import ImageSource
from napari_tf_deblur._storage.ome_zarr import open_image


class WrittenImage(ImageSource):
    """The result that is in a file so far. Pickled, it is only the path of the file.

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
        """Pickle as the path of the file."""
        return WrittenImage, (self._path,)


class GrowingImage(WrittenImage):
    """A written image that returns the same arrays until `mark_changed` is called."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._levels: list[Any] | None = None

    def mark_changed(self) -> None:
        """Make new arrays at the next call of `current_image`."""
        self._levels = None

    def current_image(self) -> list[Any]:
        """Return all resolutions, as lazy arrays."""
        if self._levels is None:
            self._levels = super().current_image()
        return self._levels
