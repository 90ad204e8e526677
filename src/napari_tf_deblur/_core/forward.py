"""The forward model in NumPy: the scene's grid, the transfer function, convolution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, Float64Array

Boundary = Literal["unknown", "zero", "periodic"]

SCENE_SIZES_2D = tuple(
    rung
    for line in (
        "2 3 4 5 6 8 9 10 12 15 18 20 24 27 30 36 40 45 50 54 60 72 80 90 100 108 120",
        "135 150 180 200 225",
        "270 300 324 360 400 450",
        "540 600 648 720 800 900 1080",
    )
    for rung in map(int, line.split())
)
"""Sizes of scenes in 2D: products of 2, 3 and 5, from 100 on 8 to 20 % apart. Limit: of the number
of sizes that are compiled; ``benchmarks/sizes.py`` measures their time and memory."""

MAX_USEFUL_POWER = 0.35
"""Part of the power of white light from which on a PSF leaves little to sharpen, so that the method
is chosen by the noise: Gaussians of up to half a pixel. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_NEGATIVE_OTF = 0.01
"""Value, below zero, of an optical transfer function from which on it has passed through zero. Set
by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_SIZE_RATIO = 1.04
"""Least ratio of neighbouring sizes of scenes in 1D and 3D. Limit: of the number of sizes that are
compiled; ``benchmarks/sizes.py`` measures their time and memory."""

MAX_LADDER_SIZE = 2**16
"""Size in pixels beyond which every size has its own scene. Limit: of memory."""


@dataclass(frozen=True)
class Grid:
    """Where the camera's frame lies in the larger, periodic grid of the scene.

    Attributes
    ----------
    frame, scene : tuple of int
        Shapes over the deblurred axes, in pixels.
    offset : tuple of int
        Index in the scene of the frame's first pixel.
    """

    frame: tuple[int, ...]
    scene: tuple[int, ...]
    offset: tuple[int, ...]

    @classmethod
    def around(
        cls,
        frame: tuple[int, ...],
        psf: PSF,
        boundary: Boundary,
        reach: float = 1.0,
        times: int = 1,
    ) -> Self:
        """Find the scene that holds what a PSF can bring into a frame.

        The sizes are rungs of a ladder, so that frames of many sizes share compiled code;
        see :func:`scene_size`. A ``"periodic"`` scene is the frame itself. `reach` is the part
        of the PSF's light to account for: the rest, far out in the large PSFs of microscopes,
        wraps round instead of costing memory. So many `times` the PSF's reach is left around
        the frame.
        """
        if boundary == "periodic":
            return cls(frame, frame, (0,) * len(frame))
        before, after = [[times * n for n in side] for side in measure_reach(psf, reach)]
        scene = tuple(scene_size(n + a + b, len(frame)) for n, a, b in zip(frame, before, after))
        # Light that lands at i comes from i - k, for k from -before to +after.
        return cls(frame, scene, tuple(after))

    @property
    def window(self) -> tuple[slice, ...]:
        """Slices that cut the frame out of the scene."""
        return tuple(slice(o, o + n) for o, n in zip(self.offset, self.frame))

    @property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """Widths of the scene before and after the frame, per axis."""
        return tuple((o, s - n - o) for o, n, s in zip(self.offset, self.frame, self.scene))

    def extend_mirrored(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Continue a frame over the scene as in a mirror, from whichever side is nearer.

        The scene is periodic, so that a line beyond the frame is some pixels from both sides. One
        as far from both has the mean. So where the frame lies in the scene does not matter, and
        what is made of a mirrored frame is mirrored.

        Parameters
        ----------
        values : ndarray of float32
            Shape (..., *frame).

        Returns
        -------
        ndarray of float32
            Shape (..., *scene).
        """
        first = values.ndim - len(self.frame)
        for axis, (n, size, offset) in enumerate(zip(self.frame, self.scene, self.offset), first):
            before, after = _mirror_indices(n, size)
            place = np.roll(np.arange(size), offset)
            longer = values.take(before[place], axis)
            as_far = np.flatnonzero(before[place] != after[place])
            if as_far.size:
                line = (slice(None),) * axis + (as_far,)
                longer[line] = (longer[line] + values.take(after[place][as_far], axis)) / 2
            values = longer
        return values


def scene_size(least: int, axes: int) -> int:
    """Round the size of a scene up to a rung of a ladder of sizes whose transforms are fast.

    What is compiled is compiled for one shape of the scene, which takes about a second and
    some megabytes that are never freed. In 2D the rungs lie 7 to 20 % apart up to the size
    where a run takes longer than that, and a little above the usual sizes of cameras; in
    volumes and in larger images, where more pixels cost more, 4 %.

    Parameters
    ----------
    least : int
        What the scene must hold along an axis.
    axes : int
        Number of axes of the scene.

    Returns
    -------
    int
        With no prime factor above 5; `least` or more.

    Examples
    --------
    >>> scene_size(512 + 12, 2), scene_size(555, 2)
    (540, 600)
    """
    rungs = SCENE_SIZES_2D if axes == 2 and least <= SCENE_SIZES_2D[-1] else _fine_rungs()
    found = next((rung for rung in rungs if rung >= least), None)
    return fft.next_fast_len(least, real=True) if found is None else found


def transfer_function(psf: PSF, scene: tuple[int, ...]) -> NDArray[np.complex64]:
    """Compute the optical transfer function (OTF) of a PSF on a periodic grid.

    Parameters
    ----------
    psf : ndarray of float32
        Origin at index ``n // 2`` of each axis; what is larger than the grid wraps round.
    scene : tuple of int
        Shape of the grid.

    Returns
    -------
    ndarray of complex64
        Half spectrum, as :func:`scipy.fft.rfftn` gives it.
    """
    wrapped = np.zeros(scene, dtype=np.float32)
    indices = [(np.arange(n) - n // 2) % size for n, size in zip(psf.shape, scene)]
    np.add.at(wrapped, np.ix_(*indices), psf)
    return np.asarray(fft.rfftn(wrapped, workers=fft_workers()), dtype=np.complex64)


def resize_psf(psf: PSF, times: float) -> PSF:
    """Make a PSF narrower or wider, whatever its shape; its centre of gravity stays.

    The transfer function is drawn out along frequency, and cut at the finest that pixels hold.
    Where it changes its sign, as those of motion and defocus do, edges would ring, and the PSF's
    pixels are drawn together or apart instead.

    Parameters
    ----------
    psf : ndarray of float32
        Of sum 1.
    times : float
        How many times as wide, above 0.

    Returns
    -------
    ndarray of float32
        Of sum 1; a wider one is as much larger, its origin at index ``n // 2`` again.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> bool(np.abs(resized(gaussian_psf(2), 0.8) - gaussian_psf(1.6, 17)).max() < 1e-3)
    True
    """
    along = _area_weights if passes_zero(psf) else _sinc_weights
    drawn = psf.astype(np.float64)
    for axis, (n, centre) in enumerate(zip(psf.shape, _centre_of_gravity(psf))):
        more = max(0, math.ceil((times - 1) * n / 2))
        before = np.arange(n) - centre
        after = np.arange(n + 2 * more) - more - centre
        drawn = np.moveaxis(np.tensordot(along(before, after, times), drawn, (1, axis)), 0, axis)
    return np.asarray(drawn / drawn.sum(), dtype=np.float32)


def power_passed(psf: PSF, grid: tuple[int, ...]) -> float:
    """Part of the power of white light that a PSF passes, 0 to 1: less if it is wider."""
    return float(np.mean(np.square(np.abs(transfer_function(psf, grid)))))


def hardly_blurs(psf: PSF) -> bool:
    """Whether a PSF is so narrow that there is more noise to remove than blur."""
    return power_passed(psf, tuple(2 * n for n in psf.shape)) > MAX_USEFUL_POWER


def passes_zero(psf: PSF) -> bool:
    """Whether the transfer function changes its sign, as those of motion and defocus do."""
    aside = [n // 2 - round(float(c)) for n, c in zip(psf.shape, _centre_of_gravity(psf))]
    centred = np.roll(psf, aside, tuple(range(psf.ndim)))
    return bool(transfer_function(centred, _doubled_size(psf)).real.min() < -MIN_NEGATIVE_OTF)


def _centre_of_gravity(psf: PSF) -> list[float]:
    """The centre of gravity, as an index of each axis."""
    axes = range(psf.ndim)
    along = [psf.sum(tuple(other for other in axes if other != axis)) for axis in axes]
    return [float(np.average(np.arange(len(part)), weights=part)) for part in along]


def _doubled_size(psf: PSF) -> tuple[int, ...]:
    """A grid on which nothing of a PSF wraps round."""
    return tuple(fft.next_fast_len(2 * n, real=True) for n in psf.shape)


def _sinc_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Shares of pixels at some places in pixels at others, for waves that both can hold."""
    band = min(1.0, 1 / times)
    return np.asarray(band * np.sinc(band * (after[:, None] - times * before)))


def _area_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Shares of pixels made so many times as large, and moved as far, in those they fall into."""
    low = np.maximum(after[:, None] - 0.5, times * (before - 0.5))
    high = np.minimum(after[:, None] + 0.5, times * (before + 0.5))
    return np.asarray(np.maximum(high - low, 0) / times)


def laplacian_spectrum(
    shape: tuple[int, ...], spacing: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """Compute minus the transfer function of the sum of second differences along all axes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the periodic grid.
    spacing : sequence of float, optional
        Voxel size per axis; 1 by default.

    Returns
    -------
    ndarray of float32
        Half spectrum, as :func:`scipy.fft.rfftn` gives it; not negative.
    """
    total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
    for axis, n in enumerate(shape):
        line = 2 - 2 * np.cos(2 * np.pi * np.arange(total.shape[axis]) / n)
        line /= 1.0 if spacing is None else spacing[axis] ** 2
        total += line.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return total


def convolve(
    image: ArrayLike,
    psf: ArrayLike,
    *,
    boundary: Literal["zero", "periodic", "reflect"] = "zero",
    channel_axis: int | None = None,
) -> NDArray[np.float32]:
    """Blur an image with a point spread function: the forward model.

    A true convolution: an asymmetric PSF is not mirrored, and nothing moves, whether the
    sizes are odd or even, because a PSF's origin is its pixel at index ``n // 2``.

    Parameters
    ----------
    image : array_like
        The last axes, as many as the PSF has, are blurred; leading ones are looped over.
    psf : array_like
        1 to 3 axes. Used as it is: its sum scales the image.
    boundary : {"zero", "periodic", "reflect"}, optional
        What lies outside the image: nothing, the image again, or its mirror image about
        the outermost pixels' edges.
    channel_axis : int, optional
        Axis of colour channels, not blurred and not counted among the last axes.

    Returns
    -------
    ndarray of float32
        Same shape and units as `image`. Where neither image nor PSF has a negative value, nor
        has this.

    Raises
    ------
    TypeError
        If image or PSF do not hold real numbers.
    ValueError
        If the PSF has more axes than the image or is not usable, or the boundary is not
        one of the three.

    Examples
    --------
    >>> convolve([0, 0, 1, 0, 0], [0, 1, 2]).round(3)
    array([0., 0., 1., 2., 0.], dtype=float32)
    """
    choices = ("zero", "periodic", "reflect")
    if boundary not in choices:
        raise InvalidValueError(f"The boundary is {boundary!r}; choose one of {choices}.")
    values = np.asarray(image)
    kernel = check_psf(psf, values.ndim - (channel_axis is not None))
    total = np.sum(np.asarray(psf), dtype=np.float64)  # which the check has divided by
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"The image holds values of type {values.dtype}; it must hold real numbers."
        )
    values = values.astype(np.float32)
    is_light = values.min(initial=0) >= 0 and kernel.min() >= 0
    if channel_axis is not None:
        values = np.moveaxis(values, channel_axis, 0)
    if kernel.ndim > values.ndim:
        raise InvalidValueError(
            f"The PSF has {kernel.ndim} axes and the image has {values.ndim} to blur; "
            "use a PSF with fewer axes."
        )
    axes = tuple(range(-kernel.ndim, 0))
    frame = values.shape[values.ndim - kernel.ndim :]
    grid = Grid.around(frame, kernel, "periodic" if boundary == "periodic" else "zero")
    if boundary != "periodic":
        lead = ((0, 0),) * (values.ndim - kernel.ndim)
        values = np.pad(
            values, lead + grid.margins, mode="constant" if boundary == "zero" else "symmetric"
        )
    spectrum = fft.rfftn(values, axes=axes, workers=fft_workers())
    spectrum *= transfer_function(kernel, grid.scene)
    blurred = fft.irfftn(spectrum, s=grid.scene, axes=axes, workers=fft_workers())
    everything = (slice(None),) * (values.ndim - kernel.ndim)
    blurred = blurred[everything + grid.window] * np.float32(total)
    if is_light:
        blurred = np.maximum(blurred, 0) + np.float32(0)  # transforms round to below 0, or to -0.0
    if channel_axis is not None:
        blurred = np.moveaxis(blurred, 0, channel_axis)
    return np.ascontiguousarray(blurred, dtype=np.float32)


@lru_cache(maxsize=1)
def _fine_rungs() -> tuple[int, ...]:
    """Numbers without a prime factor above 5, each a little larger than the one before."""
    rungs, wanted = [1], 2.0
    while rungs[-1] < MAX_LADDER_SIZE:
        rungs.append(fft.next_fast_len(math.ceil(wanted), real=True))
        wanted = max(rungs[-1] + 1, MIN_SIZE_RATIO * rungs[-1])
    return tuple(rungs)


def _mirror_indices(n: int, size: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The lines of a frame of `n` that continue it in a mirror over a period, from its first on.

    Two for each: they differ for a line as far from both sides.
    """
    away = np.arange(size - n)  # from the last line of the frame
    at_end, at_start = (_reflect_indices(k, n) for k in (n + away, away - (size - n)))
    frame = np.arange(n)
    left, right = (size - n) // 2, (size - n + 1) // 2
    return (
        np.concatenate([frame, at_end[:right], at_start[right:]]),
        np.concatenate([frame, at_end[:left], at_start[left:]]),
    )


def _reflect_indices(places: NDArray[np.int_], n: int) -> NDArray[np.int_]:
    """Indices within a frame of `n`, for places beyond it, as in mirrors at both sides."""
    turned = places % (2 * n)
    return np.where(turned < n, turned, 2 * n - 1 - turned)


def measure_reach(psf: PSF, reach: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How far, per axis, a part of a PSF's light lies before and after its origin."""
    before, after = [], []
    for axis, n in enumerate(psf.shape):
        others = tuple(a for a in range(psf.ndim) if a != axis)
        light = np.cumsum(np.abs(psf).sum(axis=others, dtype=np.float64))
        outside = (1 - reach) / 2 * light[-1]
        first = int(np.searchsorted(light, outside, side="right"))
        last = int(np.searchsorted(light, light[-1] - outside, side="left"))
        before.append(max(0, n // 2 - first))
        after.append(max(0, last - n // 2))
    return tuple(before), tuple(after)
