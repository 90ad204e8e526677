"""What may not enter which room: each module is imported in a process of its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_tf_deblur

PACKAGE = Path(napari_tf_deblur.__file__).parent

TENSORFLOW = {"tensorflow", "keras"}
QT = {"qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "napari._qt"}
WINDOW = {"napari", "magicgui", "vispy", *QT}

ROOMS = {
    "interface": (
        """
        __init__ psf methods forward estimate cross_validation deconvolve _memory _planes
        _prepare
        """,
        TENSORFLOW | WINDOW | {"skimage", "dask"},
    ),
    "TensorFlow": (
        """
        _tensorflow _blur _differences _objective _solvers.__init__ _solvers.admm
        _solvers.gradient_descent _solvers.lbfgs _solvers.poisson _solvers.loop _solvers.problem
        _solvers.registry _solvers.richardson_lucy _solvers.wiener
        """,
        WINDOW,
    ),
    "layers": ("_adding _job _layers _masks _psf_layers _source", TENSORFLOW | QT),
    "samples": ("_sample_data", TENSORFLOW | WINDOW),
    "dock": ("_fields _form _loss_plot _psf_fields _turns _updates _widget _worker", TENSORFLOW),
}
"""For each room: its modules, and what importing them must not bring in."""

MODULES = [(module, forbidden) for names, forbidden in ROOMS.values() for module in names.split()]


def _import_all(modules: list[str], tail: str) -> str:
    lines = ["import importlib, sys, time"]
    lines += [f"importlib.import_module({module!r})" for module in modules]
    return subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, tail])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def _path(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py")


def _imported(tree: ast.AST) -> set[str]:
    """Names of all modules that a source file imports, wherever it does."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_a_room() -> None:
    found = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
    }
    assert {module for module, _ in MODULES} == found


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_brings_in_nothing_forbidden(room: str) -> None:
    names, forbidden = ROOMS[room]
    modules = [f"napari_tf_deblur.{name}".removesuffix(".__init__") for name in names.split()]
    loaded = _import_all(modules, "print(*sys.modules)").split()
    assert set(modules) <= set(loaded)
    assert not forbidden & set(loaded)


@pytest.mark.parametrize("module", [module for module, _ in MODULES if module != "_tensorflow"])
def test_tensorflow_comes_through_one_door(module: str) -> None:
    imported = _imported(ast.parse(_path(module).read_text("utf-8")))
    assert not {name for name in imported if name.split(".")[0] in TENSORFLOW}


@pytest.mark.parametrize("module", ROOMS["dock"][0].split())
def test_the_dock_does_not_reach_into_the_numerics(module: str) -> None:
    imported = _imported(ast.parse(_path(module).read_text("utf-8")))
    own = {name.removeprefix("napari_tf_deblur.").split(".")[0] for name in imported}
    assert not own & {"scipy", *ROOMS["TensorFlow"][0].replace(".", " ").split()}


@pytest.mark.parametrize("room", ["interface", "TensorFlow"])
def test_the_core_imports_no_napari_even_later(room: str) -> None:
    for module in ROOMS[room][0].split():
        imported = _imported(ast.parse(_path(module).read_text("utf-8")))
        assert not {name for name in imported if name.split(".")[0] in WINDOW}, module


def test_importing_the_package_is_cheap() -> None:
    heavy = ["numpy", "scipy.fft", "scipy.ndimage"]
    tail = (
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "start = time.perf_counter()\n"
        "import napari_tf_deblur\n"
        "print(time.perf_counter() - start)\n"
        "print(*{name.split('.')[0] for name in sys.modules} - before)"
    )
    runs = [_import_all(heavy, tail).splitlines() for _ in range(3)]
    assert min(float(seconds) for seconds, _ in runs) < 0.3
    added = set(runs[0][1].split()) - sys.stdlib_module_names
    assert {name for name in added if not name.startswith("_")} == {"napari_tf_deblur", "psutil"}


def test_public_names() -> None:
    script = (
        "import napari_tf_deblur as package\n"
        "missing = [name for name in package.__all__ if not hasattr(package, name)]\n"
        "print(missing, 'napari' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert _import_all([], script).strip() == "[] True False"  # deblur_layer needs napari
    with pytest.raises(AttributeError, match="no attribute 'deblurr'"):
        _ = napari_tf_deblur.deblurr
