"""A Gaussian PSF with the standard deviations that the user gives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar, Self

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.gaussian_psf import gaussian_psf, gaussian_shape
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._layers.psf_kinds.kind import MAX_PSF_PIXELS, record_call
from napari_tf_deblur._layers.psf_kinds.parametric import MIN_EXTENT, ParametricPSF
from napari_tf_deblur._layers.psf_kinds.width import describe_fwhm
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._preparation import record_check as check

NO_BLUR = 1e-3
"""Sigma, in pixels, that replaces 0. Derived: all light stays in one pixel."""

MAX_PREVIEW_SIGMA = 20.0
"""Largest sigma, in pixels, for which a preview is made at once. Limit: of time."""


@dataclass(frozen=True)
class GaussianPSF(ParametricPSF):
    """A Gaussian PSF, given by the arguments of :func:`~napari_tf_deblur.gaussian_psf`.

    Attributes
    ----------
    sigma : tuple of float
        Standard deviation along each deblurred axis, in pixels; 0 means no blur along the axis.
    size : int or tuple of int, optional
        Number of pixels of the PSF along each axis; by default enough for all of its light.
    angle : float
        Angle of the first of two axes, in degrees, counter-clockwise.
    """

    name: ClassVar[str] = "gaussian"
    title: ClassVar[str] = "Gaussian"
    hint: ClassVar[str] = "A Gaussian, given by its standard deviations"
    functions: ClassVar[tuple[str, ...]] = ("gaussian_psf",)

    sigma: tuple[float, ...]
    size: int | tuple[int, ...] | None = None
    angle: float = 0.0

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.sigma)

    def check(self, source: Source) -> None:
        """Raise an error if all sigmas are 0, one exceeds the image, or the PSF is too large."""
        if not any(self.sigma):
            raise InvalidValueError(
                "Every sigma of the PSF is 0, which means no blur at all; set the sigma of at "
                "least one axis."
            )
        shape = gaussian_shape(self._sigmas, self.size, angle=self.angle)
        for sigma, axis in zip(self.sigma, source.frame(self.ndim).axes):
            if sigma > max(axis.size, MIN_EXTENT):
                raise InvalidValueError(
                    f"'Sigma {axis.name}' is {sigma:.6g} pixels, but the image has only "
                    f"{axis.size} along this axis; check the number and its unit ('Sigma in')."
                )
        if prod(shape) > MAX_PSF_PIXELS:
            raise InvalidValueError(
                f"The PSF would have {' x '.join(map(str, shape))} pixels, which is too many; give "
                "smaller sigmas, or a number of pixels in 'PSF size (px)'."
            )

    @property
    def is_small(self) -> bool:
        """Whether the preview of its middle plane can be made at once."""
        return max(self._sigmas[-2:]) < MAX_PREVIEW_SIGMA

    def make(self) -> Float32Array:
        """Make the Gaussian."""
        return gaussian_psf(self._sigmas, self.size, angle=self.angle)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Return the PSF, and the axes without blur, in words."""
        names = source.frame(self.ndim).names
        notes = [f"no blur along {name}" for s, name in zip(self.sigma, names) if s == 0]
        return self.make(), tuple(notes)

    def describe_width(self, source: Source) -> str:
        """Describe the full widths at half maximum."""
        return describe_fwhm(self.sigma, source.frame(self.ndim).axes)

    def preview(self, source: Source) -> Float32Array | None:
        """Return its middle plane; None if it is large."""
        return gaussian_psf(self._sigmas[-2:], angle=self.angle) if self.is_small else None

    def with_ndim(self, ndim: int) -> Self:
        """Return the PSF for `ndim` deblurred axes: a single sigma is used for each."""
        return replace(self, sigma=self.sigma * ndim) if self.ndim == 1 else self

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make the PSF from its record, which may come from a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If an entry of the record is missing or not valid.
        """
        size: Any = check.plain(record["size"])
        sigma = check.tuple_of(check.number)(record["sigma"])
        psf = cls(sigma, size, check.number(record["angle"]))
        gaussian_shape(
            psf._sigmas, psf.size, angle=psf.angle
        )  # raises an error for impossible values
        return psf

    @property
    def call(self) -> dict[str, Any]:
        """The call that makes its array; see `record_call`."""
        return record_call(*self.functions, sigma=self._sigmas, size=self.size, angle=self.angle)

    @property
    def _sigmas(self) -> tuple[float, ...]:
        """The sigmas, with `NO_BLUR` in place of 0."""
        return tuple(s or NO_BLUR for s in self.sigma)
