"""Define the priors, the assumptions on a sharp image: one subclass of `Prior` per module.

A method names its prior (:attr:`napari_tf_deblur.methods.Method.prior`). The solvers use a prior
only through the methods of :class:`~.prior.Prior`. So a new prior is a class here and a line in
`PRIORS`.
"""

from napari_tf_deblur._solvers.priors.hessian import HessianPrior
from napari_tf_deblur._solvers.priors.neighbours import NeighbourPrior
from napari_tf_deblur._solvers.priors.prior import Prior
from napari_tf_deblur._solvers.priors.total_variation import TotalVariationPrior

__all__ = ["PRIORS", "HessianPrior", "NeighbourPrior", "Prior", "TotalVariationPrior"]

PRIORS: dict[str, type[Prior]] = {
    "total_variation": TotalVariationPrior,
    "hessian": HessianPrior,
    "neighbours": NeighbourPrior,
}
"""All priors, by the names that methods use."""
