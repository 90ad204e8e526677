"""Give compiled code the same names in each process, so that TensorFlow finds it on the disk again.

TensorFlow ends the names of functions, loops and their parts in a number. It counts everything that
was made so far in the process, tensors too. The names are part of the program that XLA compiles,
and of the key under which it is stored. So they must not depend on what ran before.
"""

import hashlib
import itertools
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OPS = "tensorflow.python.framework.ops"
_used: Counter[str] = Counter()


@contextmanager
def stable_names(description: str) -> Iterator[None]:
    """Take the numbers in names from a description of the function that is traced.

    If a later TensorFlow makes its names in another way, nothing happens: code is compiled as
    without a stored copy.

    Parameters
    ----------
    description : str
        Description of the function and its arguments. If it was used before in this process, other
        numbers are taken: names must be unique.
    """
    ops: Any = sys.modules.get(_OPS)
    if not hasattr(ops, "uid"):
        yield
        return
    _used[description] += 1
    digest = hashlib.sha256(f"{_used[description]} {description}".encode()).digest()
    # 40 bits for the function, and room for a million names in it.
    numbers = itertools.count(int.from_bytes(digest[:5]) << 20)
    original, tracing = ops.uid, threading.get_ident()
    # Other threads may make tensors meanwhile; they do not count.
    ops.uid = lambda: next(numbers) if threading.get_ident() == tracing else original()
    try:
        yield
    finally:
        ops.uid = original
