"""The one place that imports TensorFlow, in the one way that is safe beside a canvas.

Two things make a plain ``import tensorflow`` unsafe in a napari process:

* On Linux, TensorFlow loads its libraries for the whole process (``RTLD_GLOBAL``).
  Mesa's OpenGL drivers carry an LLVM of their own, and the two then crash each other
  (TensorFlow issues 124205 and 119254). Loading with ``RTLD_DEEPBIND``, and without
  TensorFlow's global flags, keeps them apart.
* First imported inside a ``QThreadPool`` worker, TensorFlow never hands the interpreter
  lock on to the next worker. A short-lived ordinary thread does the import instead.

TensorFlow's allocator for oneDNN keeps and fragments what memory it once had; nothing here
uses oneDNN, so it stays off unless the user asks for it.
"""

import gc
import importlib
import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from napari_tf_deblur._core.errors import TensorFlowUnavailableError
from napari_tf_deblur._core.threads import thread_limit
from napari_tf_deblur._preparation import memory

_GLOBAL_FLAGS = "tensorflow.python.pywrap_dlopen_global_flags"
_lock = threading.Lock()


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


def memory_errors() -> tuple[type[BaseException], ...]:
    """What is raised where the memory runs out."""
    if not is_loaded():
        return (MemoryError,)
    return MemoryError, tensorflow().errors.ResourceExhaustedError


class Compiled:
    """A function of tensors, compiled once for each set of shapes that it meets.

    TensorFlow never frees compiled code: make few of these, for the life of the process, and
    let shapes be few; see :func:`napari_tf_deblur._core.scene_grid.scene_size`.

    Parameters
    ----------
    function : callable
        Of tensors, variables, and lists or named tuples of them.
    xla : bool
        Whether XLA compiles it, which fuses all that lies between transforms: one pass over
        the memory, on all cores.
    """

    def __init__(self, function: Callable[..., Any], xla: bool = False) -> None:
        self._function = tensorflow().function(function, autograph=False, jit_compile=xla)

    def __call__(self, *arguments: Any) -> Any:
        """Call it; the code for these shapes is made where it is not there yet."""
        return self.trace(*arguments)(*arguments)

    def trace(self, *arguments: Any) -> Any:
        """Return the code for these shapes."""
        # Asked for by name, TensorFlow takes a new shape for meant and does not warn of it. With
        # what describes a variable in its place, it does not keep the variable for ever.
        signature = tensorflow().nest.map_structure(_type_spec, arguments)
        return self._function.get_concrete_function(*signature)


def _type_spec(value: Any) -> Any:
    """Return what describes a variable; anything else as it is."""
    tf = tensorflow()
    return tf.type_spec_from_value(value) if isinstance(value, tf.Variable) else value


def fused(pointwise: Callable[..., Any]) -> Compiled:
    """Compile what lies between transforms by XLA.

    The transforms themselves stay outside: within XLA's code they run on one core as soon
    as anything else has run on several.
    """
    return Compiled(pointwise, xla=True)


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
        _limit_threads()
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


def _limit_threads() -> None:
    """Keep TensorFlow from using all cores, and GPUs' memory, beside other processes like this."""
    limit = thread_limit()
    if limit is None:
        return
    config = sys.modules["tensorflow"].config
    config.threading.set_intra_op_parallelism_threads(limit)
    config.threading.set_inter_op_parallelism_threads(1)
    for device in config.list_physical_devices("GPU"):
        config.experimental.set_memory_growth(device, True)


def _import() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    memory.configure_allocator()
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
