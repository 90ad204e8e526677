"""What a preview is asked for, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur.methods import Auto, Method


@dataclass(frozen=True)
class RegionRequest:
    """A region to deblur, and how.

    Attributes
    ----------
    region : tuple of slice
        The region, along all axes of the image.
    psf : ndarray or int
        The PSF; or the number of deblurred axes, if it is estimated from the image.
    method : Method or "auto"
        The method.
    options : mapping
        Options of a run: keyword arguments of :func:`deconvolve`.
    """

    region: Region
    psf: PSF | int
    method: Method | Auto
    options: Mapping[str, Any]


@dataclass(frozen=True)
class RegionPicture:
    """A region, deblurred.

    Attributes
    ----------
    region : tuple of slice
        The region.
    image : ndarray of float32
        Its pixels, in the units of the image.
    offset : float
        The background that was subtracted.
    psf : ndarray of float32
        The PSF that was used.
    is_final : bool
        Whether the settings are those of a run on the whole image. Otherwise they are those of
        the last PSF, and a final picture follows.
    is_whole : bool
        Whether it is cut out of the result of a run on the whole image.
    """

    region: Region
    image: Float32Array
    offset: float
    psf: PSF
    is_final: bool
    is_whole: bool = False
