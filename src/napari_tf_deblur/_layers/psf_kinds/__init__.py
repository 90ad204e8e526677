"""The kinds of PSF, with one interface for all: from optics, beads, a formula, the image, an array.

To add a kind that a formula makes of a few numbers, write a `ParametricPSF` in a module here, and
add it to `KINDS`. The dock, the command line, batches and records use that list. Other kinds need
their own fields in the dock, too: see :data:`napari_tf_deblur._dock.psf_fields.FIELDS`.
"""

from napari.layers import Layer

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds.array_psf import ArrayPSF
from napari_tf_deblur._layers.psf_kinds.defocus import DefocusPSF
from napari_tf_deblur._layers.psf_kinds.estimated import EstimatedPSF, EstimatedPSFSettings
from napari_tf_deblur._layers.psf_kinds.fixed import FixedPSFSettings
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import OpenFile, PSFKind, PSFSettings
from napari_tf_deblur._layers.psf_kinds.measured import BeadPSFSettings, LayerPSF
from napari_tf_deblur._layers.psf_kinds.microscope import (
    AUTOMATIC_PSF,
    MicroscopePSF,
    MicroscopeSettings,
)
from napari_tf_deblur._layers.psf_kinds.motion import MotionPSF
from napari_tf_deblur._layers.psf_kinds.number_settings import AUTOMATIC
from napari_tf_deblur._layers.psf_kinds.parametric import ParametricPSF
from napari_tf_deblur._layers.psf_kinds.varying import PlacedPSFs
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
    "PlacedPSFs",
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

_ALL_KINDS: tuple[type[PSFKind], ...] = (*KINDS, PlacedPSFs)

KINDS_BY_NAME: dict[str, type[PSFKind]] = {kind.name: kind for kind in _ALL_KINDS}
"""All kinds, by their names in a record; `PlacedPSFs`, which only Python gives, included."""


SETTINGS_BY_WORD: dict[str, PSFSettings] = {
    MicroscopePSF.name: MicroscopeSettings(),
    EstimatedPSF.name: EstimatedPSFSettings(),
}
"""PSFs that a user requests by a word; the command line has the same words."""


def choose_psf(psf: object, source: Source) -> PSFKind:
    """Return the PSF of an image, as the user requests it.

    Parameters
    ----------
    psf : array_like, VaryingPSF, napari.layers.Layer, str or None
        A PSF, an image layer of beads, or a word of `SETTINGS_BY_WORD`. None is the PSF of the
        microscope, if the file contains enough of its optics; else the blur is estimated from the
        image.
    source : Source
        The image.

    Returns
    -------
    PSFKind
        The PSF. Its array is not made yet.

    Raises
    ------
    ValueError, TypeError
        If there is no such PSF; the message says why.
    """
    if isinstance(psf, Layer):
        return LayerPSF(read_source(psf))
    if isinstance(psf, VaryingPSF):
        return PlacedPSFs(psf)
    if psf is not None and not isinstance(psf, str):
        return ArrayPSF(psf)
    settings = AUTOMATIC_PSF if psf is None else SETTINGS_BY_WORD.get(psf)
    if settings is None:
        words = " or ".join(map(repr, SETTINGS_BY_WORD))
        raise InvalidValueError(
            f"The PSF is {psf!r}; give {words}, an array, or an image layer that shows the PSF."
        )
    return settings.choose_psf(source, 3 if source.is_volume else min(source.ndim, 2))[1]
