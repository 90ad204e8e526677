"""Places of an image where there is something to be seen, for what a part is enough to find."""

from itertools import product
from typing import Literal

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import Float32Array

PatchSlices = tuple[slice, ...]

LARGEST_LOOK = {1: 4096, 2: 512, 3: 96}
"""Pixels per axis of a part that is enough to find the blur or the noise from, by number of axes.
Limit: of time."""

LARGEST_SERIES = 5
"""Planes that are enough to find the blur or the noise from. Limit: of time."""

MIN_STRUCTURE_RATIO = 4.0
"""Ratio of structure from which on another place than the middle is looked at. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

FILL_WINDOW = 5
"""Pixels per axis whose mean is put where nothing was seen. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""


def find_patches(
    pixels: Pixels, unit: float, patch_shape: tuple[int, ...], max_patches: int
) -> list[tuple[int, PatchSlices]]:
    """Pick pieces of the size `patch_shape`, one in each of at most `max_patches` groups of planes.

    The middle of the middle plane of each group, unless there is much more to be seen elsewhere;
    then where there is most. An image that is turned or mirrored is looked at in the same places.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    unit : float
        What intensities are divided by before they are squared.
    look : tuple of int
        Shape of the pieces, not larger than the frame.
    most : int
        Number of pieces, at the most.

    Returns
    -------
    list of (int, tuple of slice)
        Plane, and place in it over channels and frame; none if nothing is to be seen.
    """
    planes = pixels.values
    starts = [_patch_starts(n, m) for n, m in zip(planes.shape[2:], patch_shape)]
    places = [
        (slice(None), *(slice(a, a + m) for a, m in zip(corner, patch_shape)))
        for corner in product(*starts)  # the middle first
    ]
    usable = [
        plane
        for plane in range(len(planes))
        if not all(_is_blank(read_patch(pixels, plane, place)) for place in places)
    ]
    picked: list[tuple[int, PatchSlices]] = []
    for group in np.array_split(usable, min(max_patches, len(usable))) if usable else ():
        nearest = sorted(group.tolist(), key=lambda plane: abs(plane - group[len(group) // 2]))
        found = {
            (plane, number): neighbour_covariance(
                subtract_mean(read_patch(pixels, plane, place), unit)
            )
            for plane, (number, place) in product(nearest, enumerate(places))
            if not _is_blank(read_patch(pixels, plane, place))
        }
        usual = next((at for at in found if at[1] == 0), None)
        best = max(found, key=lambda at: found[at])
        if usual is not None and found[best] <= MIN_STRUCTURE_RATIO * max(found[usual], 0.0):
            best = usual
        picked.append((best[0], places[best[1]]))
    return picked


def symmetric_size(n: int, most: int) -> int:
    """Pixels of a piece, `max_patches` at the most, that has as many on both sides of it in `n`."""
    return n if n <= most else max(1, most - (n - most) % 2)


def _patch_starts(n: int, m: int) -> list[int]:
    """First pixels of pieces of m that cover n: of one in the middle first, then of a mirrored row.

    The middle is one half pixel off where `symmetric_size` was not asked.
    """
    count = -(-n // m)
    half = [k * (n - m) // (count - 1) for k in range(count // 2)]
    middle = (n - m) // 2
    return [middle, *sorted({*half, *(n - m - start for start in half)} - {middle})]


def fade_window(look: tuple[int, ...]) -> Float32Array:
    """A window that fades a piece out towards its frame."""
    faded = np.ones(look, np.float32)
    for axis, n in enumerate(look):
        line = np.sin(np.pi * (np.arange(n) + 0.5) / n).astype(np.float32) ** 2
        faded *= line.reshape([-1 if a == axis else 1 for a in range(len(look))])
    return faded


def leak_spectrum(power: Float32Array) -> Float32Array:
    """What a power spectrum looks like through the window: smeared into the neighbours."""
    for axis in range(power.ndim):
        mode: Literal["mirror", "wrap"] = "mirror" if axis == power.ndim - 1 else "wrap"
        power = ndimage.correlate1d(power, [1 / 6, 2 / 3, 1 / 6], axis=axis, mode=mode)
    return power


def read_patch(pixels: Pixels, plane: int, place: PatchSlices) -> Pixels:
    """Return a piece of a plane; shape (channels, *piece)."""
    values, valid = pixels
    if valid is not None:
        valid = np.broadcast_to(valid, values.shape)[plane][place]
    return Pixels(values[plane][place], valid)


def _is_blank(piece: Pixels) -> bool:
    kept = piece.values if piece.valid is None else piece.values[piece.valid]
    return not (kept.size and np.ptp(kept) > 0)


def neighbour_covariance(image: Float32Array) -> float:
    """Covariance of neighbours: noise has none, and a single bright pixel neither."""
    total = 0.0
    for axis in range(1, image.ndim):
        if image.shape[axis] > 1:
            along = np.moveaxis(image, axis, -1)
            total += float(np.mean(along[..., 1:] * along[..., :-1], dtype=np.float64))
    return total


def subtract_mean(piece: Pixels, unit: float) -> Float32Array:
    """Return a piece in other units, less its mean; invalid pixels are filled from around them."""
    valid = piece.valid
    image = np.asarray(piece.values * np.float32(1 / unit), dtype=np.float32)
    if valid is None:
        return np.asarray(image - image.mean())
    known = valid.astype(np.float32)
    image = np.where(valid, image - np.mean(image, where=valid), np.float32(0))
    size = (1, *[FILL_WINDOW] * (image.ndim - 1))
    around = ndimage.uniform_filter(image, size) / (
        ndimage.uniform_filter(known, size) + np.float32(1e-6)
    )
    return np.asarray(np.where(valid, image, around))
