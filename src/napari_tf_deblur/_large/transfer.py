"""Arrays in files, as names that travel to other processes; and those that cannot travel."""

from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HDF5Data:
    """A data set in an HDF5 file, which travels to other processes as the names of both."""

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
        """Open the file, read a region, close it."""
        import h5py

        with h5py.File(self.file, "r") as file:
            return np.asarray(file[self.name][region])


@dataclass(frozen=True)
class MappedData:
    """A file that NumPy maps into memory, or a part of it, which travels as the file's name."""

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
        """Map the file, read a region."""
        values = np.memmap(self.file, np.uint8, "r")
        found: NDArray[Any] = np.ndarray(self.shape, self.dtype, values, self.start, self.strides)
        return np.array(found[region])


class LocalArray:
    """An array that is read in this process only."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Read a region."""
        return np.asarray(self._array[region])

    def __reduce__(self) -> Any:
        raise TypeError("This array is read in the process that made it.")


def to_transferable(array: Any) -> Any:
    """Return what stands for an array in other processes, if it has to be another one."""
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
    """Whether something that is to be read can be sent to other processes, at no great expense.

    Parameters
    ----------
    part : object
        Something that stands for pixels.
    size : int
        Bytes of the pixels themselves.
    """
    import cloudpickle

    try:
        return len(cloudpickle.dumps(part)) <= 2 * size + 2**20
    except Exception:  # whatever objects raise that cannot be sent
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
