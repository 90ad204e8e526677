"""Replace arrays in files by objects that can be sent to other processes."""

from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HDF5Data:
    """A data set in an HDF5 file. Pickled, it is the names of the file and of the data set."""

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Open the file, read a region, and close the file."""
        import h5py

        with h5py.File(self.file, "r") as file:
            return np.asarray(file[self.name][region])


@dataclass(frozen=True)
class MappedData:
    """A memory-mapped file of NumPy, or a part of it. Pickled, it is the name of the file."""

    file: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    strides: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Map the file into memory, and read a region."""
        values = np.memmap(self.file, np.uint8, "r")
        found: NDArray[Any] = np.ndarray(self.shape, self.dtype, values, self.start, self.strides)
        return np.array(found[region])


class LocalArray:
    """An array that can be read in this process only."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Read a region."""
        return np.asarray(self._array[region])

    def __reduce__(self) -> Any:
        raise TypeError("This array can be read only in the process that opened it.")


def to_transferable(array: Any) -> Any:
    """Return an array, or an object that stands for it and can be sent to other processes.

    Parameters
    ----------
    array : array
        Memory maps and data sets of h5py are replaced, as far as their files can be opened again.
        What cannot be opened elsewhere becomes a `LocalArray`. Others are returned as they are.
    """
    if isinstance(array, np.memmap):
        return _wrap_memmap(array)
    kind = type(array)
    if kind.__module__.partition(".")[0] == "h5py":
        file = array.file
        if file.mode != "r" or not Path(file.filename).is_file():
            return LocalArray(array)
        return HDF5Data(file.filename, array.name, array.shape, array.dtype, array.chunks)
    if type(getattr(array, "store", None)).__name__ == "MemoryStore":
        return LocalArray(array)
    return array


def is_transferable(part: Any, size: int) -> bool:
    """Whether an object can be sent to other processes, and is not much larger than its pixels.

    Parameters
    ----------
    part : object
        Arrays, or objects that stand for them.
    size : int
        Size of their pixels, in bytes.
    """
    import cloudpickle

    try:
        return len(cloudpickle.dumps(part)) <= 2 * size + 2**20
    except Exception:  # any error of an object that cannot be pickled
        return False


def _wrap_memmap(array: Any) -> Any:
    base = array
    while isinstance(base.base, np.memmap):
        base = base.base
    if not isinstance(base.base, mmap) or array.filename is None or array.mode not in ("r", "r+"):
        return LocalArray(np.asarray(array))
    first = base.__array_interface__["data"][0]
    start = array.__array_interface__["data"][0] - first + base.offset
    file = str(Path(array.filename).absolute())
    return MappedData(file, array.shape, array.dtype, start, array.strides)
