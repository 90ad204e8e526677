"""Which solver serves which method."""

from collections.abc import Callable, Iterator
from typing import Any

from napari_tf_deblur import methods
from napari_tf_deblur._solvers import admm, gradient_descent, poisson, richardson_lucy, wiener
from napari_tf_deblur._solvers.problem import Iterate, Problem

Solver = Callable[[Problem, Any], Iterator[Iterate]]

SOLVERS: dict[type[methods.Method], Solver] = {
    methods.TotalVariation: admm.solve,
    methods.Hessian: admm.solve,
    methods.PoissonLikelihood: poisson.solve,
    methods.RichardsonLucy: richardson_lucy.solve,
    methods.Wiener: wiener.solve,
    methods.GradientDescent: gradient_descent.solve,
}
