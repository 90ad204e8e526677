"""From what the user gives to what a solver takes: checks, scale, masks, memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.planes import Planes
from napari_tf_deblur._solvers.problem import Problem
from napari_tf_deblur.estimate import photon_gain, wiener_balance
from napari_tf_deblur.forward import BOUNDARIES, Boundary, Grid, convolve
from napari_tf_deblur.methods import (
    METHODS,
    GradientDescent,
    Hessian,
    Method,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
)
from napari_tf_deblur.psf import PSF, checked_psf

Array = NDArray[np.float32]

REACH = 0.999
"""Part of the PSF's light for which an unknown boundary keeps room around the frame."""

SAMPLE = 2 * 10**5
"""Pixels looked at to find the range of intensities."""


@dataclass(frozen=True)
class Prepared:
    """A checked and scaled deconvolution, ready to be solved batch by batch.

    Attributes
    ----------
    planes : Planes
        How the image was taken apart.
    batches : list of ndarray of float32
        Its values, divided by `scale`, ignored pixels filled: the planes to solve together.
    valid : ndarray of bool or None
        Which pixels count; None for all.
    psf, method, boundary
        What was asked for; the PSF scaled to sum 1, gain or balance found if need be.
    spacing : tuple of float
        Voxel size relative to the finest.
    scale : float
        Intensity units of the image per unit of the planes' values.
    grid : Grid
        Of one plane.
    roomy : bool
        Whether a run may take more memory than it must, to be faster.
    warnings : tuple of str
        What the user should know.
    """

    planes: Planes
    batches: list[Array]
    valid: NDArray[np.bool_] | None
    psf: PSF
    method: Method
    boundary: Boundary
    spacing: tuple[float, ...]
    scale: float
    grid: Grid
    roomy: bool
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls,
        image: ArrayLike,
        psf: ArrayLike,
        method: Method,
        boundary: Boundary,
        channel_axis: int | None,
        spacing: Sequence[float] | None,
        mask: ArrayLike | None,
    ) -> Self:
        """Check everything and scale the intensities; arguments as `deconvolve`."""
        kernel = checked_psf(psf)
        if type(method) not in METHODS:
            raise TypeError(
                f"The method is {method!r}; it must be one of napari_tf_deblur.METHODS, "
                "for example TotalVariation()."
            )
        if boundary not in BOUNDARIES:
            raise ValueError(f"The boundary is {boundary!r}; choose one of {BOUNDARIES}.")
        planes, values = Planes.of(image, kernel, channel_axis)
        reach = REACH if boundary == "unknown" else 1.0
        # A Wiener filter reaches several times as far as the PSF that it undoes.
        times = 3 if isinstance(method, Wiener) and boundary == "unknown" else 1
        grid = Grid.around(values.shape[2:], kernel, boundary, reach, times)
        batch, roomy = memory.batch_size(grid, values.shape, method)
        valid = _valid(values, None if mask is None else planes.mask(mask, values.shape[2:]))
        scale = _scale(values, valid, method)
        if valid is not None:
            np.copyto(values, _mean(values, valid), where=~valid)
        warnings = _warnings(values, method)
        if isinstance(method, PoissonLikelihood) and not method.gain:
            method = replace(method, gain=photon_gain(values - method.background, valid))
        elif isinstance(method, Wiener) and not method.balance:
            method = replace(method, balance=wiener_balance(values, kernel, boundary == "periodic"))
        values /= np.float32(scale)
        voxel = _relative_spacing(spacing, kernel.ndim)
        batches = [values[first : first + batch] for first in range(0, len(values), batch)]
        return cls(
            planes, batches, valid, kernel, method, boundary, voxel, scale, grid, roomy, warnings
        )

    def problem(self, k: int) -> Problem:
        """Pose the problem of a batch, which is let go of: its result will take its place."""
        observed = self.batches[k]
        self.batches[k] = np.empty_like(observed[:0])
        data_weight = np.ones((1,) * observed.ndim, dtype=np.float32)
        if isinstance(self.method, TotalVariation | Hessian) and self.method.gain:
            data_weight = self._inverse_variance(observed, self.method)
        if self.valid is not None:
            first = sum(len(batch) for batch in self.batches[:k])
            data_weight = data_weight * self.valid[first : first + len(observed)]
        return Problem(
            observed,
            data_weight,
            self.psf,
            self.grid,
            self.boundary == "zero",
            self.spacing,
            self.scale,
        )

    def _inverse_variance(self, observed: Array, method: TotalVariation | Hessian) -> Array:
        """Relative data_weight of pixels whose noise grows with their brightness.

        The variance is ``gain * mean + read_noise**2``; the mean is the image blurred once
        more. Averages 1 per plane, so that the regularisation weight keeps its meaning.
        """
        gain = method.gain / self.scale
        read_noise = method.read_noise / self.scale
        mean = np.maximum(convolve(observed, self.psf, boundary="reflect"), 0)
        # A mean of a few pixels with no photon at all is not known to be zero.
        variance = gain * np.maximum(mean, gain) + read_noise**2
        axes = tuple(range(1, observed.ndim))
        return np.asarray(
            1 / (variance * np.mean(1 / variance, axis=axes, keepdims=True)), dtype=np.float32
        )


def _valid(values: Array, ignored: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Find the pixels that count; refuse what is neither a number nor masked."""
    finite = np.isfinite(values)
    if ignored is None:
        if finite.all():
            return None
        count = int(finite.size - finite.sum())
        raise ValueError(
            f"The image has {count} NaN or infinite pixel(s); mask them (in the dock: "
            "'ignore NaN pixels') or replace them by numbers."
        )
    if not (finite | ignored).all():
        raise ValueError(
            "The image has NaN or infinite pixels outside the mask; mask them too, or "
            "replace them by numbers."
        )
    if not ignored.any():
        return None
    valid = np.broadcast_to(~ignored, finite.shape)
    if not valid.reshape(len(valid), -1).any(axis=1).all():
        raise ValueError("The mask covers a whole plane of the image; leave some pixels to deblur.")
    return valid


def _mean(values: Array, valid: NDArray[np.bool_]) -> Array:
    axes = tuple(range(2, values.ndim))
    mean = np.mean(values, axis=axes, keepdims=True, where=valid)
    return np.asarray(np.nan_to_num(mean), dtype=np.float32)


def _scale(values: Array, valid: NDArray[np.bool_] | None, method: Method) -> float:
    """Find what to divide intensities by, so that a weight fits every dtype and camera.

    The range between the darkest and the brightest thousandth; for gradient descent, whose
    recipe works on an image's own values from 0 to 1, the largest value above 1.
    """
    stride = max(1, values.size // SAMPLE)
    sample = values.ravel()[::stride]
    if valid is not None:
        sample = sample[valid.ravel()[::stride]]
    if isinstance(method, GradientDescent):
        return max(1.0, float(np.abs(sample).max(initial=0)))
    low, high = np.percentile(sample, [0.1, 99.9]) if sample.size else (0.0, 0.0)
    candidates = (lambda: high - low, lambda: np.ptp(values), lambda: np.abs(values).max())
    sizes = (float(candidate()) for candidate in candidates)
    return next((size for size in sizes if np.isfinite(size) and size > 0), 1.0)


def _relative_spacing(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    if spacing is None:
        return (1.0,) * axes
    voxel = np.asarray(spacing, dtype=float)
    if voxel.shape != (axes,) or not (np.all(np.isfinite(voxel)) and np.all(voxel > 0)):
        raise ValueError(
            f"The spacing is {spacing}; it must be {axes} voxel sizes above 0, one for "
            "each deblurred axis."
        )
    return tuple(float(v) for v in voxel / voxel.min())


def _warnings(values: Array, method: Method) -> tuple[str, ...]:
    if isinstance(method, RichardsonLucy | PoissonLikelihood) and values.min(initial=0.0) < 0:
        warning = (
            "The image has values below zero, which this method takes as zero: photon "
            "counts have none. A background of the camera can be set instead."
        )
        return (warning,)
    return ()
