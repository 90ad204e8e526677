"""Compute the light near the focus of a lens: the vectorial Debye integral, and a pinhole.

Lengths are in wavelengths in the immersion.
"""

import numpy as np
from scipy import special

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.lens import Lens
from napari_tf_deblur._optics.quadrature import quadrature

CHUNK_VALUES = 2**18
"""Number of values that are computed at once. Limit: of memory."""


def lens_intensity(lens: Lens, radii: Float64Array, depths: Float64Array) -> Float64Array:
    """Compute the intensity of a point source seen through a lens.

    It is scaled so that its integral over each plane is 1.

    Parameters
    ----------
    lens : Lens
        The lens, focused on the point.
    radii, depths : ndarray
        Distances from the optical axis, and of the focus from where the point is sharp; depths are
        positive where the focus is deeper in the specimen.

    Returns
    -------
    ndarray
        One row for each radius, one column for each depth.
    """
    reach = float(np.max(radii, initial=0.0)) * lens.sine
    reach += float(np.max(np.abs(depths), initial=0.0)) * lens.cone + lens.count_cycles()
    sines, weights = lens.rays(reach)
    cosines = np.sqrt(1 - sines**2)
    path = lens.path(sines) - lens.focus * cosines
    path -= np.real(path[0])
    rays = np.exp(2j * np.pi * path) * weights
    amplitudes = [part * rays for part in lens.amplitudes(sines)]
    phases = np.exp(2j * np.pi * np.outer(sines**2 / (1 + cosines), depths))
    # One matrix of real numbers, so that the product below is one of real numbers.
    waves = [
        np.concatenate([np.real(wave), np.imag(wave)], axis=1)
        for wave in (amplitude[:, None] * phases for amplitude in amplitudes)
    ]
    light = np.empty((len(radii), len(depths)))
    block = max(1, CHUNK_VALUES // len(sines))
    for start in range(0, len(radii), block):
        part = radii[start : start + block]
        light[start : start + block] = sum(
            np.sum((bessel @ wave).reshape(len(part), 2, -1) ** 2, axis=1)
            for bessel, wave in zip(_bessel(2 * np.pi * np.outer(part, sines)), waves)
        )
    # Energy at the lens, by Parseval's theorem.
    squares = np.sum([np.abs(part) ** 2 for part in amplitudes], axis=0)
    energy = np.sum(squares / (weights * sines * cosines)) / (2 * np.pi)
    return np.asarray(light / energy)


def _bessel(values: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the Bessel functions J0, J1 and J2."""
    zeroth, first = special.j0(values), special.j1(values)
    safe = np.maximum(values, 1e-3)
    second = np.where(values < 1e-3, values**2 / 8, 2 * first / safe - zeroth)
    return zeroth, first, second


def pinhole_transmission(
    lens: Lens, radii: Float64Array, depths: Float64Array, pinhole: float
) -> Float64Array:
    """Compute how much light of a point source a round pinhole transmits.

    Parameters
    ----------
    lens, radii, depths
        See :func:`lens_intensity`; `radii` are distances of the pinhole's centre from the image
        of the point.
    pinhole : float
        Radius of the pinhole, as seen from the sample.

    Returns
    -------
    ndarray
        One row for each radius, one column for each depth.
    """
    step = table_step(lens.sine)
    count = int((np.max(radii) + pinhole) / step) + 4
    table = lens_intensity(lens, step * np.arange(count, dtype=np.float64), depths)
    nodes, weights = quadrature(2 * pinhole * lens.sine)
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
