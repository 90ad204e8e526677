"""Kinds of PSF: what a run needs of each, whatever it is made from.

To add one: write its class in a module here, and its fields in the dock
(:data:`napari_tf_deblur._dock.psf_fields.KINDS`).
"""

from napari.layers import Layer

from napari_tf_deblur._layers.psf_kinds.defocus import DefocusPSF
from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.given import ArrayPSF
from napari_tf_deblur._layers.psf_kinds.kind import PSFKind
from napari_tf_deblur._layers.psf_kinds.measured import LayerPSF
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopePSF
from napari_tf_deblur._layers.psf_kinds.motion import MotionPSF
from napari_tf_deblur._layers.source import Source, read

__all__ = [
    "BY_NAME",
    "ArrayPSF",
    "DefocusPSF",
    "EstimatedPSF",
    "GaussianPSF",
    "LayerPSF",
    "MicroscopePSF",
    "MotionPSF",
    "PSFKind",
    "psf_from",
]


KINDS: tuple[type[PSFKind], ...] = (
    MicroscopePSF,
    LayerPSF,
    GaussianPSF,
    DefocusPSF,
    MotionPSF,
    EstimatedPSF,
    ArrayPSF,
)
"""All kinds."""

BY_NAME: dict[str, type[PSFKind]] = {kind.name: kind for kind in KINDS}
"""All kinds, by what a record calls them."""


def psf_from(psf: object, source: Source) -> PSFKind:
    """Take a PSF as a layer or as an array; None is what the file tells, or the image shows."""
    if psf is None:
        return MicroscopePSF.told(source) or EstimatedPSF(
            3 if source.is_volume else min(source.ndim, 2)
        )
    return LayerPSF(read(psf)) if isinstance(psf, Layer) else ArrayPSF(psf)
