"""Find the solver and the prior of a method by the names in the class of the method."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, cast

from napari_tf_deblur._preparation.problem import Iterate, Problem
from napari_tf_deblur._solvers.priors import PRIORS, Prior
from napari_tf_deblur.methods import Method

Solver = Callable[[Problem, Any], Iterator[Iterate]]


def find_solver(method: Method) -> Solver:
    """Return the function ``solve(problem, method)`` of a method's solver."""
    module = import_module(f"napari_tf_deblur._solvers.{method.solver}")
    return cast(Solver, module.solve)


def find_prior(method: Method, spacing: tuple[float, ...]) -> Prior:
    """Return the prior of a method, one of `PRIORS`.

    Parameters
    ----------
    method : Method
        A method whose `prior` is one of these names.
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    """
    return PRIORS[cast(str, method.prior)](spacing)
