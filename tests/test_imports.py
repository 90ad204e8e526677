"""Which rooms and packages may enter which room. A room is a folder."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_tf_deblur

PACKAGE = Path(napari_tf_deblur.__file__).parent
TESTS = Path(__file__).parent

TENSORFLOW = {"tensorflow", "keras"}
QT = {"qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "napari._qt", "napari.qt"}
NAPARI = {"napari", "magicgui", "vispy"}
LARGE = TENSORFLOW | QT | NAPARI
"""SciPy is not among them: other packages may load it."""

ROOMS = {
    "_core": LARGE,
    "_noise": LARGE,
    "methods": LARGE,
    "_blur": LARGE,
    "_optics": LARGE,
    "_beads": LARGE,
    "_preparation": LARGE,
    "_solvers": NAPARI | QT,
    "_run": LARGE,
    "_storage": LARGE,
    "_large": LARGE,
    "_process": LARGE,
    "": LARGE,
    "_layers": TENSORFLOW | QT,
    "_files": TENSORFLOW | QT,
    "_dock": TENSORFLOW | {"scipy", "napari_tf_deblur._solvers"},
}
"""The rooms, from the lowest to the highest, and the packages that may not enter each of them.

A room imports rooms above it in this list, and none below. "" is the top of the package: the
public functions. Its ``__init__`` names what is public, and is in no order.
"""

THE_DOOR = PACKAGE / "_solvers" / "load.py"
"""The only module that imports TensorFlow."""


def modules_of(room: str) -> list[Path]:
    """List the modules of a room, those of its folders included; the top has no folders."""
    return sorted((PACKAGE / room).rglob("*.py") if room else PACKAGE.glob("*.py"))


def imported_by(path: Path) -> set[str]:
    """Names of all modules that a source file imports, wherever it does, and their parents."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {".".join(name.split(".")[:n]) for name in names for n in range(1, 9)}


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=-1, text=True, timeout=120)
    assert done.returncode == 0
    return done.stdout


def room_of(module: str) -> str:
    """Room of a module of the package, by its name in an import."""
    name = [*module.split("."), ""][1]
    return name if (PACKAGE / name).is_dir() else ""


def test_every_folder_has_a_rule_and_the_tests_mirror_them():
    folders = {path.name for path in PACKAGE.iterdir() if any(path.glob("*.py"))}
    assert folders == set(ROOMS) - {""}
    assert {path.name for path in TESTS.iterdir() if any(path.glob("test_*.py"))} == {
        folder.removeprefix("_") for folder in folders
    }


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_of_a_room_imports_what_is_forbidden_there(room):
    for path in modules_of(room):
        assert not imported_by(path) & ROOMS[room], path


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_each_other_in_one_order(room):
    order = list(ROOMS)
    allowed = set(order[: order.index(room) + 1])
    for path in modules_of(room):
        if path != PACKAGE / "__init__.py":
            for module in imported_by(path):
                if module.startswith("napari_tf_deblur."):
                    assert room_of(module) in allowed, f"{path} imports {module}"


@pytest.mark.parametrize("forbidden", sorted({tuple(sorted(f & LARGE)) for f in ROOMS.values()}))
def test_importing_rooms_loads_nothing_that_is_forbidden_there(forbidden):
    """Rooms where the same is forbidden are imported in one process."""
    rooms = [room for room in ROOMS if ROOMS[room] & LARGE == set(forbidden)]
    paths = [path for room in rooms for path in modules_of(room)]
    names = [".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts) for p in paths]
    lines = [f"import {name.removesuffix('.__init__')}" for name in names]
    loaded = set(run("\n".join(["import sys", *lines, "print(*sys.modules)"])).split())
    assert not loaded & set(forbidden)


@pytest.mark.parametrize("room", ROOMS)
def test_tensorflow_comes_through_one_door(room):
    for path in modules_of(room):
        if path != THE_DOOR:
            assert not imported_by(path) & TENSORFLOW, path


def test_importing_the_package_is_cheap():
    code = (
        "import sys, time, numpy, scipy.fft, scipy.ndimage\n"
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "start = time.process_time()\n"
        "import napari_tf_deblur\n"
        "print(time.process_time() - start)\n"
        "print(*{name.split('.')[0] for name in sys.modules} - before)"
    )
    runs = [run(code).splitlines() for _ in range(3)]
    assert min(float(seconds) for seconds, _ in runs) < 0.3
    added = set(runs[0][1].split()) - sys.stdlib_module_names
    assert {name for name in added if not name.startswith("_")} == {"napari_tf_deblur", "psutil"}


def test_public_names():
    code = (
        "import sys, napari_tf_deblur as package\n"
        "missing = [name for name in package.__all__ if not hasattr(package, name)]\n"
        "print(missing, 'napari' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert run(code).strip() == "[] True False"  # deblur_layer needs napari
    with pytest.raises(AttributeError, match="no attribute 'deblurr'"):
        _ = napari_tf_deblur.deblurr
