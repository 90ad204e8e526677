"""Declare the deconvolution methods: one frozen dataclass per method.

Each parameter is declared once, in the class of its method. From the declaration come the argument
of :func:`napari_tf_deblur.deconvolve`, the field in the dock (bounds, step and choices from the
annotation, tooltip from the docstring), the record of a result and, through ``repr``, the line of
Python that repeats a run. The class also declares the properties of a method that other modules
need; see :class:`Method`.
"""

from napari_tf_deblur.methods.base import Auto, FromImage, Method
from napari_tf_deblur.methods.gradient_descent import GradientDescent
from napari_tf_deblur.methods.least_squares import Hessian, TotalVariation
from napari_tf_deblur.methods.poisson_methods import PoissonLikelihood, RichardsonLucy
from napari_tf_deblur.methods.wiener import Wiener

__all__ = [
    "METHODS",
    "Auto",
    "FromImage",
    "GradientDescent",
    "Hessian",
    "Method",
    "PoissonLikelihood",
    "RichardsonLucy",
    "TotalVariation",
    "Wiener",
]

METHODS: tuple[type[Method], ...] = (
    TotalVariation,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    Wiener,
    GradientDescent,
)
"""All methods, in the order in which the dock offers them."""
