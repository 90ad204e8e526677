"""Send objects between two processes; large arrays go through shared memory."""

import pickle
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from threading import Lock
from typing import Any

import cloudpickle

MIN_SHARED_BYTES = 2**16
"""Least size of arrays, in bytes, for which shared memory is used. Limit: of time; smaller ones
are sent faster through the pipe."""

BLOCK_NAMES = 4
"""Number of names that a sender uses in turn for its blocks of shared memory. At most one of them
exists at a time, or two while the receiver closes one. Guard: against a name that is still in use,
on Windows; ``tests/process/test_channel.py``."""

SHARED_MEMORY_FOLDER = "/dev/shm"
"""Folder of Linux whose free space limits shared memory. Definition: of Linux."""


@dataclass(frozen=True)
class Message:
    """A message, with an object that is still pickled.

    Attributes
    ----------
    kind : str
        What the message means.
    run : int
        Number of the run that it belongs to.
    pickled : bytes
        The object without the contents of its arrays.
    buffers : sequence of bytearray
        The contents of its arrays.
    """

    kind: str
    run: int
    pickled: bytes
    buffers: tuple[bytearray, ...] = ()

    def value(self) -> Any:
        """Return the object."""
        return pickle.loads(self.pickled, buffers=self.buffers)


class Channel:
    """One end of a pipe between two processes.

    Several threads may send, and one may receive.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
        This end of the pipe.
    names : str
        Beginning of the names of the blocks of shared memory that this end creates.
    """

    def __init__(self, connection: "Connection[Any, Any]", names: str) -> None:
        self._connection = connection
        self._names, self._count = names, 0
        self._sent: SharedMemory | None = None  # Windows needs it until it is received
        self._lock = Lock()

    def send(self, kind: str, run: int = 0, value: object = None) -> None:
        """Send an object.

        Parameters
        ----------
        kind : str
            What the message means.
        run : int, optional
            Number of the run that it belongs to.
        value : object, optional
            Any object that cloudpickle can pickle, functions of a console included.

        Raises
        ------
        OSError
            If the other end is closed.
        """
        buffers: list[pickle.PickleBuffer] = []
        pickled = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        contents = [buffer.raw() for buffer in buffers]
        sizes = [content.nbytes for content in contents]
        with self._lock:
            block = self._create_block(sum(sizes))
            if block is None:
                arrays = tuple(bytearray(content) for content in contents)
                self._connection.send((Message(kind, run, pickled, arrays), None, ()))
                return
            with memoryview(block.buf) as memory:  # type: ignore[arg-type]
                end = 0
                for content in contents:
                    begin, end = end, end + content.nbytes
                    memory[begin:end] = content
            self._sent = block
            self._connection.send((Message(kind, run, pickled), block.name, sizes))

    def receive(self) -> Message:
        """Wait for a message. It is proof that the other end has received the last array.

        Raises
        ------
        EOFError, OSError
            If the other end is closed.
        """
        message, name, sizes = self._connection.recv()
        self.release()
        if name is None:
            received: Message = message
            return received
        block = SharedMemory(name)
        try:
            buffers, end = [], 0
            with memoryview(block.buf) as memory:  # type: ignore[arg-type]
                for size in sizes:
                    begin, end = end, end + size
                    buffers.append(bytearray(memory[begin:end]))
        finally:
            block.close()
            block.unlink()
        return Message(message.kind, message.run, message.pickled, tuple(buffers))

    def poll(self, seconds: float) -> bool:
        """Return whether a message has come; wait for it for some seconds at most."""
        return self._connection.poll(seconds)

    def close(self) -> None:
        """Close this end."""
        self.release()
        self._connection.close()

    def release(self) -> None:
        """Let go of the last block that was sent."""
        block, self._sent = self._sent, None
        if block is not None:
            block.close()

    def _create_block(self, size: int) -> SharedMemory | None:
        """Create a block of shared memory; return None if arrays are small or there is no room."""
        if size < MIN_SHARED_BYTES or not _has_shared_memory(size):
            return None
        self._count += 1
        with suppress(OSError):
            return SharedMemory(f"{self._names}{self._count % BLOCK_NAMES}", create=True, size=size)
        return None


def remove_blocks(names: str) -> None:
    """Remove the blocks of shared memory of a sender that has ended, or was not heard."""
    for number in range(BLOCK_NAMES):
        with suppress(OSError):
            block = SharedMemory(f"{names}{number}")
            block.close()
            block.unlink()


def _has_shared_memory(size: int) -> bool:
    """Return whether so much shared memory is free. On Linux, using more ends the process."""
    if sys.platform != "linux":
        return True
    with suppress(OSError):
        return shutil.disk_usage(SHARED_MEMORY_FOLDER).free > size
    return False
