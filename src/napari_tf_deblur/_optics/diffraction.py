"""Light about the focus of a lens: the scalar Debye integral, and a pinhole in front of it.

Lengths are in wavelengths in the immersion, so that the sine of the half angle of the cone of
light says all about a lens.
"""

from functools import cache

import numpy as np
from scipy import special

from napari_tf_deblur._core.typing import Float64Array

CHUNK_VALUES = 2**18
"""Values that are computed at a time. Limit: of memory."""


def lens_intensity(sine: float, radii: Float64Array, depths: Float64Array) -> Float64Array:
    """Intensity of a point seen through a lens, scaled so that each plane holds 1.

    Parameters
    ----------
    sine : float
        Numerical aperture divided by the refractive index.
    radii, depths : ndarray
        Distances from the optical axis and from the plane in focus.

    Returns
    -------
    ndarray
        One row for each radius, one column for each depth.
    """
    widest = np.arcsin(sine)
    cone = 2 * np.sin(widest / 2) ** 2  # 1 - cos
    turns = float(np.max(radii, initial=0.0)) * sine + float(np.max(depths, initial=0.0)) * cone
    nodes, weights = quadrature(turns)
    angles = widest * nodes
    amplitudes = widest * weights * np.sqrt(np.cos(angles)) * np.sin(angles)
    phases = 4 * np.pi * np.outer(np.sin(angles / 2) ** 2, depths)
    waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1) * amplitudes[:, None]
    light = np.empty((len(radii), len(depths)))
    block = max(1, CHUNK_VALUES // len(angles))
    for start in range(0, len(radii), block):
        part = radii[start : start + block]
        field = special.j0(2 * np.pi * np.outer(part, np.sin(angles))) @ waves
        light[start : start + block] = np.sum(field.reshape(len(part), 2, -1) ** 2, axis=1)
    return np.asarray(light * (2 * np.pi / cone))  # by the energy at the lens: Parseval


def pinhole_transmission(
    sine: float, radii: Float64Array, depths: Float64Array, pinhole: float
) -> Float64Array:
    """Light of a point that a round pinhole lets through, by the place of its centre.

    Parameters
    ----------
    sine, radii, depths
        See :func:`lens_intensity`; the radii are those of the pinhole's centre.
    pinhole : float
        The pinhole's radius, as seen from the sample.

    Returns
    -------
    ndarray
        One row for each radius, one column for each depth.
    """
    step = table_step(sine)
    count = int((np.max(radii) + pinhole) / step) + 4
    table = lens_intensity(sine, step * np.arange(count, dtype=np.float64), depths)
    nodes, weights = quadrature(2 * pinhole * sine)
    light = np.empty((len(radii), len(depths)))
    block = max(1, CHUNK_VALUES // (len(nodes) * len(depths)))
    for start in range(0, len(radii), block):
        part = radii[start : start + block, None]
        rest = np.maximum(pinhole - part, 0)  # up to this radius, rings lie in the pinhole
        places = rest * nodes
        parts = 2 * np.pi * places * rest * weights
        whole = np.einsum("rn,rnz->rz", parts, interpolate_table(table, step, places))
        inner, outer = np.abs(part - pinhole), part + pinhole  # its edge cuts these
        turn = np.pi * (nodes - 0.5)  # the sine makes smooth how much of a ring is inside
        places = (outer + inner) / 2 + (outer - inner) / 2 * np.sin(turn)
        cosine = (part**2 + places**2 - pinhole**2) / np.maximum(2 * part * places, 1e-300)
        parts = 2 * np.arccos(np.clip(cosine, -1, 1)) * places
        parts *= (outer - inner) / 2 * np.pi * np.cos(turn) * weights
        cut = np.einsum("rn,rnz->rz", parts, interpolate_table(table, step, places))
        light[start : start + block] = whole + cut
    return light


def table_step(sine: float) -> float:
    """Distance of radii at which light is known well enough to interpolate it."""
    return 1 / (48 * sine)


def interpolate_table(table: Float64Array, step: float, radii: Float64Array) -> Float64Array:
    """Values of a table of the radii 0, `step`, ... at others, by cubics through four points."""
    places = radii / step
    left = np.minimum(places.astype(np.intp), len(table) - 3)
    t = (places - left)[..., None]
    rows = (np.abs(left - 1), left, left + 1, left + 2)  # light is the same on both sides
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    return np.asarray(sum(weight * table[row] for weight, row in zip(weights, rows)))


def quadrature(turns: float) -> tuple[Float64Array, Float64Array]:
    """Places in 0 to 1 and their weights, to integrate what oscillates so many times."""
    pieces = 2 + int(turns / 3)
    nodes, weights = _gauss()
    starts = np.arange(pieces)[:, None]
    return ((nodes + starts) / pieces).ravel(), np.tile(weights / pieces, pieces)


@cache
def _gauss() -> tuple[Float64Array, Float64Array]:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return (nodes + 1) / 2, weights / 2
