"""Set everything up and run the tests, under a virtual screen where there is no display.

Arguments are passed on to pytest: ``python3 .ci/test.py tests/test_psf.py``. The tests use PyQt6,
or PySide6 where ``QT_API=pyside6`` is set.
"""

from __future__ import annotations

import os
import sys

import environment

APART = (
    ["tests/dock", "tests/layers"],
    ["tests/solvers", "tests/preparation", "tests/methods"],
    ["tests/large", "tests/storage", "tests/files"],
)
"""Folders whose tests have processes of their own, as has the rest: TensorFlow never frees what it
compiled for a shape, so that the memory of a process grows with its tests."""

EXTRAS = {"pyqt6": "all", "pyside6": "large,pyside6"}
"""What to install for each Qt binding."""

EACH = ["-n", "2", "--dist", "worksteal"]
"""Two processes, in order, so that neighbours share what they compile."""


def main() -> int:
    binding = os.environ.get("QT_API", "pyqt6").lower()
    if binding not in EXTRAS:
        print(f"\nQT_API is '{binding}'; the tests know {' and '.join(EXTRAS)}.", file=sys.stderr)
        return 1
    try:
        python = environment.prepare(EXTRAS[binding], groups=("test",))
    except environment.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    environment.say("running the tests")
    # qtpy reads the one, pytest-qt the other; both bindings may be installed.
    os.environ["QT_API"] = os.environ["PYTEST_QT_API"] = binding
    # Each process has a core to itself; OpenBLAS's threads would wait for each other on it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Pytest rewrites all of napari, which is a plugin of it, and keeps what it compiled: without
    # that, each process takes some seconds longer to start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rest = [f"--ignore={folder}" for part in APART for folder in part]
    runs = [sys.argv[1:]] if sys.argv[1:] else [[*EACH, *part] for part in (*APART, rest)]
    codes = [environment.run([str(python), "-m", "pytest", *run]) for run in runs]
    return max(codes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
