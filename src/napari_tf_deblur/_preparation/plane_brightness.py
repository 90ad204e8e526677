"""Divide the planes of volumes by their brightness, and multiply them again after the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import PSF, Float32Array, Float64Array
from napari_tf_deblur._noise.plane_factors import Factors, find_flicker, fit_bleaching
from napari_tf_deblur._preparation.run_options import PlaneBrightnessOption
from napari_tf_deblur._preparation.usable_pixels import UsablePixels


@dataclass(frozen=True, eq=False)
class PlaneBrightness:
    """The brightness of each plane along z, for each volume of an image.

    The image is ``factor * (light - level) + level``, and `light` is the blurred scene.

    Attributes
    ----------
    factors : ndarray of float32
        Shape (volumes, 1, planes along z, 1, 1). The geometric mean of each volume is 1.
    levels : ndarray of float32
        Intensity that the factors do not change, of shape (volumes, 1, 1, 1, 1), without the offset
        that the method subtracts.
    kind : {"flicker", "bleaching", "given"}
        Where the factors come from.
    offset_is_subtracted : bool
        Whether results have no background, so that the factors change all of their intensity.
    """

    factors: Float32Array
    levels: Float32Array
    kind: str
    offset_is_subtracted: bool

    @classmethod
    def choose(
        cls,
        option: PlaneBrightnessOption,
        pixels: UsablePixels,
        psf: PSF,
        background: float,
        offset: float,
    ) -> Self | None:
        """Return the brightness of the planes; None if all are equally bright.

        Parameters
        ----------
        option : "auto", "equal", "bleaching", or tuple of float
            See :class:`.CalibrationOptions`.
        pixels : UsablePixels
            The volumes, without the offset.
        psf : ndarray of float32
            Point spread function.
        background : float
            Intensity of pixels without structure, with the offset.
        offset : float
            Intensity that the method has subtracted.

        Raises
        ------
        ValueError
            If brightness is given for an image that is not deblurred as a volume, or the number of
            factors is not that of the planes.
        """
        if option == "equal" or (psf.ndim < 3 and option == "auto"):
            return None
        check_brightness_option(option, pixels.layout.frame)
        background -= offset
        if not isinstance(option, str):
            factors = np.asarray(option, np.float64)
            factors /= np.exp(np.log(factors).mean())
            given = [Factors(factors, background)] * len(pixels.values)
            return cls._from_factors(given, "given", offset)
        equal = Factors(np.ones(pixels.layout.frame[0]), background)
        volumes = []
        for one in range(len(pixels.values)):
            found = None
            if one not in pixels.blank and option == "auto":
                found = find_flicker(_volume(pixels, one), psf, background)
            elif one not in pixels.blank:
                found = fit_bleaching(_volume(pixels, one), background)
            volumes.append(found or equal)
        if all(volume is equal for volume in volumes):
            return None
        return cls._from_factors(volumes, "flicker" if option == "auto" else option, offset)

    @classmethod
    def _from_factors(cls, volumes: Sequence[Factors], kind: str, offset: float) -> Self:
        """Stack the factors of several volumes."""
        factors = np.asarray([volume.values for volume in volumes], np.float32)
        levels = np.asarray([volume.level for volume in volumes], np.float32)
        return cls(
            factors[:, None, :, None, None], levels.reshape(-1, 1, 1, 1, 1), kind, offset != 0
        )

    def divide(self, values: Float32Array, planes: list[int]) -> None:
        """Divide volumes by their factors, in place; `values` contains all volumes."""
        for one in planes:
            values[one] = (values[one] - self.levels[one]) / self.factors[one] + self.levels[one]

    def multiply(self, values: Float32Array, planes: Sequence[int]) -> None:
        """Multiply volumes by their factors again, in place: the inverse of `divide`."""
        for one in planes:
            values[one] = (values[one] - self.levels[one]) * self.factors[one] + self.levels[one]

    def multiply_result(self, values: Float32Array, one: int) -> Float32Array:
        """Multiply a sharp volume by its factors, so that each plane has its brightness again."""
        level = np.float32(0) if self.offset_is_subtracted else self.levels[one]
        return np.asarray((values - level) * self.factors[one] + level)

    def to_array(self, lead_shape: tuple[int, ...]) -> Float64Array:
        """Return the factors, with the leading axes of the image and the axis of the planes."""
        return np.asarray(self.factors, np.float64).reshape(*lead_shape, -1)

    def notice(self) -> Notice:
        """Say which factors were used."""
        low, high = float(self.factors.min()), float(self.factors.max())
        first, last = self.factors[0, 0, 0].item(), self.factors[0, 0, -1].item()
        found = {
            "flicker": "The brightness of the planes jumps more than the blur allows (flicker): "
            f"factors {low:.3f} to {high:.3f}.",
            "bleaching": "An exponential curve was fitted to the brightness of the planes "
            f"(bleaching): the last plane has {last / first:.3g} times that of the first. A "
            "specimen that is brighter on one side looks the same.",
            "given": f"The planes were given factors of brightness, {low:.3f} to {high:.3f}.",
        }[self.kind]
        return Notice(
            "planes differ",
            f"{found} The planes were divided by them, and those of the result multiplied again, "
            "so that each plane keeps its brightness.",
        )


def check_brightness_option(option: PlaneBrightnessOption, frame: tuple[int, ...]) -> None:
    """Raise an error if brightness is asked for that the frame of an image cannot have."""
    if option in ("auto", "equal"):
        return
    if len(frame) < 3:
        raise InvalidValueError(
            "The brightness of planes can be corrected only in a volume that is deblurred in 3D; "
            "set 'plane_brightness' to 'auto', or use a PSF with three axes."
        )
    if not isinstance(option, str) and len(option) != frame[0]:
        raise InvalidValueError(
            f"'plane_brightness' has {len(option)} factors, but the volume has {frame[0]} planes; "
            "give one factor for each plane."
        )


def _volume(pixels: UsablePixels, one: int) -> Pixels:
    """Return one volume of an image."""
    valid = pixels.valid
    if valid is not None:
        valid = np.broadcast_to(valid, pixels.values.shape)[one]
    return Pixels(pixels.values[one], valid)
