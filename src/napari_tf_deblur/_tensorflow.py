"""The one place that imports TensorFlow, in the one way that is safe beside a canvas.

Two things make a plain ``import tensorflow`` unsafe in a napari process:

* On Linux, TensorFlow loads its libraries for the whole process (``RTLD_GLOBAL``).
  Mesa's OpenGL drivers carry an LLVM of their own, and the two then crash each other
  (TensorFlow issues 124205 and 119254). Loading with ``RTLD_DEEPBIND``, and without
  TensorFlow's global flags, keeps them apart.
* First imported inside a ``QThreadPool`` worker, TensorFlow never hands the interpreter
  lock on to the next worker. A short-lived ordinary thread does the import instead.

Two settings keep peak memory near what is really in use. TensorFlow's allocator for oneDNN
keeps and fragments what it once had; nothing here uses oneDNN, so it stays off unless the
user asks for it. And the C library of Linux keeps freed arrays of up to 32 MB in its heap;
told a smaller threshold, it gives image-sized ones back.
"""

import ctypes
import gc
import importlib
import os
import sys
import threading
from types import ModuleType
from typing import Any

_GLOBAL_FLAGS = "tensorflow.python.pywrap_dlopen_global_flags"
_lock = threading.Lock()

M_MMAP_THRESHOLD = -3
"""Parameter of the C library's ``mallopt``: from this size on memory is given back."""

GIVEN_BACK = 4 * 2**20
"""Bytes from which on freed memory goes back to the system."""


class TensorFlowUnavailableError(ImportError, ValueError):
    """TensorFlow is missing, or is installed and does not load."""


def is_loaded() -> bool:
    """Whether this process has imported TensorFlow already."""
    module = sys.modules.get("tensorflow")
    return module is not None and hasattr(module, "function")


def tensorflow() -> Any:
    """Return the ``tensorflow`` module, importing it safely on the first call.

    Returns
    -------
    module
        TensorFlow; any copy already imported by someone else is used as it is.

    Raises
    ------
    TensorFlowUnavailableError
        Where TensorFlow is not installed or fails to load, saying which.
    """
    with _lock:
        if not is_loaded():
            _import_in_a_thread()
    return sys.modules["tensorflow"]


def give_memory_back() -> None:
    """Return to the system what the C library of Linux keeps of freed memory."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _import_in_a_thread() -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            _import()
        except BaseException as error:  # carried to the calling thread
            failures.append(error)

    thread = threading.Thread(target=run, name="import tensorflow")
    thread.start()
    thread.join()
    if not failures:
        gc.collect()  # now, while the user waits anyway: it takes a quarter of a second
        return
    error = failures[0]
    if isinstance(error, ModuleNotFoundError) and error.name == "tensorflow":
        raise TensorFlowUnavailableError(
            "TensorFlow is not installed in this Python environment: install it with "
            "'pip install tensorflow' and start again."
        ) from error
    raise TensorFlowUnavailableError(
        f"TensorFlow is installed but does not load ({type(error).__name__}: {error}): "
        "reinstall it with 'pip install --force-reinstall tensorflow' and start again."
    ) from error


def _import() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from some C libraries
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, GIVEN_BACK)
    if not hasattr(os, "RTLD_DEEPBIND"):
        return importlib.import_module("tensorflow")
    flags = sys.getdlopenflags()
    # None in sys.modules makes TensorFlow's attempt to set RTLD_GLOBAL fail harmlessly.
    sys.modules[_GLOBAL_FLAGS] = None  # type: ignore[assignment]
    try:
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        return importlib.import_module("tensorflow")
    finally:
        sys.setdlopenflags(flags)
        sys.modules.pop(_GLOBAL_FLAGS, None)
