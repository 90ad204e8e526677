"""All properties of a method are declared in its class, and nowhere else."""

import ast
from pathlib import Path

import numpy as np
import pytest

import napari_tf_deblur
from napari_tf_deblur import METHODS, gaussian_psf
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur._solvers.registry import find_solver
from napari_tf_deblur.methods import Method

FACTS = sorted(Method.__abstractmethods__)
SOURCE = Path(napari_tf_deblur.__file__).parent


def declared(fact):
    return property(lambda _self: "wiener") if fact == "solver" else lambda *_: 1


def test_there_are_facts():
    assert {"solver", "counts_photons", "reach", "working_copies"} <= set(FACTS)


@pytest.mark.parametrize("forgotten", FACTS)
def test_a_method_that_forgets_a_fact_cannot_be_made(forgotten):
    facts = {fact: declared(fact) for fact in FACTS}
    assert type("Whole", (Method,), facts)().solver == "wiener"
    del facts[forgotten]
    with pytest.raises(TypeError, match=rf"abstract.*'?{forgotten}\b"):
        type("Forgetful", (Method,), facts)()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_solver_and_sensible_facts(method):
    one = method()
    assert callable(find_solver(one))
    assert find_solver(one).__module__.endswith(f"._solvers.{one.solver}")
    assert isinstance(one.counts_photons, bool)
    assert isinstance(one.keeps_freed_memory, bool)
    assert isinstance(one.reach, int)
    assert one.reach >= 1
    picture = np.random.default_rng(0).random((1, 1, 16, 16), np.float32)
    weight = one.suggest_weight(Statistics(picture, None, gaussian_psf(1), False))
    assert weight is None or 0 < weight <= method.bounds("weight")[1]
    assert one.has_weight == (weight is not None)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_working_copies_are_counted(method, axes):
    copies = method().working_copies(axes)
    assert type(copies) is int
    assert copies > 0


def names_in(node):
    """Names of the classes in calls of ``isinstance`` and ``issubclass``."""
    return {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }


def asks_for_a_method(code):
    kinds = {k.__name__ for m in METHODS for k in m.__mro__ if issubclass(k, Method)}
    kinds -= {Method.__name__}
    return [
        call.lineno
        for call in ast.walk(ast.parse(code))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("isinstance", "issubclass")
        and names_in(call.args[1]) & kinds
    ]


def test_nobody_asks_which_method_it_is():
    assert asks_for_a_method("isinstance(m, (int, methods.Hessian))") == [1]
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if "methods" not in path.relative_to(SOURCE).parts
        and (lines := asks_for_a_method(path.read_text(encoding="utf-8")))
    }
    assert found == {}
