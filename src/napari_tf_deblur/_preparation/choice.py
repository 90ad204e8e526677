"""Which method suits an image."""

from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import Auto, Method, PoissonLikelihood


def of(wanted: Method | Calibration | Auto, image: Statistics) -> tuple[Method, str]:
    """The method that is wanted, and why if it was left to the image."""
    if isinstance(wanted, Calibration):
        return wanted.method, wanted.reason
    if isinstance(wanted, Method):
        return wanted, ""
    return chosen(image)


def chosen(image: Statistics) -> tuple[Method, str]:
    """Pick the method that suits an image, and say why."""
    return PoissonLikelihood(), "nothing else is known to be better"
