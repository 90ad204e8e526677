"""A PSF that varies from place to place: several PSFs, and the places at which they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.psf_check import psf_warnings, refuse_partial_psf
from napari_tf_deblur._core.typing import PSF, Float64Array


@dataclass(frozen=True, eq=False)
class VaryingPSF:
    """A point spread function (PSF) that varies: along z with depth, or over the field.

    :func:`deconvolve`, :func:`iter_deconvolve`, :func:`calibrate` and :func:`deblur_layer` take it
    in place of an array. The image must be in memory.

    Attributes
    ----------
    psfs : sequence of array_like
        The PSFs, as :func:`deconvolve` takes one; all with the same number of axes, 1 to 3. They
        are scaled to sum 1 and padded with zeros to one odd size, their origins in the middle.
        Each is centred at its own focus: where the focus lies is not part of them.
    places : array_like
        Shape (PSFs, axes): the pixel of the image at which each PSF holds, along the axes that are
        deblurred. Fractions are possible, and places outside the image.

    Raises
    ------
    TypeError
        If a PSF or the places do not hold real numbers.
    ValueError
        If there is no PSF, if one cannot be used, or if places and PSFs do not fit together.

    See Also
    --------
    measured_psf : With ``places=True``, measures such a PSF from a picture of many beads.
    microscope_psf_by_depth : Computes such a PSF for a specimen of another refractive index.

    Notes
    -----
    Between the places, PSFs are interpolated; beyond them, the nearest holds. Where the places form
    a grid, or differ along one axis only, the interpolation is linear along each axis. Elsewhere
    each PSF counts by the inverse fourth power of its distance (Shepard, Proc. 23rd ACM National
    Conference, 517, 1968). The weights are never negative and sum to 1.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> psf = VaryingPSF([gaussian_psf(1), gaussian_psf(2)], [(0, 32), (63, 32)])
    >>> psf.ndim, psf.shape
    (2, (17, 17))
    >>> bool(psf.at((0, 10)).max() > psf.at((40, 10)).max())
    True
    """

    psfs: Sequence[ArrayLike]
    places: ArrayLike

    def __post_init__(self) -> None:
        psfs = [refuse_partial_psf(check_psf(psf)) for psf in self.psfs]
        if not psfs:
            raise InvalidValueError("A PSF that varies needs at least one PSF; there is none.")
        axes = {psf.ndim for psf in psfs}
        if len(axes) > 1:
            raise InvalidValueError(
                f"The PSFs have {' and '.join(map(str, sorted(axes)))} axes; all must have the "
                "same number of axes."
            )
        places = _check_places(self.places, len(psfs), psfs[0].ndim)
        size = [2 * (max(psf.shape[a] for psf in psfs) // 2) + 1 for a in range(psfs[0].ndim)]
        padded = [_pad(psf, size) for psf in psfs]
        for array in padded:
            array.flags.writeable = False
        places.flags.writeable = False
        object.__setattr__(self, "psfs", tuple(padded))
        object.__setattr__(self, "places", places)

    @classmethod
    def along_z(cls, psfs: Sequence[ArrayLike], planes: ArrayLike) -> Self:
        """Make a PSF that varies along the first deblurred axis only: z of a volume.

        Parameters
        ----------
        psfs : sequence of array_like
            The PSFs.
        planes : array_like
            The plane of the image at which each PSF holds; fractions are possible.

        Examples
        --------
        >>> from napari_tf_deblur import gaussian_psf
        >>> psf = VaryingPSF.along_z([gaussian_psf((z, 1, 1)) for z in (1, 2, 3)], [0, 10, 20])
        >>> psf.places[1].tolist()
        [10.0, 0.0, 0.0]
        """
        checked = [check_psf(psf) for psf in psfs]
        axes = checked[0].ndim if checked else 1
        numbers = np.asarray(planes)
        places = np.zeros((*numbers.shape, axes), numbers.dtype)
        places[..., 0] = numbers
        return cls(checked, places)

    @property
    def ndim(self) -> int:
        """Number of axes of each PSF."""
        return len(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each PSF."""
        return self._arrays[0].shape

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Warnings about faults of the PSFs, one of each kind."""
        found: dict[str, Notice] = {}
        for psf in self._arrays:
            for notice in psf_warnings(psf):
                found.setdefault(notice.kind, notice)
        return tuple(found.values())

    def at(self, place: ArrayLike) -> PSF:
        """Return the PSF at a place.

        Parameters
        ----------
        place : array_like
            One pixel index along each deblurred axis.

        Returns
        -------
        ndarray of float32
            The interpolated PSF, of sum 1.
        """
        weights = self.weights_at(np.atleast_2d(np.asarray(place, np.float64)))[0]
        mean = sum(w * psf.astype(np.float64) for w, psf in zip(weights, self._arrays) if w > 0)
        return np.asarray(mean, np.float32)

    def weights_at(self, points: Float64Array) -> Float64Array:
        """Return how much each PSF counts at some points.

        Parameters
        ----------
        points : ndarray
            Shape (points, axes): pixel indices.

        Returns
        -------
        ndarray of float64
            Shape (points, PSFs); not negative, of sum 1 for each point.
        """
        places = np.asarray(self.places)
        if not self.is_grid:
            squares = np.sum((points[:, np.newaxis] - places) ** 2, axis=2)
            weights = 1 / np.maximum(squares, 1e-12) ** 2
            return np.asarray(weights / weights.sum(axis=1, keepdims=True))
        weights = np.ones((len(points), len(places)))
        for axis in range(self.ndim):
            values, number = np.unique(places[:, axis], return_inverse=True)
            weights *= linear_weights(points[:, axis], values)[:, number]
        return weights

    @cached_property
    def is_grid(self) -> bool:
        """Whether the places are all points of a grid along the axes."""
        places = np.asarray(self.places)
        counts = [len(np.unique(line)) for line in places.T]
        return bool(np.prod(counts, dtype=float) == len(places))

    @cached_property
    def products(self) -> Float64Array:
        """Sum over all pixels of the product of each pair of PSFs, of shape (PSFs, PSFs)."""
        rows = np.stack([psf.ravel() for psf in self._arrays])
        return np.asarray(rows @ rows.T, np.float64)

    @property
    def _arrays(self) -> tuple[PSF, ...]:
        arrays: Any = self.psfs  # converted when this object was made
        return tuple(arrays)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        """Refuse to become an array, because it is several PSFs."""
        raise InvalidTypeError(
            "A PSF that varies cannot be used here: only 'deconvolve', 'iter_deconvolve', "
            "'calibrate' and 'deblur_layer' take one, for an image in memory that fits into it as "
            "a whole, without 'output'. Elsewhere give one PSF, such as that of the middle, "
            "'psf.at(place)'."
        )


def linear_weights(points: Float64Array, nodes: Float64Array) -> Float64Array:
    """Return the weights of linear interpolation between nodes; beyond them, the nearest counts.

    Parameters
    ----------
    points : ndarray
        Places along an axis.
    nodes : ndarray
        Places of the nodes, increasing.

    Returns
    -------
    ndarray of float64
        Shape (points, nodes).

    Examples
    --------
    >>> linear_weights(np.array([-1.0, 0, 1, 4]), np.array([0.0, 4]))
    array([[1.  , 0.  ],
           [1.  , 0.  ],
           [0.75, 0.25],
           [0.  , 1.  ]])
    """
    return np.stack([np.interp(points, nodes, unit) for unit in np.eye(len(nodes))], axis=1)


def _check_places(places: ArrayLike, count: int, axes: int) -> Float64Array:
    """Return places as an array of shape (count, axes); raise an error if they cannot be used."""
    try:
        values = np.array(places, np.float64)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            "The places are not an array of numbers; give one pixel index along each axis for "
            "each PSF."
        ) from None
    if values.shape != (count, axes):
        raise InvalidValueError(
            f"The places have the shape {values.shape}; for {count} PSFs of {axes} axes it must "
            f"be {(count, axes)}: one pixel index along each axis for each PSF."
        )
    if not np.isfinite(values).all():
        raise InvalidValueError("The places have NaN or infinite values; replace them by numbers.")
    if len(np.unique(values, axis=0)) < count:
        raise InvalidValueError("Two PSFs have the same place; give each a place of its own.")
    return values


def _pad(psf: PSF, size: Sequence[int]) -> PSF:
    """Return a copy, padded with zeros to an odd size, with the origin in the middle."""
    before = [m // 2 - n // 2 for n, m in zip(psf.shape, size)]
    after = [m - n - b for n, m, b in zip(psf.shape, size, before)]
    return np.pad(psf, list(zip(before, after)))
