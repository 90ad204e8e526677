"""Measure the power spectrum of an image: mean power in cells of frequency and direction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.half_spectrum import half_spectrum_frequencies, half_spectrum_weights
from napari_tf_deblur._core.patches import leak_spectrum
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, Float32Array, Float64Array

MIN_FREQUENCY = 0.012
"""Lowest frequency of the cells, in cycles per pixel. Chosen by ``benchmarks/blur_constants.py``:
half misses a family, 1.5 times makes sizes less exact."""

CELL_WIDTH = {1: 0.05, 2: 0.1, 3: 0.14}
"""Width of a cell as a part of its frequency, by number of axes. Limit: of time, and of the noise
of a cell."""

DIRECTION_SECTORS = {2: 16, 3: 8}
"""In 2D, number of directions in 180 degrees; in 3D, number of angles to each of two axes in 90
degrees. Limit: of time, and of the noise of a cell."""

MIN_PSF_POWER = 1e-12
"""Part of the power of a PSF below which there are only rounding errors. Derived: those of float32
values are about 1e-6 of the amplitude."""

NODES_PER_CELL = 16
"""Number of frequencies of a 2D cell over which a transfer function is averaged. Limit: of time."""

WINDOW_LEAKAGE = (1 / 6, 2 / 3, 1 / 6)
"""Parts of the power of a frequency that come, through the window, from the frequency before it,
from itself, and from the one after it; see `leak_spectrum`. Derived: from the window, a cosine."""

MIN_PERIODS_IN_PATCH = 3.0
"""Least number of periods in a patch: at lower frequencies the window dominates. Chosen by
``benchmarks/blur_constants.py``: half finds no more blurs, and no size better."""


@dataclass(frozen=True)
class PowerSpectrum:
    """Mean power in cells of frequency and direction.

    Attributes
    ----------
    power : ndarray
        Shape (cells,): mean power of each cell, scaled so that white noise has its variance in all
        cells.
    samples : ndarray
        Shape (cells,): number of independent values in each cell.
    frequency_products : ndarray
        Shape (cells, pairs): mean products of frequencies, in (cycles per pixel) ** 2. There is one
        for each axis with itself; in 2D also twice the product of both axes, as in a quadratic
        form.
    log_frequency : ndarray
        Shape (cells,): mean logarithm of the frequency, in cycles per pixel of the axis with the
        smallest pixels.
    directions : ndarray
        Shape (cells, functions): smooth even functions of the direction, of mean 0.
    log_psf_power : ndarray
        Shape (PSFs, cells): logarithm of the mean part of the power that each PSF passes.
    nodes : ndarray of float32
        Shape (2, cells, `NODES_PER_CELL`): frequencies along rows and columns, in cycles per pixel,
        over which the power of a cell can be averaged. There are no cells except in 2D without
        PSFs.
    frame : tuple of int
        Pixels per axis of the patches.
    has_equal_pixels : bool
        Whether pixels have the same size along all axes.
    """

    power: Float64Array
    samples: Float64Array
    frequency_products: Float64Array
    log_frequency: Float64Array
    directions: Float64Array
    log_psf_power: Float64Array
    nodes: Float32Array
    frame: tuple[int, ...]
    has_equal_pixels: bool


def measure_spectrum(
    patches: Sequence[tuple[Float32Array, Float32Array]],
    spacing: tuple[float, ...],
    psfs: Sequence[PSF] = (),
) -> PowerSpectrum:
    """Measure the mean power of patches of one size.

    Parameters
    ----------
    patches : sequence of tuple
        Windowed values, shape (channels, *frame), and their window, as `extract_patches` returns
        them.
    spacing : tuple of float
        Size of a pixel per axis, relative to the smallest.
    psfs : sequence of ndarray of float32, optional
        PSFs of sum 1, whose transmitted power is averaged over the same cells.

    Returns
    -------
    PowerSpectrum
        The mean power of each cell.
    """
    frame = patches[0][1].shape
    axes = tuple(range(1, 1 + len(frame)))
    power = np.zeros((*frame[:-1], frame[-1] // 2 + 1))
    area = fourth = 0.0
    for values, window in patches:
        for channel in values:
            transform = fft.rfftn(channel[None], axes=axes, workers=fft_workers())[0]
            power += np.square(transform.real)
            power += np.square(transform.imag)
        square = np.square(window)
        area += len(values) * float(np.sum(square, dtype=np.float64))
        fourth += float(np.sum(np.square(square), dtype=np.float64)) / square.size
    mean_square = area / sum(len(values) for values, _ in patches) / int(np.prod(frame))
    independent_part = mean_square**2 / (fourth / len(patches))
    psf_powers = [leak_spectrum(np.square(np.abs(transfer_function(psf, frame)))) for psf in psfs]
    return _average_cells(power / area, psf_powers, independent_part, frame, spacing)


def _average_cells(
    power: Float64Array,
    psf_powers: list[Float32Array],
    independent_part: float,
    frame: tuple[int, ...],
    spacing: tuple[float, ...],
) -> PowerSpectrum:
    """Average powers over cells; `independent_part` is the part of independent values."""
    axes = len(frame)
    pixels = [f.astype(np.float32) for f in half_spectrum_frequencies(frame)]
    scaled = [f / np.float32(step) for f, step in zip(pixels, spacing)]
    square = sum(np.square(f) for f in scaled) + np.zeros(power.shape, np.float32)
    periods = sum(
        np.square(f * np.float32(n / MIN_PERIODS_IN_PATCH)) for f, n in zip(pixels, frame)
    )
    is_used = (periods >= 1) & (square > MIN_FREQUENCY**2)
    square = square[is_used]
    log_frequency = np.log(square) / 2
    cell = ((log_frequency - np.log(MIN_FREQUENCY)) / CELL_WIDTH[axes]).astype(np.int64)
    per_pixel = [np.broadcast_to(f, power.shape)[is_used] for f in pixels]
    flat = [f / np.float32(step) for f, step in zip(per_pixel, spacing)]
    if axes == 2:
        angle = np.arctan2(flat[0], flat[1]) / np.pi  # -1/2 to 1/2
        cell = (
            cell * DIRECTION_SECTORS[2]
            + np.floor(angle * DIRECTION_SECTORS[2] + 0.5).astype(np.int64) % DIRECTION_SECTORS[2]
        )
    elif axes == 3:
        for f in flat[:2]:
            sine = np.minimum(np.abs(f) / np.sqrt(square), np.float32(0.9999))
            angle = np.arcsin(sine) / (np.pi / 2)
            cell = cell * DIRECTION_SECTORS[3] + (angle * DIRECTION_SECTORS[3]).astype(np.int64)
    weight = np.broadcast_to(half_spectrum_weights(frame[-1]), power.shape)[is_used]
    numbers, cell = np.unique(cell, return_inverse=True)
    count = np.bincount(cell, weight, len(numbers))

    def mean(values: NDArray[np.floating]) -> Float64Array:
        return np.asarray(np.bincount(cell, weight * values, len(numbers)) / count)

    squares = np.stack([mean(f * f) for f in flat], axis=1)
    steps = np.square(spacing)
    products = squares * steps
    unit = squares / squares.sum(axis=1, keepdims=True)
    if axes == 2:
        across = mean(flat[0] * flat[1])
        products = np.insert(products, 1, 2 * across * spacing[0] * spacing[1], axis=1)
        cosine, sine = unit[:, 1] - unit[:, 0], 2 * across / squares.sum(axis=1)
        directions = np.stack([cosine, sine, (cosine**2 - sine**2) / 2, cosine * sine], axis=1)
    elif axes == 3:
        pairs = unit * np.roll(unit, 1, axis=1)
        directions = np.concatenate([1.5 * unit - 0.5, 4 * pairs - 4 / 15], axis=1)
    else:
        directions = np.zeros((len(numbers), 0))
    return PowerSpectrum(
        power=mean(power[is_used]),
        samples=count / 2 * independent_part,
        frequency_products=products,
        log_frequency=mean(log_frequency),
        directions=directions,
        log_psf_power=np.log(np.maximum([mean(p[is_used]) for p in psf_powers], MIN_PSF_POWER)),
        nodes=_draw_nodes(cell, per_pixel, frame)
        if axes == 2 and not psf_powers
        else np.zeros((2, 0, NODES_PER_CELL), np.float32),
        frame=frame,
        has_equal_pixels=len(set(spacing)) == 1,
    )


def _draw_nodes(
    cell: NDArray[np.intp], pixels: list[Float32Array], frame: tuple[int, ...]
) -> Float32Array:
    """Draw frequencies of each cell, and shift them at random, as the window spreads them."""
    random = np.random.default_rng(0)
    shuffled = random.permutation(cell.size)
    order = shuffled[np.argsort(cell[shuffled], kind="stable")]
    count = np.bincount(cell)
    first = np.cumsum(count) - count
    indices = order[
        first[:, None]
        + ((np.arange(NODES_PER_CELL) + 0.5) / NODES_PER_CELL * count[:, None]).astype(int)
    ]
    nodes = [
        frequency[indices] + random.choice([-1, 0, 1], indices.shape, p=WINDOW_LEAKAGE) / n
        for frequency, n in zip(pixels, frame)
    ]
    return np.stack(nodes).astype(np.float32)
