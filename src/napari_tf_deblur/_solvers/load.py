"""Import TensorFlow in a way that is safe in napari; no other module imports it.

A plain ``import tensorflow`` is unsafe in a napari process for two reasons:

* On Linux, TensorFlow loads its libraries for the whole process (``RTLD_GLOBAL``). Mesa's OpenGL
  drivers contain another copy of LLVM, and the two copies make each other crash (TensorFlow issues
  124205 and 119254). The import here uses ``RTLD_DEEPBIND`` and not TensorFlow's global flags,
  which keeps the copies apart.
* If TensorFlow is first imported in a ``QThreadPool`` worker, it never passes the interpreter lock
  to the next worker. So a short-lived ordinary thread does the import.

TensorFlow's allocator for oneDNN keeps the memory that it once used, and fragments it. Nothing here
uses oneDNN, so oneDNN is off unless the user switches it on.
"""

import gc
import importlib
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar
from weakref import WeakSet

from napari_tf_deblur._core.errors import TensorFlowUnavailableError
from napari_tf_deblur._core.threads import thread_limit
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._solvers.code_folder import record_new_code
from napari_tf_deblur._solvers.code_names import stable_names

_GLOBAL_FLAGS = "tensorflow.python.pywrap_dlopen_global_flags"
_lock = threading.Lock()
_code_lock = threading.RLock()

MAX_PROGRAMS = 64
"""Largest number of compiled programs that are kept. Limit: of memory."""


def is_loaded() -> bool:
    """Whether this process has imported TensorFlow."""
    module = sys.modules.get("tensorflow")
    return module is not None and hasattr(module, "function")


def tensorflow() -> Any:
    """Return the ``tensorflow`` module; the first call imports it safely.

    Returns
    -------
    module
        TensorFlow. If other code has imported it already, that module is used.

    Raises
    ------
    TensorFlowUnavailableError
        If TensorFlow is not installed or does not load; the message says which.
    """
    with _lock:
        if not is_loaded():
            _import_in_a_thread()
    return sys.modules["tensorflow"]


def memory_errors() -> tuple[type[BaseException], ...]:
    """Return the types of the exceptions that are raised if the memory runs out."""
    if not is_loaded():
        return (MemoryError,)
    return MemoryError, tensorflow().errors.ResourceExhaustedError


class Compiled:
    """A function of tensors that is compiled once for each set of shapes.

    Use few different shapes; see :func:`napari_tf_deblur._core.scene_grid.scene_size`. The code
    that was used longest ago is dropped. TensorFlow frees it then, except for what XLA compiled.

    Parameters
    ----------
    function : callable
        Function of tensors, variables, and lists or named tuples of them.
    xla : bool
        Whether XLA compiles the function. XLA fuses the operations between transforms into one pass
        over the memory, on all cores.
    """

    _code: ClassVar[OrderedDict[tuple[Any, ...], Any]] = OrderedDict()
    """The code of all functions, that used longest ago first."""

    _called: ClassVar[WeakSet[Any]] = WeakSet()
    """The code that was called already; XLA compiles in the first call."""

    def __init__(self, function: Callable[..., Any], xla: bool = False) -> None:
        self._function = function
        self._xla = xla

    def __call__(self, *arguments: Any) -> Any:
        """Call the function; compile it first if these shapes are new."""
        code = self.trace(*arguments)
        result = code(*arguments)
        if code not in self._called:
            self._called.add(code)
            record_new_code()
        return result

    def trace(self, *arguments: Any) -> Any:
        """Return the code for these shapes."""
        # With a concrete function, TensorFlow does not warn of new shapes. A type specification in
        # place of each variable keeps TensorFlow from holding the variable for ever.
        signature = tensorflow().nest.map_structure(_type_spec, arguments)
        shapes = repr(signature)
        with _code_lock:
            if (self, shapes) not in self._code:
                # A function of its own for each signature: TensorFlow's functions keep all code.
                function = tensorflow().function(
                    self._function, autograph=False, jit_compile=self._xla
                )
                with stable_names(self._function.__qualname__ + shapes):
                    self._code[self, shapes] = function.get_concrete_function(*signature)
            self._code.move_to_end((self, shapes))
            code = self._code[self, shapes]
            while len(self._code) > MAX_PROGRAMS:
                self._code.popitem(last=False)
        return code


def _type_spec(value: Any) -> Any:
    """Return the type specification of a tensor or variable, without its name."""
    tf = tensorflow()
    if isinstance(value, tf.Variable):
        return tf.type_spec_from_value(value)
    return tf.TensorSpec(value.shape, value.dtype) if tf.is_tensor(value) else value


def fused(pointwise: Callable[..., Any]) -> Compiled:
    """Compile the operations between transforms with XLA.

    The transforms stay outside. In code of XLA they run on one core only, as soon as anything else
    has run on several cores.
    """
    return Compiled(pointwise, xla=True)


def _import_in_a_thread() -> None:
    """Import TensorFlow in a thread; raise an error that says why it failed."""
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
        gc.collect()  # once, in place of the many times during the import
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
    """Limit TensorFlow's threads and GPU memory, if other such processes run beside this one."""
    limit = thread_limit()
    if limit is None:
        return
    config = sys.modules["tensorflow"].config
    config.threading.set_intra_op_parallelism_threads(limit)
    config.threading.set_inter_op_parallelism_threads(1)
    for device in config.list_physical_devices("GPU"):
        config.experimental.set_memory_growth(device, True)


def _import() -> ModuleType:
    """Set environment and memory allocator, and import TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    memory.configure_allocator()
    with _garbage_collection_paused():
        return _import_with_safe_flags()


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause Python's garbage collection.

    The import makes millions of objects and hardly any garbage. Collections in between look at all
    of them each time, and take a quarter of the time of the import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _import_with_safe_flags() -> ModuleType:
    """Import TensorFlow with flags of the loader that are safe in napari."""
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
