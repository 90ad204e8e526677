"""The solver process of the window. All docks and dialogs share it."""

from napari_tf_deblur._process.solver import Solver
from napari_tf_deblur._process.solver_process import SolverProcess

_solver: Solver = SolverProcess()


def find_solver() -> Solver:
    """Return the solver of the window."""
    return _solver
