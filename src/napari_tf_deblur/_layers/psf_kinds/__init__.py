"""Kinds of PSF: what a run needs of each, whatever it is made from.

To add one that a formula makes of a few numbers: write a `ParametricPSF` in a module here, and add
it to `KINDS`. The dock, the command line, batches and records have it from there. Other kinds need
fields of their own in the dock, too: see :data:`napari_tf_deblur._dock.psf_fields.FIELDS`.
"""

from napari.layers import Layer

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.psf_kinds.array_psf import ArrayPSF
from napari_tf_deblur._layers.psf_kinds.defocus import DefocusPSF
from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF, EstimatedPSFSettings
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFKind, PSFSettings
from napari_tf_deblur._layers.psf_kinds.measured import BeadPSFSettings, LayerPSF
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopePSF
from napari_tf_deblur._layers.psf_kinds.microscope_settings import (
    AUTOMATIC,
    AUTOMATIC_PSF,
    MicroscopeSettings,
)
from napari_tf_deblur._layers.psf_kinds.motion import MotionPSF
from napari_tf_deblur._layers.psf_kinds.parametric import ParametricPSF
from napari_tf_deblur._layers.psf_kinds.same import FixedPSFSettings
from napari_tf_deblur._layers.source import Source, read_source

__all__ = [
    "AUTOMATIC",
    "AUTOMATIC_PSF",
    "KINDS",
    "KINDS_BY_NAME",
    "ArrayPSF",
    "BeadPSFSettings",
    "DefocusPSF",
    "EstimatedPSF",
    "EstimatedPSFSettings",
    "FixedPSFSettings",
    "GaussianPSF",
    "LayerPSF",
    "MicroscopePSF",
    "MicroscopeSettings",
    "MotionPSF",
    "OpenFile",
    "PSFKind",
    "PSFSettings",
    "ParametricPSF",
    "choose_psf",
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
"""All kinds, in the order in which the dock and the command line offer them."""

KINDS_BY_NAME: dict[str, type[PSFKind]] = {kind.name: kind for kind in KINDS}
"""All kinds, by what a record calls them."""


BY_WORD: dict[str, PSFSettings] = {
    MicroscopePSF.name: MicroscopeSettings(),
    EstimatedPSF.name: EstimatedPSFSettings(),
}
"""PSFs that are asked for by a word, which is that of the command line."""


def choose_psf(psf: object, source: Source) -> PSFKind:
    """Return the PSF of an image by what a user gives.

    Parameters
    ----------
    psf : array_like, napari.layers.Layer, str or None
        A PSF, a picture of one, or a word of `BY_WORD`. None is that of the microscope if the file
        says enough of it, and else the one that the image shows.
    source : Source
        The image.

    Raises
    ------
    ValueError, TypeError
        If there is no such PSF; says why.
    """
    if isinstance(psf, Layer):
        return LayerPSF(read_source(psf))
    if psf is not None and not isinstance(psf, str):
        return ArrayPSF(psf)
    settings = AUTOMATIC_PSF if psf is None else BY_WORD.get(psf)
    if settings is None:
        words = " or ".join(map(repr, BY_WORD))
        raise InvalidValueError(
            f"The PSF is {psf!r}; give {words}, an array, or an image layer that shows it."
        )
    return settings.choose_psf(source, 3 if source.is_volume else min(source.ndim, 2))[1]
