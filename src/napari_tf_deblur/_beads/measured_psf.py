"""Make a PSF from a picture of beads, or prepare a theoretical PSF for use."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._beads import spot_faults
from napari_tf_deblur._beads.any_shape import psf_by_registration
from napari_tf_deblur._beads.averaging import average_beads
from napari_tf_deblur._beads.bead_windows import check_window
from napari_tf_deblur._beads.finding import Spots, find_beads
from napari_tf_deblur._beads.pairs import describe_pairs, shows_cut_beads
from napari_tf_deblur._beads.places import average_by_place
from napari_tf_deblur._beads.ready_psf import (
    centre_psf,
    find_pedestal,
    is_noisy,
    is_ready_psf,
)
from napari_tf_deblur._beads.refusals import describe_unusable_spots, refuse_structures
from napari_tf_deblur._beads.resampling import resample_psf
from napari_tf_deblur._beads.spot_fit import squared_distance
from napari_tf_deblur._beads.uneven_background import flatten_background
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.psf import check_psf, refuse_colours
from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.psf_check import refuse_partial_psf
from napari_tf_deblur._core.typing import PSF, Float64Array
from napari_tf_deblur._core.varying_psf import VaryingPSF


@overload
def measured_psf(
    psf: ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    image_spacing: Sequence[float] | None = None,
    window: int | Sequence[int] | None = None,
    places: Literal[False] = False,
) -> tuple[PSF, tuple[str, ...]]: ...


@overload
def measured_psf(
    psf: ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    image_spacing: Sequence[float] | None = None,
    window: None = None,
    places: Literal[True],
) -> tuple[VaryingPSF, tuple[str, ...]]: ...


def measured_psf(
    psf: ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    image_spacing: Sequence[float] | None = None,
    window: int | Sequence[int] | None = None,
    places: bool = False,
) -> tuple[PSF | VaryingPSF, tuple[str, ...]]:
    """Make a PSF from a picture of beads, or prepare a theoretical PSF for use.

    Parameters
    ----------
    psf : array_like
        Picture of one bead or several, or a PSF without noise; 1 to 3 axes, any real dtype.
        Leading axes of length 1 are dropped if there are more axes than `image_spacing` has (more
        than two without it).
    spacing, image_spacing : sequence of float, optional
        Voxel size of the PSF and of the image to be deblurred, per axis, both in the same
        unit. If both are given and differ, the PSF is resampled to the voxels of the image.
    window : int or sequence of int, optional
        Side, in pixels of the picture, of a window that holds one bead of **any shape**, with dark
        pixels around it: a square in y and x, over all planes of a volume; or one side per axis. By
        default a bead is a single round spot, or one that is longer along an axis.
    places : bool, optional
        Whether to measure how the PSF varies over the picture, which must show the same field as
        the image, with 8 beads or more. Neighbouring beads, at least 4, are averaged.

    Returns
    -------
    psf : ndarray of float32
        Of sum 1, with its origin at the middle pixel; all its sizes are odd. With ``places=True``
        it is a :class:`VaryingPSF`: several PSFs, and their places in pixels of the image.
    notes : tuple of str
        What was done, in words: how many beads were used, how many were left out and why, and
        the widths of the fitted Gaussian; with `window`, how well the beads agree.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is empty or flat, has no axis or more than three, or has NaN or infinite values; if
        it shows no bead that can be used, because there is none, or all are saturated, cut by the
        frame, too close together, single hot pixels, or other structures; or if it is a quarter
        or an octant of a PSF. With `window`, also if a bead does not fit into it, or if half of the
        beads or more do not look like the others.

    Notes
    -----
    An array counts as a PSF **ready to use** (a theoretical PSF, a kernel) if it has no noise and
    no pedestal, and if it is small (up to 33 pixels wide), or has most of its light within half
    of two axes, or is almost all zeros. Its shape is kept, including negative values. It is
    centred by its light, to a fraction of a pixel, in an array of odd sizes that holds all of it.

    Any other array is a **picture of beads**:

    - The noise is measured by the median absolute difference of neighbours. If the background is
      uneven, a polynomial fitted to the dark parts is subtracted.
    - A Gaussian is fitted to each spot that stands out; it gives background, centre and widths.
    - Clean beads are aligned and averaged, weighted by their peaks. A clean bead has a peak of 10
      times the noise, is 3 sigma from the frame and 8 sigma from a neighbour, and has the common
      width. Dimmer beads are used if there are five or more and their average stands out as a clean
      bead must.
    - Deviations from the Gaussian are kept if they exceed 5 standard deviations of the noise, so
      that noise does not become light. Negative values are set to 0.

    With `window`, an array is always a picture of beads, and no shape is assumed: a bead may have
    several spots, as with a **double helix**, an **astigmatic** or a **biplane** PSF.

    - Bright places whose windows come to rest at the same centroid are one bead. Beads whose
      windows overlap, and those that the frame cuts, are left out.
    - Beads are registered to the average of the others, by the shift at which they correlate best,
      and averaged, weighted by their brightness. Beads whose correlation with the average of the
      others is below 0.95, without what noise explains, are left out.
    - Light that exceeds 5 standard deviations of the noise is kept, and the rest is 0.
    - The origin is the centre of light: the centroid of the square of what is brighter than a
      tenth of the peak. That of a double helix lies between its two spots, that of two images side
      by side nearer to the sharper one. An object is found where its light has this centre.
    - One bead cannot be compared with others: whatever lies in its window counts as its PSF. If
      its light reaches the first or last plane, what lies beyond is missing in the PSF.

    Resampling to larger voxels samples the PSF, which keeps its width. If the PSF is too narrow
    for that, it is averaged over each voxel.

    Examples
    --------
    >>> from napari_tf_deblur import convolve, gaussian_psf
    >>> rng = np.random.default_rng(0)
    >>> y, x = np.indices((64, 64))
    >>> bead = 100 + 1000 * np.exp(-((y - 20) ** 2 + (x - 44) ** 2) / 8)
    >>> kernel, notes = measured_psf(bead + rng.normal(0, 5, bead.shape))
    >>> bool(kernel.argmax() == kernel.size // 2)
    True
    >>> notes[0]
    '1 bead used'

    Beads of two spots each, as with a double helix:

    >>> spots = np.zeros((96, 96))
    >>> spots[[20, 26, 60, 66], [24, 30, 70, 76]] = 1
    >>> kernel, notes = measured_psf(convolve(spots, gaussian_psf(1.5)), window=25)
    >>> notes[0]
    '2 beads used, registered to each other and averaged, weighted by brightness'
    """
    values = _drop_leading_axes(
        _check_real(psf), 2 if image_spacing is None else len(image_spacing)
    )
    if places and window is not None:
        raise InvalidValueError(
            "Beads of any shape are averaged over the whole picture: leave out window, or places."
        )
    picture = values.reshape([n for n in values.shape if n > 1] or [1])
    zoom = np.ones(values.ndim)
    if spacing is not None and image_spacing is not None:
        image_spacing = image_spacing[-values.ndim :]
        zoom = np.divide(spacing[-values.ndim :], image_spacing)
    if places:
        kernels, found, notes = _extract_psfs(picture)
    elif window is not None:
        size = check_window(window, values.shape)
        kernel, notes = psf_by_registration(*_normalise_picture(picture), size)
        kernels = [kernel]
    else:
        kernel, notes = _extract_psf(picture)
        kernels = [kernel]
    kernels = [kernel.reshape(_restore_axes(kernel.shape, values.shape)) for kernel in kernels]
    if image_spacing is not None and not np.allclose(zoom, 1, rtol=1e-3):
        kernels = [resample_psf(kernel, zoom) for kernel in kernels]
        steps = " x ".join(f"{step:.4g}" for step in image_spacing)
        notes.append(f"resampled to the image's voxels of {steps}")
    notes.append("normalised to sum 1")
    if not places:
        return check_psf(kernels[0]), tuple(notes)
    centres = np.zeros((len(kernels), values.ndim))
    centres[:, [axis for axis, n in enumerate(values.shape) if n > 1]] = found
    return VaryingPSF(kernels, (centres + 0.5) * zoom - 0.5), tuple(notes)


def _check_real(psf: ArrayLike) -> NDArray[Any]:
    """Convert a picture to an array; raise an error if it is not made of finite numbers."""
    values = np.asarray(psf)
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"The PSF holds values of type {values.dtype}; it must hold real numbers."
        )
    if values.size == 0:
        raise InvalidValueError(f"The PSF has the shape {values.shape}; no axis may be empty.")
    bad = 0 if values.dtype.kind != "f" else values.size - int(np.isfinite(values).sum())
    if bad:
        raise InvalidValueError(
            f"The picture of the PSF has {bad} pixels that are NaN or infinite; replace them "
            "by numbers, or cut out a part without them."
        )
    return values


def _drop_leading_axes(values: NDArray[Any], axes: int) -> NDArray[Any]:
    """Drop leading axes of length 1 while there are more than `axes`; check the others."""
    shape = values.shape
    while values.ndim > max(axes, 1) and values.shape[0] == 1:
        values = values[0]
    if not 1 <= values.ndim <= 3:
        raise InvalidValueError(
            f"The picture of the PSF has the shape {shape}; it must have 1 to 3 axes besides "
            "leading ones of length 1. Choose one channel or time point."
        )
    refuse_colours(values.shape)
    return values


def _normalise_picture(values: NDArray[Any]) -> tuple[NDArray[np.float32], float, float]:
    """Scale a picture to a median of 0 and a peak of 1; also return its median and its scale."""
    low, top = float(np.median(values)), float(values.max())
    scale = (top - low) or float(np.ptp(values)) or abs(low) or 1.0
    picture = np.subtract(values, low, dtype=np.float64)
    picture /= scale
    return picture.astype(np.float32), low, scale


def _restore_axes(shape: tuple[int, ...], whole: tuple[int, ...]) -> tuple[int, ...]:
    """Insert the axes of length 1 of `whole` into a shape without them."""
    sizes = iter(shape)
    return tuple(1 if n == 1 else next(sizes) for n in whole)


def _extract_psf(values: NDArray[Any]) -> tuple[Float64Array, list[str]]:
    """Return the PSF of a picture, not yet normalised, and notes of what was done."""
    picture, low, scale = _normalise_picture(values)
    floats: NDArray[Any] = np.divide(values, scale)
    if floats.size > 2**18:
        floats = floats.astype(np.float32)
    pedestal = find_pedestal(floats)
    is_ready = is_ready_psf(floats - pedestal if pedestal else floats)
    spots = find_beads(picture) if max(picture.shape) > 5 else Spots((), (), 0.0)
    if is_ready and not pedestal and not _shows_beads(floats, spots):
        return _use_as_psf(floats, spots)
    picture, spots, uneven = flatten_background(picture, spots)
    refuse_structures(spots)
    if spots.beads:
        return _psf_from_beads(picture, spots, low, scale, uneven)
    faults = {spot.fault for spot in spots.left_out}
    if (
        is_ready
        and not faults & {spot_faults.SATURATED_SPOT, spot_faults.HOT_PIXEL}
        and not shows_cut_beads(spots)
    ):
        kernel, notes = _use_as_psf(floats - pedestal, spots)
        return kernel, [f"background of {pedestal * scale:.4g} subtracted", *notes]
    if floats.max() <= 0:
        check_psf(values)  # raises: the sum is not positive
    if not is_noisy(floats - pedestal, float(floats.max())):
        refuse_partial_psf(floats - pedestal)
    raise InvalidValueError(describe_unusable_spots(spots))


def _extract_psfs(values: NDArray[Any]) -> tuple[list[Float64Array], Float64Array, list[str]]:
    """Return the PSFs of several parts of a picture of beads, their places, and notes."""
    picture, _, _ = _normalise_picture(values)
    spots = find_beads(picture) if max(picture.shape) > 5 else Spots((), (), 0.0)
    picture, spots, uneven = flatten_background(picture, spots)
    refuse_structures(spots)
    kernels, places, notes = average_by_place(picture, spots)
    notes += ["an uneven background subtracted"] if uneven else []
    return kernels, places, notes


def _shows_beads(psf: NDArray[Any], spots: Spots) -> bool:
    """Whether an array shows several beads, or one bead on a background or with noise."""
    if len(spots.beads) != 1:
        return len(spots.beads) > 1
    bead = spots.beads[0]
    grid = np.meshgrid(*map(np.arange, psf.shape), indexing="ij", sparse=True)
    dark = psf[squared_distance(grid, bead) > 3**2]
    negative = dark < -1e-4 * bead.peak
    changes = np.count_nonzero(negative[1:] != negative[:-1])
    has_background = np.quantile(psf, 0.1) > 0.02 * bead.peak
    return bool(has_background or changes > 0.25 * dark.size)


def _use_as_psf(psf: Float64Array, spots: Spots) -> tuple[Float64Array, list[str]]:
    """Centre a PSF that is ready to use; also return notes of what was done."""
    psf = refuse_partial_psf(psf)
    notes, shape = ["taken as a PSF without noise, as it is"], psf.shape
    lobes = -float(psf[psf < 0].sum()) / float(np.abs(psf).sum())
    if lobes > 1e-6:
        notes.append(f"its negative values ({100 * lobes:.2g} % of all) are kept")
    is_gaussian = len(spots.beads) == 1 and spots.beads[0].misfit < 0.02
    centre = spots.beads[0].centre if is_gaussian else light_centre(psf)
    psf, moved = centre_psf(psf, centre)
    if np.any(moved):
        shifts = " x ".join(f"{m:.2f}" for m in moved)
        notes.append(f"centred by its light (moved by {shifts} pixels)")
    elif psf.shape != shape:
        notes.append(f"padded to odd size, {' x '.join(map(str, psf.shape))} pixels")
    return psf.astype(np.float64), notes


def _psf_from_beads(
    picture: NDArray[np.float32], spots: Spots, low: float, scale: float, uneven: bool
) -> tuple[Float64Array, list[str]]:
    """Average the beads of a picture; also return notes of what was done."""
    kernel, sigma = average_beads(picture, spots)
    used = len(spots.beads)
    notes = ["1 bead used" if used == 1 else f"{used} beads used, aligned and averaged"]
    if spots.left_out:
        notes.append(f"{len(spots.left_out)} left out ({spots.why_left_out()})")
    background = low + scale * float(np.median([bead.background for bead in spots.beads]))
    if uneven:
        notes.append(f"an uneven background of about {background:.4g} subtracted")
    elif abs(background) > 1e-6 * scale:
        notes.append(f"background of {background:.4g} subtracted")
    notes.append("centred")
    widths = " x ".join(f"{s:.2f}" for s in sigma)
    notes.append(f"the fitted Gaussian has sigma {widths} pixels")
    notes += describe_pairs(spots)
    return kernel, notes
