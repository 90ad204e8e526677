"""Set everything up and run the tests, under a virtual screen where there is no display.

Arguments are passed on to pytest: ``python3 .ci/test.py tests/test_psf.py``. Without arguments, the
parts of the suite run in processes of their own, two at a time. The tests use PyQt6, or PySide6
where ``QT_API=pyside6`` is set.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import environment

PARTS = (
    ["tests/dock"],
    ["tests/run", "tests/blur", "tests/noise", "tests/core"],
    ["tests/large"],
    ["tests/solvers", "tests/preparation", "tests/methods"],
    ["tests/layers"],
    ["tests/storage", "tests/files"],
)
"""Folders whose tests have a process of their own, as has the rest: TensorFlow never frees what it
compiled for a shape, so that the memory of a process grows with its tests. Tests in order share
what is compiled. The longest parts come first."""

PROCESSES = "2"
"""Number of parts that run at a time: each has a core, and two fit into a machine of 16 GB."""

EXTRAS = {"pyqt6": "all", "pyside6": "large,pyside6"}
"""What to install for each Qt binding."""


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
    pytest = [str(python), "-m", "pytest"]
    if sys.argv[1:]:
        return environment.run([*pytest, *sys.argv[1:]])
    os.environ["TEST_PROCESSES"] = PROCESSES
    rest = [f"--ignore={folder}" for part in PARTS for folder in part]
    with ThreadPoolExecutor(int(PROCESSES)) as pool:
        commands = [[*pytest, *part] for part in (PARTS[0], rest, *PARTS[1:])]
        codes = list(pool.map(environment.run_beside_others, commands))
    return max(codes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
