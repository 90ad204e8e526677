"""What JPEG compression left of an image: blocks of cosines whose strengths are rounded.

JPEG files hold blocks of 8 x 8 pixels as strengths of cosines, each rounded to a multiple of a
step of its own. The steps are found again: the strengths of an image that went through JPEG lie in
clusters, those of others do not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array

BLOCK = 8
"""Pixels of a block along an axis."""

LARGEST_LOOK = 512
"""Pixels per axis of the part that is looked at."""

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Parts of red, green and blue in the brightness that a JPEG file holds (ITU-R BT.601)."""

HIGHEST_SUM = 7
"""Of the two numbers of a cosine: beyond, nearly all strengths are rounded to 0."""

STEPS = np.geomspace(0.004, 0.4, 157)
"""Steps that are tried, as parts of the largest intensity: 1 of 255 and more; 3 % apart."""

MOST_STEPS = 4.5
"""Strengths of so many steps count: those of more would need finer steps to be tried."""

LEAST_STRENGTHS = 30
"""Strengths that are rounded to something else than 0, fewer of which say nothing."""

CLUSTERED = 0.5
"""Mean cosine of the strengths' phases from which on they lie in clusters: 1 if they are multiples
of a step, 0.66 if pixels were rounded after that and the step is 2, less than 0 if neither."""

FARTHER = 0.05
"""Part of them that must be two steps or more: clusters about a single strength may be those of
equal bright pixels."""

LEAST_COSINES, LEAST_IF_QUIET = 6, 2
"""Cosines whose strengths lie in clusters, of 34, in a JPEG image; the second if the others are
quiet. Whole numbers have up to 3."""

QUIET = 0.75
"""Power of the other cosines in an image's blocks, over that in blocks beside them, below which
they were rounded to 0: up to 0.6 in JPEG images, 0.9 to 1.04 in others."""

ASIDE, MOST_BESIDE = ((3, 5), (4, 4), (1, 2)), 1
"""Pixels from the blocks of a JPEG image to other blocks, and how many cosines of all of these may
lie in clusters: none does. Those of equal spots do anywhere."""


def compression_error(pixels: Pixels) -> float:
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
    if values.ndim != 4 or min(values.shape[2:]) < 4 * BLOCK:
        return 0.0
    middle = len(values) // 2
    plane = luminance(values[middle : middle + 1])[0, 0]
    kept = np.ones(plane.shape, np.bool_)
    if valid is not None:
        kept = np.broadcast_to(valid, values.shape)[middle].all(axis=0)
    peak = float(np.abs(plane).max(initial=0.0, where=kept))
    if not peak > 0:
        return 0.0
    plane = plane / np.float32(peak)
    strengths = {start: _strengths(plane, kept, start) for start in _starts(plane)}
    steps = {start: _steps(of_start) for start, of_start in strengths.items()}
    start = max(steps, key=lambda start: len(steps[start]))
    found = steps[start]
    if len(found) < LEAST_IF_QUIET:
        return 0.0
    places = [((start[0] + row) % BLOCK, (start[1] + column) % BLOCK) for row, column in ASIDE]
    beside = [_strengths(plane, kept, place) for place in places]
    if len(found) < LEAST_COSINES:
        usual = np.mean([_power_of_others(of_place) for of_place in beside])
        if _power_of_others(strengths[start]) > QUIET * usual:
            return 0.0
    if sum(len(_steps(of_place)) for of_place in beside) > MOST_BESIDE:
        return 0.0
    return float(peak * np.median(found) / np.sqrt(12))


def luminance(values: Float32Array) -> Float32Array:
    """The brightness of colour, shape (planes, 1, *frame); other channels' mean."""
    channels = values.shape[1]
    parts = LUMINANCE if channels == 3 else np.full(channels, 1 / channels, np.float32)
    return np.asarray(np.tensordot(parts, values, (0, 1))[:, None])


def _starts(plane: Float32Array) -> set[tuple[int, int]]:
    """Where blocks may begin: at the corner or, in a part of an image, where the seams are."""
    seams = []
    for axis in (0, 1):
        bends = np.abs(np.diff(plane, n=3, axis=axis)).mean(axis=1 - axis)  # across the second
        strong = [bends[k::BLOCK].mean() for k in range(BLOCK)]
        seams.append((int(np.argmax(strong)) + 2) % BLOCK)
    return {(0, 0), (seams[0], seams[1])}


def _blocks(plane: NDArray[Any], start: tuple[int, int]) -> NDArray[Any]:
    """Cut a plane into blocks, shape (blocks, 8, 8)."""
    part = plane[start[0] : start[0] + LARGEST_LOOK, start[1] : start[1] + LARGEST_LOOK]
    rows, columns = (n // BLOCK for n in part.shape)
    blocks = part[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return blocks.swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)


def _strengths(plane: Float32Array, kept: BoolArray, start: tuple[int, int]) -> NDArray[Any]:
    """Strengths of the cosines, shape (blocks, 8, 8), in blocks whose pixels all count."""
    blocks = _blocks(plane, start)[_blocks(kept, start).all(axis=(1, 2))]
    return np.asarray(np.abs(fft.dctn(blocks, axes=(1, 2), norm="ortho")))


def _power_of_others(strengths: NDArray[Any]) -> float:
    """The median power of the cosines beyond `HIGHEST_SUM`."""
    others = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)) > HIGHEST_SUM
    return float(np.median(np.square(strengths[:, others]))) if len(strengths) else 0.0


def _steps(strengths: NDArray[Any]) -> list[float]:
    """The steps of those cosines whose strengths lie in clusters."""
    found = []
    for u in range(BLOCK):
        for v in range(BLOCK):
            if 0 < u + v <= HIGHEST_SUM:
                step = _step(strengths[:, u, v])
                found += [step] if step else []
    return found


def _step(strengths: Float32Array) -> float:
    """The largest step of which strengths are multiples; 0 if there is none."""
    ordered = np.sort(strengths)
    first, second, last = (np.searchsorted(ordered, STEPS * k) for k in (0.5, 1.5, MOST_STEPS))
    count = last - first
    told = (count >= LEAST_STRENGTHS) & (last - second >= FARTHER * count)
    for number in np.flatnonzero(told)[::-1]:
        phases = ordered[first[number] : last[number]] * np.float32(2 * np.pi / STEPS[number])
        if np.cos(phases, out=phases).sum() > CLUSTERED * count[number]:
            return float(STEPS[number])
    return 0.0
