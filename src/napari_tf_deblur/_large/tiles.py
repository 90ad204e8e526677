"""Divide an image into overlapping tiles, so that the PSF changes little across each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

import numpy as np

from napari_tf_deblur._core.typing import PSF, Float32Array, Float64Array
from napari_tf_deblur._core.varying_psf import VaryingPSF, linear_weights
from napari_tf_deblur._large.margins import piece_margin
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur.methods import Method

MAX_PSF_CHANGE = 0.25
"""Largest change of the PSF from one tile to the next: the norm of the difference of both PSFs over
that of a PSF. Chosen by ``benchmarks/varying_psf.py --vary``."""

MAX_SAMPLED_PLACES = 16
"""Places along each axis at which the change of a PSF is measured, if the places of its PSFs do not
form a grid. Limit: of time."""


@dataclass(frozen=True)
class Tile:
    """A part of an image that is deblurred with one PSF.

    Attributes
    ----------
    centre : tuple of float
        Pixel along each deblurred axis at which the PSF holds.
    psf : ndarray of float32
        The PSF there.
    output_region : tuple of slice
        Pixels along each deblurred axis to which the tile contributes.
    input_region : tuple of slice
        Pixels along each deblurred axis that are deblurred: the output region and a margin.
    weights : tuple of ndarray of float32
        Weight of the tile at each pixel of the output region, one line along each axis; a pixel's
        weight is the product of its lines. The weights of all tiles sum to 1 at each pixel.
    """

    centre: tuple[float, ...]
    psf: PSF
    output_region: Region
    input_region: Region
    weights: tuple[Float32Array, ...]


def choose_centres(psf: VaryingPSF, frame: Sequence[int]) -> list[Float64Array]:
    """Choose the centres of tiles along each axis, so that the PSF changes equally between them.

    Parameters
    ----------
    psf : VaryingPSF
        The PSF.
    frame : sequence of int
        Pixels of the image along each deblurred axis.

    Returns
    -------
    list of ndarray
        Pixels along each axis, increasing. An axis along which the PSF hardly changes has one.
    """
    sampled = [
        _sample_axis(np.clip(line, 0, n - 1), psf.is_grid)
        for line, n in zip(np.asarray(psf.places).T, frame)
    ]
    mesh = np.stack(np.meshgrid(*sampled, indexing="ij"), axis=-1)
    weights = psf.weights_at(mesh.reshape(-1, psf.ndim)).reshape(*mesh.shape[:-1], -1)
    norm = np.sqrt(np.mean(np.diag(psf.products)))
    centres = []
    for axis, (places, n) in enumerate(zip(sampled, frame)):
        step = np.diff(weights, axis=axis)
        squares = np.sum((step @ psf.products) * step, axis=-1)
        changes = np.sqrt(np.maximum(squares, 0)) / norm
        largest = changes.max(axis=tuple(a for a in range(psf.ndim) if a != axis), initial=0.0)
        centres.append(_spread_centres(places, largest, n))
    return centres


def is_varying(centres: Sequence[Float64Array]) -> bool:
    """Whether an image needs more than one tile."""
    return any(len(line) > 1 for line in centres)


def tiles_around(
    psf: VaryingPSF, centres: Sequence[Float64Array], frame: Sequence[int], method: Method
) -> list[Tile]:
    """Make the tiles around given centres.

    Each tile reaches to the centres of its neighbours. Its weight falls linearly from 1 at its own
    centre to 0 there.

    Parameters
    ----------
    psf : VaryingPSF
        The PSF.
    centres : sequence of ndarray
        Centres along each axis, increasing.
    frame : sequence of int
        Pixels of the image along each deblurred axis.
    method : Method
        The method with which tiles are deblurred; it decides the margin.
    """
    lines = [linear_weights(np.arange(n, dtype=float), c) for n, c in zip(frame, centres)]
    found = [psf.at([c[k] for c, k in zip(centres, index)]) for index in _indices(centres)]
    margin = np.max([piece_margin(one, method) for one in found], axis=0)
    outputs = [[_support(line) for line in axis.T] for axis in lines]
    inputs = [
        [_with_margin(part, parts, int(m), n) for part in parts]
        for parts, m, n in zip(outputs, margin, frame)
    ]
    tiles = []
    for one, index in zip(found, _indices(centres)):
        output = tuple(parts[k] for parts, k in zip(outputs, index))
        if prod(part.stop - part.start for part in output):
            tiles.append(
                Tile(
                    tuple(float(c[k]) for c, k in zip(centres, index)),
                    one,
                    output,
                    tuple(parts[k] for parts, k in zip(inputs, index)),
                    tuple(
                        axis[part, k].astype(np.float32)
                        for axis, part, k in zip(lines, output, index)
                    ),
                )
            )
    return tiles


def _indices(centres: Sequence[Float64Array]) -> "product[tuple[int, ...]]":
    return product(*(range(len(c)) for c in centres))


def _sample_axis(places: Float64Array, is_grid: bool) -> Float64Array:
    """Return the places along an axis at which the change of the PSF is measured."""
    values = np.unique(places)
    if is_grid or len(values) <= MAX_SAMPLED_PLACES:
        return values
    return np.linspace(values[0], values[-1], MAX_SAMPLED_PLACES)


def _spread_centres(places: Float64Array, changes: Float64Array, n: int) -> Float64Array:
    """Return centres between which the PSF changes equally, by at most `MAX_PSF_CHANGE`."""
    path = np.concatenate([[0.0], np.cumsum(changes)])
    if path[-1] == 0:
        return np.array([(n - 1) / 2])
    if path[-1] <= MAX_PSF_CHANGE / 2:
        return np.array([float(np.interp(path[-1] / 2, path, places))])
    count = min(1 + ceil(path[-1] / MAX_PSF_CHANGE), n)
    return np.asarray(np.interp(np.linspace(0, path[-1], count), path, places))


def _support(line: Float64Array) -> slice:
    """Return the range of the pixels with a weight."""
    where = np.flatnonzero(line > 0)
    return slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0, 0)


def _with_margin(part: slice, parts: Sequence[slice], margin: int, n: int) -> slice:
    """Return a range with its margin, inside the image; about equally long for all `parts`."""
    longest = max(one.stop - one.start for one in parts) + 2 * margin
    before = -(-(longest - part.stop + part.start) // 2)
    size = part.stop - part.start + 2 * before
    if size >= n:
        return slice(0, n)
    first = max(0, min(part.start - before, n - size))
    return slice(first, first + size)
