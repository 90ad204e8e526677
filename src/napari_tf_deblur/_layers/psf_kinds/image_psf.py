"""Makes the PSF of a run: one, several that vary, or one in the coordinates of a skewed stack."""

from dataclasses import replace
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.psf_skew import skew_psf
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds.gaussian import GaussianPSF
from napari_tf_deblur._layers.psf_kinds.kind import PSFKind
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopePSF
from napari_tf_deblur._layers.psf_kinds.varying import NOT_VARYING, CanVary
from napari_tf_deblur._layers.skew import Skew
from napari_tf_deblur._layers.source import Source


def check_varying(psf: PSFKind, skew: Skew | None) -> None:
    """Raise an error if there cannot be several PSFs; quick arithmetic only."""
    if not isinstance(psf, CanVary):
        raise InvalidValueError(NOT_VARYING)
    psf.check_varying()
    if skew:
        raise InvalidValueError("The PSF of a skewed stack cannot vary: use one PSF.")


def make_psf(
    psf: PSFKind, source: Source, skew: Skew | None, varying: bool = False
) -> tuple[Float32Array | VaryingPSF, tuple[str, ...]]:
    """Make a PSF on the voxels of an image; return it, and what was done, in words.

    The sigma of a Gaussian along z is a length along the optical axis, in steps of the scan. PSFs
    that are measured, estimated or given as an array are in the voxels of the stack already.

    Parameters
    ----------
    psf : PSFKind
        The PSF.
    source : Source
        The image.
    skew : Skew or None
        How the planes of the image are placed, if it is skewed.
    varying : bool
        Whether several PSFs are made, if this kind of PSF can vary.
    """
    if varying and isinstance(psf, CanVary):
        return psf.varying_array(source)
    if skew is None or not _is_optical(psf):
        return psf.array(source)
    if isinstance(psf, GaussianPSF):
        depth, *across = psf.sigma
        psf = replace(psf, sigma=(depth / skew.depth_ratio, *across))
    straight, notes = psf.array(along_the_axis(source, skew))
    return skew_psf(straight, skew.shift), (*notes, str(skew))


def record_psf(
    psf: PSFKind, source: Source, skew: Skew | None, varying: bool = False
) -> dict[str, Any]:
    """Return the record of a PSF. In a skewed stack, no single call makes its array."""
    if varying and isinstance(psf, CanVary):
        return psf.varying_record(source)
    if skew is None or not _is_optical(psf):
        return psf.record(source)
    record = psf.record(along_the_axis(source, skew))
    return {key: value for key, value in record.items() if key != "call"}


def skew_notice(psf: PSFKind, skew: Skew) -> Notice:
    """Say that a stack is skewed, and what this means for its PSF."""
    words = str(skew)
    effect = "was made in" if _is_optical(psf) else "is taken to be in"
    return Notice(
        "skewed stack",
        f"{words[0].upper()}{words[1:]}. The PSF {effect} the coordinates of the stack.",
    )


def along_the_axis(source: Source, skew: Skew | None) -> Source:
    """Return an image with the distance of its planes along the optical axis."""
    if skew is None:
        return source
    first, axes = source.frame(3).indices[0], list(source.axes)
    distance = axes[first].spacing * skew.depth_ratio
    axes[first] = replace(axes[first], spacing=float(f"{distance:.9g}"))
    return replace(source, axes=tuple(axes))


def _is_optical(psf: PSFKind) -> bool:
    """Whether a PSF is that of the optics, which do not know how the stage moves."""
    return isinstance(psf, GaussianPSF | MicroscopePSF)
