"""What to do: one frozen dataclass per deconvolution method.

Each parameter is declared once, in its method's class. The declaration is the argument of
:func:`napari_tf_deblur.deconvolve`, the field in the dock (bounds, step and choices from
the annotation, tooltip from the docstring), the record kept with a result and, through
``repr``, the line of Python that repeats a run. What others need to know about a method
stands in its class too; see :class:`Method`.
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
"""All methods, in the order in which they are offered."""
