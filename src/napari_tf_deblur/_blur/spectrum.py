"""The power spectrum of an image, averaged over cells of frequency and direction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.masking import fill_with_nearest
from napari_tf_deblur._core.patches import (
    LARGEST_LOOK,
    LARGEST_SERIES,
    fade_window,
    find_patches,
    leak_spectrum,
    read_patch,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array, Float64Array
from napari_tf_deblur._noise.slabs import find_peak_and_unit

MIN_FREQUENCY = 0.012
"""Lowest frequency of the cells, in cycles per pixel. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

CELL_WIDTH = {1: 0.05, 2: 0.1, 3: 0.14}
"""Width of a cell as a part of its frequency, by number of axes. Limit: of time, and of noise in a
cell."""

DIRECTION_SECTORS = {2: 16, 3: 8}
"""Directions in a half turn; in 3D, angles to each of two axes in a quarter turn. Limit: of time,
and of noise in a cell."""

MIN_FRAME_SIZE = {1: 32, 2: 32, 3: 8}
"""Pixels along an axis below which an image says nothing of its blur, by number of axes. Guard:
against small images; ``tests/blur/test_blur_estimate.py``."""

FADE_SIGMA = 4.0
"""Sigma, in pixels, of the rim over which ignored pixels are faded out. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_PSF_POWER = 1e-12
"""Part of the power below which a PSF passes nothing but rounding errors. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

NODES_PER_CELL = 16
"""Frequencies of a cell in 2D over which a transfer function is averaged. Limit: of time."""

WINDOW_LEAKAGE = (1 / 6, 2 / 3, 1 / 6)
"""Part of the power that the window brings to a frequency from the one before, itself, and the one
after: see `leak_spectrum`. Derived: from the window, a cosine."""

MIN_PERIODS_IN_PATCH = 3.0
"""Least number of periods in a piece: fewer say more of the window than of the image. Set by hand;
its effect is in ``benchmarks/CONSTANTS.md``."""


@dataclass(frozen=True)
class PowerSpectrum:
    """Power by frequency and direction.

    Attributes
    ----------
    power : ndarray
        Shape (cells,): the mean over a cell; white noise has its variance everywhere.
    samples : ndarray
        How many independent values that is the mean of.
    products : ndarray
        Shape (cells, pairs): mean products of frequencies, in cycles per pixel: of each axis
        with itself, in 2D also of the two, twice, as in a quadratic form.
    log_frequency : ndarray
        Mean logarithm of the frequency, in cycles per finest pixel.
    directions : ndarray
        Shape (cells, functions): smooth even functions of the direction, of mean 0.
    log_passed : ndarray
        Shape (PSFs, cells): logarithm of the mean part of the power that each PSF passes that was
        asked about.
    nodes : ndarray of float32
        Shape (2, cells, `NODES_PER_CELL`): frequencies along the rows' and the columns' axis, in cycles
        per pixel, whose power is as that of a cell in the mean; of no cells unless in 2D, or where
        PSFs were asked about.
    frame : tuple of int
        Pixels per axis of the pieces.
    is_even : bool
        Whether pixels are as large along all axes.
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


def extract_patches(pixels: Pixels) -> list[tuple[Float32Array, Float32Array]]:
    """Cut out pieces with structure, of one size, and fade them out.

    There is none in small images, which do not tell how blurred they are.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).

    Returns
    -------
    list of tuple
        Values of shape (channels, *frame), relative to their peak, faded out; and their window, of
        shape (*frame,).
    """
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return []
    frame = pixels.values.shape[2:]
    if min(frame) < MIN_FRAME_SIZE[len(frame)]:
        return []
    look = tuple(min(n, LARGEST_LOOK[len(frame)]) for n in frame)
    outer = fade_window(look)
    pieces = []
    for plane, place in find_patches(pixels, unit, look, LARGEST_SERIES):
        piece, kept = read_patch(pixels, plane, place)
        piece, fade = piece * np.float32(1 / unit), outer
        if kept is not None and not kept.all():
            ignored = ~np.asarray(kept.all(axis=0))
            if ignored.all():
                continue
            inner = _mask_window(ignored)
            piece, fade = _flatten_masked(piece, ignored, inner), outer * inner
        if fade.any():
            mean = np.average(piece.reshape(len(piece), -1), axis=1, weights=outer.ravel())
            mean = mean.reshape(-1, *(1,) * len(frame)).astype(np.float32)
            pieces.append(((piece - mean) * outer, fade))
    return pieces


def _mask_window(ignored: BoolArray) -> Float32Array:
    """Make a window that is 0 at ignored pixels, 1 away from them, and smooth between."""
    part = np.clip(1 - 2 * ndimage.gaussian_filter(ignored.astype(np.float32), FADE_SIGMA), 0, 1)
    return np.asarray(part**3 * (10 - 15 * part + 6 * part**2))


def _flatten_masked(piece: Float32Array, ignored: BoolArray, inner: Float32Array) -> Float32Array:
    """Bring a piece to one level where the window hides it: that of the pixels beside the ignored.

    So neither these nor the window make an edge: saturated areas, for one, lie amid bright pixels.
    """
    filled = piece.copy()
    fill_with_nearest(filled, ignored)
    level = filled[:, ignored].mean(axis=1).reshape(-1, *(1,) * ignored.ndim)
    return np.asarray(level + (filled - level) * inner)


def measure_spectrum(
    pieces: Sequence[tuple[Float32Array, Float32Array]],
    spacing: tuple[float, ...],
    psfs: Sequence[PSF] = (),
) -> PowerSpectrum:
    """Average the power of pieces of one size, each with its window.

    Parameters
    ----------
    pieces : sequence of tuple
        Faded values of shape (channels, *frame), and their window, as `extract_patches` makes them.
    spacing : tuple of float
        Size of a pixel per axis, relative to the finest.
    psfs : sequence of ndarray of float32, optional
        Of sum 1: those to say of what they pass.
    """
    frame = pieces[0][1].shape
    axes = tuple(range(1, 1 + len(frame)))
    power = np.zeros((*frame[:-1], frame[-1] // 2 + 1))
    area = fourth = 0.0
    for values, fade in pieces:
        for channel in values:
            transform = fft.rfftn(channel[None], axes=axes, workers=fft_workers())[0]
            power += np.square(transform.real)
            power += np.square(transform.imag)
        square = np.square(fade)
        area += len(values) * float(np.sum(square, dtype=np.float64))
        fourth += float(np.sum(np.square(square), dtype=np.float64)) / square.size
    mean_square = area / sum(len(values) for values, _ in pieces) / count_pixels(frame)
    used = mean_square**2 / (fourth / len(pieces))
    passed = [leak_spectrum(np.square(np.abs(transfer_function(psf, frame)))) for psf in psfs]
    return _average_cells(power / area, passed, used, frame, spacing)


def count_pixels(frame: tuple[int, ...]) -> int:
    """Pixels of a frame."""
    return int(np.prod(frame))


def _average_cells(
    power: Float64Array,
    passed: list[Float32Array],
    independent_part: float,
    frame: tuple[int, ...],
    spacing: tuple[float, ...],
) -> PowerSpectrum:
    """Average over cells; `independent_part` is the part of the values that are independent."""
    axes = len(frame)
    lines = [fft.fftfreq(n) for n in frame[:-1]] + [fft.rfftfreq(frame[-1])]
    pixels = np.meshgrid(*(line.astype(np.float32) for line in lines), indexing="ij", sparse=True)
    scaled = [f / np.float32(step) for f, step in zip(pixels, spacing)]
    square = sum(np.square(f) for f in scaled) + np.zeros(power.shape, np.float32)
    periods = sum(
        np.square(f * np.float32(n / MIN_PERIODS_IN_PATCH)) for f, n in zip(pixels, frame)
    )
    kept = (periods >= 1) & (square > MIN_FREQUENCY**2)
    square = square[kept]
    log_frequency = np.log(square) / 2
    cell = ((log_frequency - np.log(MIN_FREQUENCY)) / CELL_WIDTH[axes]).astype(np.int64)
    pixels_of = [np.broadcast_to(f, power.shape)[kept] for f in pixels]
    flat = [f / np.float32(step) for f, step in zip(pixels_of, spacing)]
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
    twice = np.full(power.shape[-1], 2.0, np.float32)  # what the half spectrum leaves out
    twice[0] = 1.0
    if frame[-1] % 2 == 0:
        twice[-1] = 1.0
    weight = np.broadcast_to(twice, power.shape)[kept]
    names, cell = np.unique(cell, return_inverse=True)
    count = np.bincount(cell, weight, len(names))

    def mean(values: NDArray[np.floating]) -> Float64Array:
        return np.asarray(np.bincount(cell, weight * values, len(names)) / count)

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
        directions = np.zeros((len(names), 0))
    return PowerSpectrum(
        power=mean(power[kept]),
        samples=count / 2 * independent_part,
        frequency_products=products,
        log_frequency=mean(log_frequency),
        directions=directions,
        log_psf_power=np.log(np.maximum([mean(one[kept]) for one in passed], MIN_PSF_POWER)),
        nodes=_draw_nodes(cell, pixels_of, frame)
        if axes == 2 and not passed
        else np.zeros((2, 0, NODES_PER_CELL), np.float32),
        frame=frame,
        has_equal_pixels=len(set(spacing)) == 1,
    )


def _draw_nodes(
    cell: NDArray[np.intp], pixels: list[Float32Array], frame: tuple[int, ...]
) -> Float32Array:
    """Draw frequencies of each cell, and move them as the window does."""
    random = np.random.default_rng(0)
    mixed = random.permutation(cell.size)
    order = mixed[np.argsort(cell[mixed], kind="stable")]
    count = np.bincount(cell)
    first = np.cumsum(count) - count
    drawn = order[
        first[:, None]
        + ((np.arange(NODES_PER_CELL) + 0.5) / NODES_PER_CELL * count[:, None]).astype(int)
    ]
    moved = [
        frequency[drawn] + random.choice([-1, 0, 1], drawn.shape, p=WINDOW_LEAKAGE) / n
        for frequency, n in zip(pixels, frame)
    ]
    return np.stack(moved).astype(np.float32)
