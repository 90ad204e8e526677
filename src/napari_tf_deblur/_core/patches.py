"""Choose patches of an image that contain structure, for estimates that need only a part of it."""

from itertools import product
from typing import Literal

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import Float32Array

PatchSlices = tuple[slice, ...]

LARGEST_LOOK = {1: 4096, 2: 512, 3: 96}
"""Largest patch, in pixels per axis, from which the blur or the noise is estimated; by number of
axes. Limit: of time."""

LARGEST_SERIES = 5
"""Largest number of planes from which the blur or the noise is estimated. Limit: of time."""

MIN_STRUCTURE_RATIO = 4.0
"""Ratio of structure from which on another patch is chosen than the middle one. Guard: against a
choice by chance; ``tests/core/test_patches.py``."""

FILL_WINDOW = 5
"""Window, in pixels per axis, whose mean replaces an invalid pixel. Guard: against holes of 3 by 3
pixels; ``tests/core/test_patches.py``."""


def find_patches(
    pixels: Pixels, unit: float, patch_shape: tuple[int, ...], max_patches: int
) -> list[tuple[int, PatchSlices]]:
    """Choose patches of an image, one in each of at most `max_patches` groups of planes.

    In each group, the patch is the middle of the middle plane, unless another patch has much more
    structure; then it is the one with the most structure. Structure is measured by the covariance
    of neighbouring pixels. The choice turns and flips with the image.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    unit : float
        Intensity by which the pixels are divided before they are squared.
    patch_shape : tuple of int
        Shape of the patches, not larger than the frame.
    max_patches : int
        Largest number of patches.

    Returns
    -------
    list of (int, tuple of slice)
        Plane, and slices of it over channels and frame. Empty if the image has no structure.
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
    patches: list[tuple[int, PatchSlices]] = []
    for group in np.array_split(usable, min(max_patches, len(usable))) if usable else ():
        nearest = sorted(group.tolist(), key=lambda plane: abs(plane - group[len(group) // 2]))
        structure = {
            (plane, number): neighbour_covariance(
                subtract_mean(read_patch(pixels, plane, place), unit)
            )
            for plane, (number, place) in product(nearest, enumerate(places))
            if not _is_blank(read_patch(pixels, plane, place))
        }
        middle = next((at for at in structure if at[1] == 0), None)
        best = max(structure, key=lambda at: structure[at])
        if middle is not None and (
            structure[best] <= MIN_STRUCTURE_RATIO * max(structure[middle], 0.0)
        ):
            best = middle
        patches.append((best[0], places[best[1]]))
    return patches


def symmetric_size(n: int, most: int) -> int:
    """Size of a patch, at most `most` pixels, that leaves as many of `n` pixels on both sides."""
    return n if n <= most else max(1, most - (n - most) % 2)


def _patch_starts(n: int, m: int) -> list[int]:
    """First pixels of patches of `m` pixels that cover `n`: the middle one first, then the others.

    The others lie symmetrically about the middle. If `m` does not come from `symmetric_size`, the
    middle patch may be half a pixel off the middle.
    """
    count = -(-n // m)
    half = [k * (n - m) // (count - 1) for k in range(count // 2)]
    middle = (n - m) // 2
    return [middle, *sorted({*half, *(n - m - start for start in half)} - {middle})]


def fade_window(shape: tuple[int, ...]) -> Float32Array:
    """Return a window (a squared sine per axis) that fades a patch out towards its edges."""
    window = np.ones(shape, np.float32)
    for axis, n in enumerate(shape):
        line = np.sin(np.pi * (np.arange(n) + 0.5) / n).astype(np.float32) ** 2
        window *= line.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return window


def leak_spectrum(power: Float32Array) -> Float32Array:
    """Return a power spectrum after the window: each value leaks into its neighbours."""
    for axis in range(power.ndim):
        mode: Literal["mirror", "wrap"] = "mirror" if axis == power.ndim - 1 else "wrap"
        power = ndimage.correlate1d(power, [1 / 6, 2 / 3, 1 / 6], axis=axis, mode=mode)
    return power


def read_patch(pixels: Pixels, plane: int, place: PatchSlices) -> Pixels:
    """Return a patch of a plane; shape (channels, *patch)."""
    values, valid = pixels
    if valid is not None:
        valid = np.broadcast_to(valid, values.shape)[plane][place]
    return Pixels(values[plane][place], valid)


def _is_blank(patch: Pixels) -> bool:
    """Whether a patch has no valid pixel, or one intensity only."""
    values = patch.values if patch.valid is None else patch.values[patch.valid]
    return not (values.size and np.ptp(values) > 0)


def neighbour_covariance(image: Float32Array) -> float:
    """Sum over axes of the covariance of neighbouring pixels.

    It is about 0 for independent noise and for a single bright pixel.
    """
    total = 0.0
    for axis in range(1, image.ndim):
        if image.shape[axis] > 1:
            along = np.moveaxis(image, axis, -1)
            total += float(np.mean(along[..., 1:] * along[..., :-1], dtype=np.float64))
    return total


def subtract_mean(patch: Pixels, unit: float) -> Float32Array:
    """Divide a patch by a unit and subtract its mean; fill invalid pixels from their neighbours."""
    valid = patch.valid
    image = np.asarray(patch.values * np.float32(1 / unit), dtype=np.float32)
    if valid is None:
        return np.asarray(image - image.mean())
    known = valid.astype(np.float32)
    image = np.where(valid, image - np.mean(image, where=valid), np.float32(0))
    size = (1, *[FILL_WINDOW] * (image.ndim - 1))
    around = ndimage.uniform_filter(image, size) / (
        ndimage.uniform_filter(known, size) + np.float32(1e-6)
    )
    return np.asarray(np.where(valid, image, around))
