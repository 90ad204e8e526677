"""Deblur images with TensorFlow: in napari, from its console, and in scripts.

Importing this package is fast, because TensorFlow and napari are imported when first needed.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from napari_tf_deblur._beads.measured_psf import measured_psf
from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.forward import convolve
from napari_tf_deblur._core.gaussian_psf import gaussian_psf
from napari_tf_deblur._core.psf_shapes import disc_psf, motion_psf
from napari_tf_deblur._core.psf_skew import skew_psf
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._large.margins import piece_margin
from napari_tf_deblur._noise.noise import Noise, estimate_noise
from napari_tf_deblur._optics.depth import microscope_psf_by_depth
from napari_tf_deblur._optics.microscope import microscope_psf, microscope_sigma
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.verdict import Verdict
from napari_tf_deblur.deconvolve import (
    calibrate,
    deconvolve,
    iter_deconvolve,
)
from napari_tf_deblur.methods import (
    METHODS,
    GradientDescent,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
)

if TYPE_CHECKING:
    from napari_tf_deblur._layers.deblur_layer import deblur_layer

try:
    __version__ = version("napari-tf-deblur")
except PackageNotFoundError:  # used from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = [
    "METHODS",
    "BlurEstimate",
    "Calibration",
    "Deconvolution",
    "GradientDescent",
    "Hessian",
    "Noise",
    "PoissonLikelihood",
    "RichardsonLucy",
    "Specimen",
    "Step",
    "TotalVariation",
    "VaryingPSF",
    "Verdict",
    "Wiener",
    "calibrate",
    "convolve",
    "deblur_layer",
    "deconvolve",
    "disc_psf",
    "estimate_blur",
    "estimate_noise",
    "gaussian_psf",
    "iter_deconvolve",
    "measured_psf",
    "microscope_psf",
    "microscope_psf_by_depth",
    "microscope_sigma",
    "motion_psf",
    "piece_margin",
    "skew_psf",
]


def __getattr__(name: str) -> Any:
    if name == "deblur_layer":  # the only public name that needs napari
        from napari_tf_deblur._layers.deblur_layer import deblur_layer

        return deblur_layer
    raise AttributeError(f"module 'napari_tf_deblur' has no attribute {name!r}")
