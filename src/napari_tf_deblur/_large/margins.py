"""Compute the margins of pieces: how far the result at a pixel depends on other pixels."""

from collections.abc import Sequence

from napari_tf_deblur._core.psf_resizing import passes_zero
from napari_tf_deblur._core.scene_grid import Grid, measure_reach
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur.methods import Method

MARGIN_RATIO, ZERO_CROSSING_MARGIN_RATIO = 3, 8
"""Margin of a piece, in units of the reach of the PSF. The second number is for PSFs whose transfer
function passes through zero (motion, defocus): their inverse filters reach farther, and equally far
along all axes. Chosen by ``benchmarks/pieces.py seams --margins 1,2,3,4``: pieces differ from the
whole image by less than 1 % of its range."""

MAX_GAP_RATIO = {1: 4, 2: 4, 3: 2}
"""Largest gap between the border of the image and its opposite side, in units of the margin, by
number of axes. Limit: of memory, in volumes; ``benchmarks/pieces.py seams --gap 4`` shows what
differs."""


def scene_gap(frame: Sequence[int], psf: PSF, method: Method) -> tuple[int, ...]:
    """Return the width of the gap between the border of the image and its opposite side.

    Solvers compute on a periodic scene that is larger than the image. Beyond the border of the
    image lies a gap without pixels, and then the opposite side of the image. Pieces at the border
    read both. In volumes, methods without a weight do not read the opposite side, and the width is
    0; this changed their results by less than 0.2 % of the range.

    Parameters
    ----------
    frame : sequence of int
        Pixels of the image along each deblurred axis.
    psf : ndarray of float32
        PSF of sum 1.
    method : Method
        The method with which pieces are deblurred.

    Returns
    -------
    tuple of int
        Pixels along each deblurred axis.
    """
    if len(frame) == 3 and not method.has_weight:
        return (0,) * len(frame)
    scene = Grid.around(tuple(frame), psf, "unknown", PSF_LIGHT_KEPT, method.reach).scene
    limits = [MAX_GAP_RATIO[len(frame)] * m for m in piece_margin(psf, method)]
    return tuple(min(s - n, limit) for s, n, limit in zip(scene, frame, limits))


def piece_margin(psf: PSF, method: Method) -> tuple[int, ...]:
    """Return the margin of a piece: its result depends on this many pixels around it.

    Parameters
    ----------
    psf : ndarray of float32
        PSF of sum 1.
    method : Method
        The method with which pieces are deblurred.

    Returns
    -------
    tuple of int
        Pixels at each side, along each axis of the PSF. The margin is three times the distance
        within which 99.9 % of the light of the PSF lies. If the transfer function of the PSF
        passes through zero, it is eight times that distance along the longest axis, for all axes.

    Examples
    --------
    >>> from napari_tf_deblur import TotalVariation, gaussian_psf, piece_margin
    >>> piece_margin(gaussian_psf(1.5), TotalVariation())
    (15, 15)
    """
    reach = [max(a, b, 1) for a, b in zip(*measure_reach(psf, PSF_LIGHT_KEPT))]
    if passes_zero(psf):
        return (max(ZERO_CROSSING_MARGIN_RATIO, method.reach) * max(reach),) * len(reach)
    return tuple(max(MARGIN_RATIO, method.reach) * n for n in reach)
