"""Compute the light near the focus of a lens: the scalar Debye integral, and a pinhole.

Lengths are in wavelengths in the immersion. In this unit, the sine of the half angle of the cone
of light describes a lens completely.
"""

from functools import cache

import numpy as np
from scipy import special

from napari_tf_deblur._core.typing import Float64Array

CHUNK_VALUES = 2**18
"""Number of values that are computed at once. Limit: of memory."""


def lens_intensity(sine: float, radii: Float64Array, depths: Float64Array) -> Float64Array:
    """Compute the intensity of a point source seen through a lens.

    It is scaled so that its integral over each plane is 1.

    Parameters
    ----------
    sine : float
        Numerical aperture divided by the refractive index.
    radii, depths : ndarray
        Distances from the optical axis and from the focal plane.

    Returns
    -------
    ndarray
        One row for each radius, one column for each depth.
    """
    widest = np.arcsin(sine)
    cone = 2 * np.sin(widest / 2) ** 2  # 1 - cos
    cycles = float(np.max(radii, initial=0.0)) * sine + float(np.max(depths, initial=0.0)) * cone
    nodes, weights = quadrature(cycles)
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
    return np.asarray(light * (2 * np.pi / cone))  # energy at the lens, by Parseval's theorem


def pinhole_transmission(
    sine: float, radii: Float64Array, depths: Float64Array, pinhole: float
) -> Float64Array:
    """Compute how much light of a point source a round pinhole transmits.

    Parameters
    ----------
    sine, radii, depths
        See :func:`lens_intensity`; `radii` are distances of the pinhole's centre from the image
        of the point.
    pinhole : float
        Radius of the pinhole, as seen from the sample.

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
        rest = np.maximum(pinhole - part, 0)  # rings up to this radius are inside the pinhole
        places = rest * nodes
        parts = 2 * np.pi * places * rest * weights
        whole = np.einsum("rn,rnz->rz", parts, interpolate_table(table, step, places))
        inner, outer = np.abs(part - pinhole), part + pinhole  # the edge cuts rings between these
        phase = np.pi * (nodes - 0.5)  # substitution by a sine makes the integrand smooth
        places = (outer + inner) / 2 + (outer - inner) / 2 * np.sin(phase)
        cosine = (part**2 + places**2 - pinhole**2) / np.maximum(2 * part * places, 1e-300)
        parts = 2 * np.arccos(np.clip(cosine, -1, 1)) * places
        parts *= (outer - inner) / 2 * np.pi * np.cos(phase) * weights
        cut = np.einsum("rn,rnz->rz", parts, interpolate_table(table, step, places))
        light[start : start + block] = whole + cut
    return light


def table_step(sine: float) -> float:
    """Return the step of radii that is fine enough to interpolate the light."""
    return 1 / (48 * sine)


def interpolate_table(table: Float64Array, step: float, radii: Float64Array) -> Float64Array:
    """Interpolate a table at radii 0, `step`, 2 `step`, ... by cubics through four points."""
    places = radii / step
    left = np.minimum(places.astype(np.intp), len(table) - 3)
    t = (places - left)[..., None]
    rows = (np.abs(left - 1), left, left + 1, left + 2)  # the light is symmetric about radius 0
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    return np.asarray(sum(weight * table[row] for weight, row in zip(weights, rows)))


def quadrature(cycles: float) -> tuple[Float64Array, Float64Array]:
    """Return nodes in 0 to 1 and weights to integrate a function of this many oscillations."""
    pieces = 2 + int(cycles / 3)
    nodes, weights = _gauss()
    starts = np.arange(pieces)[:, None]
    return ((nodes + starts) / pieces).ravel(), np.tile(weights / pieces, pieces)


@cache
def _gauss() -> tuple[Float64Array, Float64Array]:
    """Nodes and weights of Gauss-Legendre quadrature of 12 points on 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return (nodes + 1) / 2, weights / 2
