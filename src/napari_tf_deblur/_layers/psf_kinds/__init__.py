"""Kinds of PSF: what a run needs of each, whatever it is made from.

To add one: write its class in a module here, and its fields in the dock
(:data:`napari_tf_deblur._dock.psf_fields.KINDS`).
"""

from napari.layers import Layer

from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.given import ArrayPSF
from napari_tf_deblur._layers.psf_kinds.kind import PSFArray, PSFKind
from napari_tf_deblur._layers.psf_kinds.measured import LayerPSF
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopePSF
from napari_tf_deblur._layers.source import Source, read

__all__ = [
    "BY_NAME",
    "ArrayPSF",
    "EstimatedPSF",
    "GaussianPSF",
    "LayerPSF",
    "MicroscopePSF",
    "PSFArray",
    "PSFKind",
    "psf_from",
]


BY_NAME: dict[str, type[PSFKind]] = {
    kind.name: kind for kind in (MicroscopePSF, LayerPSF, GaussianPSF, EstimatedPSF, ArrayPSF)
}
"""All kinds, by what a record calls them."""


def psf_from(psf: object, source: Source) -> PSFKind:
    """Take a PSF as a layer or as an array; None is to be found in the image."""
    if psf is None:
        return EstimatedPSF(3 if source.is_volume else min(source.ndim, 2))
    return LayerPSF(read(psf)) if isinstance(psf, Layer) else ArrayPSF(psf)
