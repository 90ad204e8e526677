"""The solver process of the window. All docks and dialogs share it."""

from weakref import WeakSet

from napari_tf_deblur._process.solver import Solver
from napari_tf_deblur._process.solver_process import SolverProcess

_solver: Solver = SolverProcess()
_docks: WeakSet[object] = WeakSet()


def find_solver() -> Solver:
    """Return the solver of the window."""
    return _solver


def start_solver(dock: object) -> None:
    """Start the solver, because a dock is open."""
    _docks.add(dock)
    _solver.start()


def release_solver(dock: object) -> None:
    """End the solver soon if no other dock is open."""
    _docks.discard(dock)
    if not _docks:
        _solver.release()
