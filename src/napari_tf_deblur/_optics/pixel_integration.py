"""Compute the PSF of a microscope as an array: its shape, and the light on each pixel."""

from dataclasses import replace

import numpy as np

from napari_tf_deblur._core.gaussian_psf import DIFFRACTION_REACH, GAUSSIAN_REACH
from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.diffraction import interpolate_table, table_step
from napari_tf_deblur._optics.lens import Lens
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics
from napari_tf_deblur._optics.widths import fit_sigmas

ENCLOSED_LIGHT = 0.95
"""Definition: of the size of a PSF without a given shape, as the part of the light of each plane
that it contains. The light beyond depends more on the scene outside the frame than on that
inside."""

MAX_CHECKED_PLANES = 64
"""Largest number of planes at which this part is checked. Limit: of time."""


def choose_shape(setup: NormalisedOptics, spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return odd numbers of pixels that hold most of the light; see :func:`integrate_pixels`."""
    across, along = fit_sigmas(setup)
    shape: tuple[int, ...] = ()
    depths = np.zeros(1)
    if len(spacing) == 3:
        planes = int(
            np.ceil(min(DIFFRACTION_REACH * along, GAUSSIAN_REACH * setup.sheet) / spacing[0])
        )
        depths = np.linspace(0, planes * spacing[0], min(planes + 1, MAX_CHECKED_PLANES))
        shape = (2 * planes + 1,)
    # Aberrations send a part of the light far away. The width is that without them, at this depth.
    plain = replace(setup, lens=Lens(setup.sine))
    width = max(_half_width(plain, depths, ENCLOSED_LIGHT), GAUSSIAN_REACH * across)
    return (*shape, *(2 * int(np.ceil(max(width / d - 0.5, 0))) + 1 for d in spacing[-2:]))


def integrate_pixels(
    setup: NormalisedOptics, spacing: tuple[float, ...], shape: tuple[int, ...]
) -> Float64Array:
    """Compute the light of a point on the pixels around it.

    It is averaged over the area of each pixel, and sampled at each plane.

    Parameters
    ----------
    setup : NormalisedOptics
        The microscope.
    spacing : tuple of float
        Pixel size along y and x, or along z, y and x, in wavelengths in the immersion.
    shape : tuple of int
        Odd numbers of pixels.

    Returns
    -------
    ndarray of float64
        The light; not normalised. It is symmetric across the axis, and along it where the specimen
        has the index of the immersion, so only a part is computed.
    """
    depths = np.zeros(1)
    if len(spacing) == 3:
        first = 0 if setup.lens.is_symmetric else -(shape[0] // 2)
        depths = spacing[0] * np.arange(first, shape[0] // 2 + 1, dtype=np.float64)
    (rows, heights), (columns, widths) = (
        _pixel_nodes(setup, d, n) for d, n in zip(spacing[-2:], shape[-2:])
    )
    step = table_step(setup.sine)
    farthest = float(np.hypot(rows.max(), columns.max()))
    table = setup.light(step * np.arange(int(farthest / step) + 4, dtype=np.float64), depths)
    quarter = np.empty((len(depths), len(rows), len(columns)))
    for pixel, places in enumerate(rows):
        radii = np.hypot(places[:, None, None], columns)
        light = interpolate_table(table, step, radii)
        quarter[:, pixel] = np.einsum("y,x,ypxz->zp", heights, widths, light)
    quarter = np.maximum(quarter, 0)  # interpolation may fall below 0 near dark rings
    planes = shape[0] if len(spacing) == 3 else 1
    missing = [(n - m, 0) for n, m in zip((planes, *shape[-2:]), quarter.shape)]
    whole = np.pad(quarter, missing, mode="reflect")
    return whole if len(spacing) == 3 else whole[0]


def _half_width(setup: NormalisedOptics, depths: Float64Array, light: float) -> float:
    """Radius that contains the part `light` of the light of each plane."""
    step = table_step(setup.sine)
    # Cosine of the angle of the cone that contains this part of the rays.
    cosine = 1 - light * setup.lens.cone
    reach = 6 / setup.sine + float(depths[-1]) * np.sqrt(1 / cosine**2 - 1)
    while True:
        radii = step * np.arange(int(reach / step), dtype=np.float64)
        within = np.cumsum(2 * np.pi * step * radii[:, None] * setup.light(radii, depths), axis=0)
        whole = setup.light_of_planes(depths)
        enough = np.all(within >= light * (within[-1] if whole is None else whole), axis=1)
        if enough[-1]:
            return float(radii[np.argmax(enough)])
        reach *= 1.5


def _pixel_nodes(
    setup: NormalisedOptics, spacing: float, count: int
) -> tuple[Float64Array, Float64Array]:
    """Quadrature nodes in each pixel, from the middle pixel outwards, and weights of the mean."""
    nodes, weights = np.polynomial.legendre.leggauss(2 + int(np.ceil(4 * spacing * setup.sine)))
    pixels = spacing * np.arange(count // 2 + 1, dtype=np.float64)
    return np.abs(pixels[:, None] + spacing / 2 * nodes), weights / 2
