"""What JPEG compression left of an image: blocks of cosines whose strengths are rounded.

JPEG files hold blocks of 8 x 8 pixels as strengths of cosines, each rounded to a multiple of a
step of its own. The steps are found again: the strengths of an image that went through JPEG lie in
clusters, those of others do not.
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

MAX_DCT_ORDER = 7
"""Largest sum of a cosine's two numbers: beyond, nearly all coefficients are rounded to 0. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

QUANTISATION_STEPS = np.geomspace(0.004, 0.4, 157)
"""Quantisation steps that are tried, as parts of the largest intensity. Derived: from 1 of 255 on,
3 % apart, so that `MAX_QUANTISED_LEVEL` steps are told apart."""

MAX_QUANTISED_LEVEL = 4.5
"""Largest coefficient that counts, in steps: of larger ones, finer steps would have to be tried.
Derived: an error of 1.5 % in the step is 7 % of a step there."""

MIN_COEFFICIENTS = 30
"""Least number of coefficients that are not rounded to 0. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""

MIN_PHASE_COHERENCE = 0.5
"""Mean cosine of the coefficients' phases from which on they count as multiples of a step. Derived:
it is 1 if they are, 0.66 if pixels were rounded after that and the step is 2, and below 0 if
neither."""

MIN_PART_ABOVE_ONE_STEP = 0.05
"""Least part of the coefficients that must be two steps or more. Guard: against equal bright
pixels; ``tests/blur/test_blur_families.py``."""

MIN_QUANTISED_FREQUENCIES, MIN_QUANTISED_IF_QUIET = 6, 2
"""Least number of cosines, of 34, whose coefficients are multiples of a step, in a JPEG image; the
second if all others are quiet. Whole numbers may have some, too. Set by hand: half or 1.5 times
changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_HIGH_ORDER_POWER = 0.75
"""Power of the other cosines in an image's blocks, over that in blocks beside them, below which
they were rounded to 0. It is 1 in the mean in images that are no JPEG. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

CONTROL_OFFSETS, MAX_CONTROL_FREQUENCIES = ((3, 5), (4, 4), (1, 2)), 1
"""Pixels from the blocks of a JPEG image to other blocks, and the most cosines whose coefficients
may be multiples of a step in these. Guard: against equal spots, which are so anywhere;
``tests/blur/test_blur_families.py``."""


def estimate_jpeg_error(pixels: Pixels) -> float:
    """Find how far JPEG compression has changed the pixels of an image.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame); three channels are taken for red, green and blue.

    Returns
    -------
    float
        Standard deviation at most frequencies, in units of `values`; 0 if the image shows
        no blocks, or is not one of two axes.
    """
    values, valid = pixels
    if values.ndim != 4 or min(values.shape[2:]) < 4 * JPEG_BLOCK:
        return 0.0
    middle = len(values) // 2
    plane = to_luminance(values[middle : middle + 1])[0, 0]
    kept = np.ones(plane.shape, np.bool_)
    if valid is not None:
        kept = np.broadcast_to(valid, values.shape)[middle].all(axis=0)
    peak = float(np.abs(plane).max(initial=0.0, where=kept))
    if not peak > 0:
        return 0.0
    plane = plane / np.float32(peak)
    strengths = {start: _dct_coefficients(plane, kept, start) for start in _block_origins(plane)}
    steps = {start: _find_quantisation_steps(of_start) for start, of_start in strengths.items()}
    start = max(steps, key=lambda start: len(steps[start]))
    found = steps[start]
    if len(found) < MIN_QUANTISED_IF_QUIET:
        return 0.0
    places = [
        ((start[0] + row) % JPEG_BLOCK, (start[1] + column) % JPEG_BLOCK)
        for row, column in CONTROL_OFFSETS
    ]
    beside = [_dct_coefficients(plane, kept, place) for place in places]
    if len(found) < MIN_QUANTISED_FREQUENCIES:
        usual = np.mean([_high_order_power(of_place) for of_place in beside])
        if _high_order_power(strengths[start]) > MAX_HIGH_ORDER_POWER * usual:
            return 0.0
    if (
        sum(len(_find_quantisation_steps(of_place)) for of_place in beside)
        > MAX_CONTROL_FREQUENCIES
    ):
        return 0.0
    return float(peak * np.median(found) / np.sqrt(12))


def to_luminance(values: Float32Array) -> Float32Array:
    """The brightness of colour, shape (planes, 1, *frame); other channels' mean."""
    channels = values.shape[1]
    parts = LUMINANCE_WEIGHTS if channels == 3 else np.full(channels, 1 / channels, np.float32)
    return np.asarray(np.tensordot(parts, values, (0, 1))[:, None])


def _block_origins(plane: Float32Array) -> set[tuple[int, int]]:
    """Where blocks may begin: at the corner or, in a part of an image, where the seams are."""
    seams = []
    for axis in (0, 1):
        bends = np.abs(np.diff(plane, n=3, axis=axis)).mean(axis=1 - axis)  # across the second
        strong = [bends[k::JPEG_BLOCK].mean() for k in range(JPEG_BLOCK)]
        seams.append((int(np.argmax(strong)) + 2) % JPEG_BLOCK)
    return {(0, 0), (seams[0], seams[1])}


def _blocks(plane: NDArray[Any], start: tuple[int, int]) -> NDArray[Any]:
    """Cut a plane into blocks, shape (blocks, 8, 8)."""
    look = LARGEST_LOOK[2]
    part = plane[start[0] : start[0] + look, start[1] : start[1] + look]
    rows, columns = (n // JPEG_BLOCK for n in part.shape)
    blocks = part[: rows * JPEG_BLOCK, : columns * JPEG_BLOCK].reshape(
        rows, JPEG_BLOCK, columns, JPEG_BLOCK
    )
    return blocks.swapaxes(1, 2).reshape(-1, JPEG_BLOCK, JPEG_BLOCK)


def _dct_coefficients(plane: Float32Array, kept: BoolArray, start: tuple[int, int]) -> NDArray[Any]:
    """Strengths of the cosines, shape (blocks, 8, 8), in blocks whose pixels all count."""
    blocks = _blocks(plane, start)[_blocks(kept, start).all(axis=(1, 2))]
    return np.asarray(np.abs(fft.dctn(blocks, axes=(1, 2), norm="ortho")))


def _high_order_power(strengths: NDArray[Any]) -> float:
    """The median power of the cosines beyond `MAX_DCT_ORDER`."""
    others = np.add.outer(np.arange(JPEG_BLOCK), np.arange(JPEG_BLOCK)) > MAX_DCT_ORDER
    return float(np.median(np.square(strengths[:, others]))) if len(strengths) else 0.0


def _find_quantisation_steps(strengths: NDArray[Any]) -> list[float]:
    """The steps of those cosines whose strengths lie in clusters."""
    found = []
    for u in range(JPEG_BLOCK):
        for v in range(JPEG_BLOCK):
            if 0 < u + v <= MAX_DCT_ORDER:
                step = _find_quantisation_step(strengths[:, u, v])
                found += [step] if step else []
    return found


def _find_quantisation_step(strengths: Float32Array) -> float:
    """The largest step of which strengths are multiples; 0 if there is none."""
    ordered = np.sort(strengths)
    first, second, last = (
        np.searchsorted(ordered, QUANTISATION_STEPS * k) for k in (0.5, 1.5, MAX_QUANTISED_LEVEL)
    )
    count = last - first
    told = (count >= MIN_COEFFICIENTS) & (last - second >= MIN_PART_ABOVE_ONE_STEP * count)
    for number in np.flatnonzero(told)[::-1]:
        phases = ordered[first[number] : last[number]] * np.float32(
            2 * np.pi / QUANTISATION_STEPS[number]
        )
        if np.cos(phases, out=phases).sum() > MIN_PHASE_COHERENCE * count[number]:
            return float(QUANTISATION_STEPS[number])
    return 0.0
