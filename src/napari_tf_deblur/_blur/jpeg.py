"""Estimate the error of JPEG compression from the pixels of an image.

JPEG files store blocks of 8 x 8 pixels as DCT coefficients. Each coefficient is rounded to a
multiple of the quantisation step of its frequency. So the coefficients of an image that was
compressed lie in clusters, from which the steps are found. Those of other images do not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.patches import LARGEST_LOOK
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array

JPEG_BLOCK = 8
"""Pixels of a block along an axis. Source: JPEG (ITU-T T.81)."""

LUMINANCE_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the brightness of a JPEG file. Source: ITU-R BT.601, by
JFIF."""

LARGEST_PART = 2 * LARGEST_LOOK[2]
"""Pixels per axis of the part of an image in whose differences the edges of blocks are searched.
Limit: of time."""

MAX_DCT_ORDER = 7
"""Largest order (row plus column number) of the DCT frequencies that are tested. Above it, nearly
all coefficients are rounded to 0. Chosen by ``benchmarks/jpeg.py``: with half, the estimated error
is 0.81 times the true one in place of 0.96."""

QUANTISATION_STEPS = np.geomspace(0.004, 0.4, 157)
"""Quantisation steps that are tried, as parts of the largest intensity. Derived: from 1 of 255 on,
3 % apart, so that `MAX_QUANTISED_LEVEL` steps can be told apart."""

MAX_QUANTISED_LEVEL = 4.5
"""Largest coefficient that is used, in steps: larger ones would need a finer list of steps.
Derived: an error of 1.5 % in the step is 7 % of a step there."""

MIN_COEFFICIENTS = 30
"""Least number of coefficients of a DCT frequency that are not rounded to 0. Chosen by
``benchmarks/jpeg.py``: with half, another image is called compressed; 1.5 times misses 25 of 315
compressed ones more."""

MIN_PHASE_COHERENCE = 0.5
"""Mean of cos(2 pi coefficient / step) above which a DCT frequency counts as quantised. Derived: it
is 1 for exact multiples of the step, 0.66 if the pixels were rounded afterwards and the step is 2,
and below 0 without quantisation."""

SAMPLED_COEFFICIENTS, MIN_SAMPLE_COHERENCE = 64, 0.25
"""Number of coefficients, evenly spread, with which a step is tried first; and mean of the cosine
of these above which all are used. Derived: a mean of 64 cosines that is 0.5 has a standard error of
less than 0.09, so that 0.25 is three of them less."""

MIN_PART_ABOVE_ONE_STEP = 0.05
"""Least part of the coefficients that must be two steps or more. Guard: against equal bright
pixels; ``tests/blur/test_blur_families.py``."""

MIN_QUANTISED_FREQUENCIES = 3
"""Least number of quantised DCT frequencies, of 34, in a JPEG image. Chosen by
``benchmarks/jpeg.py``: with 2, two of 447 other images are called compressed."""

CONTROL_OFFSETS, MAX_CONTROL_FREQUENCIES = ((3, 5), (4, 4), (1, 2)), 1
"""Offsets, in pixels, of shifted blocks for control; and largest number of DCT frequencies that may
look quantised in them. Guard: against equal spots, which look quantised in any blocks;
``tests/blur/test_blur_families.py``."""


def estimate_jpeg_error(pixels: Pixels) -> float:
    """Estimate the error of JPEG compression.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame); three channels are read as red, green and blue.

    Returns
    -------
    float
        Standard deviation of the error at most frequencies, in units of the values; 0 if the image
        shows no blocks of JPEG, or does not have two axes.
    """
    values, valid = pixels
    if values.ndim != 4 or min(values.shape[2:]) < 4 * JPEG_BLOCK:
        return 0.0
    middle = len(values) // 2
    plane = to_luminance(values[middle : middle + 1])[0, 0]
    counted = np.ones((1, 1), np.bool_)
    if valid is not None:
        counted = np.broadcast_to(valid, values.shape)[middle].all(axis=0)
    highest, lowest = (f(plane, initial=0.0, where=counted) for f in (np.max, np.min))
    peak = float(max(highest, -lowest))
    if not peak > 0:
        return 0.0
    corner = (slice(LARGEST_PART),) * 2
    counted = np.broadcast_to(counted, plane.shape)[corner]
    plane = plane[corner] / np.float32(peak)
    coefficients = {
        origin: _dct_coefficients(plane, counted, origin) for origin in _block_origins(plane)
    }
    steps = {origin: _find_quantisation_steps(part) for origin, part in coefficients.items()}
    origin = max(steps, key=lambda origin: len(steps[origin]))
    quantised = steps[origin]
    if len(quantised) < MIN_QUANTISED_FREQUENCIES:
        return 0.0
    shifted_origins = [
        ((origin[0] + row) % JPEG_BLOCK, (origin[1] + column) % JPEG_BLOCK)
        for row, column in CONTROL_OFFSETS
    ]
    controls = [_dct_coefficients(plane, counted, shifted) for shifted in shifted_origins]
    control_count = sum(len(_find_quantisation_steps(control)) for control in controls)
    if control_count > MAX_CONTROL_FREQUENCIES:
        return 0.0
    return float(peak * np.median(quantised) / np.sqrt(12))


def to_luminance(values: Float32Array) -> Float32Array:
    """Return the brightness of colours, or the mean of other channels.

    Parameters
    ----------
    values : ndarray of float32
        Shape (planes, channels, *frame); three channels are read as red, green and blue.

    Returns
    -------
    ndarray of float32
        Shape (planes, 1, *frame).
    """
    channels = values.shape[1]
    parts = LUMINANCE_WEIGHTS if channels == 3 else np.full(channels, 1 / channels, np.float32)
    return np.asarray(np.tensordot(parts, values, (0, 1))[:, None])


def _block_origins(plane: Float32Array) -> set[tuple[int, int]]:
    """Return where blocks may begin: at the corner and, if the image is cropped, at their edges."""
    edges = []
    for axis in (0, 1):
        # A third difference spans four pixels; it is largest where the edge is in their middle.
        differences = np.abs(np.diff(plane, n=3, axis=axis)).mean(axis=1 - axis)
        strengths = [differences[k::JPEG_BLOCK].mean() for k in range(JPEG_BLOCK)]
        edges.append((int(np.argmax(strengths)) + 2) % JPEG_BLOCK)
    return {(0, 0), (edges[0], edges[1])}


def _blocks(plane: NDArray[Any], origin: tuple[int, int]) -> NDArray[Any]:
    """Cut a plane into blocks, shape (blocks, 8, 8)."""
    size = LARGEST_LOOK[2]
    part = plane[origin[0] : origin[0] + size, origin[1] : origin[1] + size]
    rows, columns = (n // JPEG_BLOCK for n in part.shape)
    blocks = part[: rows * JPEG_BLOCK, : columns * JPEG_BLOCK].reshape(
        rows, JPEG_BLOCK, columns, JPEG_BLOCK
    )
    return blocks.swapaxes(1, 2).reshape(-1, JPEG_BLOCK, JPEG_BLOCK)


def _dct_coefficients(
    plane: Float32Array, counted: BoolArray, origin: tuple[int, int]
) -> NDArray[Any]:
    """Return magnitudes of DCT coefficients, shape (blocks, 8, 8), of blocks without a mask."""
    blocks = _blocks(plane, origin)[_blocks(counted, origin).all(axis=(1, 2))]
    return np.asarray(np.abs(fft.dctn(blocks, axes=(1, 2), norm="ortho")))


def _find_quantisation_steps(coefficients: NDArray[Any]) -> list[float]:
    """Return the steps of those DCT frequencies that are quantised."""
    steps = []
    for u in range(JPEG_BLOCK):
        for v in range(JPEG_BLOCK):
            if 0 < u + v <= MAX_DCT_ORDER:
                step = _find_quantisation_step(coefficients[:, u, v])
                steps += [step] if step else []
    return steps


def _find_quantisation_step(coefficients: Float32Array) -> float:
    """Return the largest step of which the coefficients are multiples; 0 if there is none."""
    ordered = np.sort(coefficients)
    first, second, last = (
        np.searchsorted(ordered, QUANTISATION_STEPS * k) for k in (0.5, 1.5, MAX_QUANTISED_LEVEL)
    )
    count = last - first
    is_testable = (count >= MIN_COEFFICIENTS) & (last - second >= MIN_PART_ABOVE_ONE_STEP * count)
    tested = np.flatnonzero(is_testable)
    parts = (np.arange(SAMPLED_COEFFICIENTS) + 0.5) / SAMPLED_COEFFICIENTS
    sample = ordered[first[tested, None] + (parts * count[tested, None]).astype(int)]
    likely = tested[_phase_coherence(sample, tested[:, None]) > MIN_SAMPLE_COHERENCE]
    for number in likely[::-1]:
        if _phase_coherence(ordered[first[number] : last[number]], number) > MIN_PHASE_COHERENCE:
            return float(QUANTISATION_STEPS[number])
    return 0.0


def _phase_coherence(coefficients: Float32Array, number: Any) -> NDArray[np.float32]:
    """Return the mean of cos(2 pi coefficient / step) along the last axis, for steps by number."""
    phases = coefficients * (2 * np.pi / QUANTISATION_STEPS[number]).astype(np.float32)
    return np.asarray(np.cos(phases, out=phases).mean(axis=-1))
