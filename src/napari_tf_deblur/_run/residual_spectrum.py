"""What a result leaves unexplained, by how well the PSF passes it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.patches import (
    fade_window,
    find_patches,
    leak_spectrum,
    read_patch,
    subtract_mean,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array, Float64Array
from napari_tf_deblur._noise.noise import measure_level_and_line
from napari_tf_deblur._noise.standardise import MIN_RELATIVE_NOISE

RESIDUAL_PATCH_SIZE = {1: 2**16, 2: 512, 3: 96}
"""Pixels per axis of the pieces that are looked at. Limit: of time."""

MAX_RESIDUAL_PIXELS = 2**20
"""Pixels of all pieces together, about. Limit: of time."""

SHELL_COUNT = 14
"""Number of frequency bands, without that of frequencies that the PSF does not pass. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_SHELL_DEPTH = 6.5
"""Minus the logarithm of what the PSF passes in the last band: nothing is seen of the rest. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_FREQUENCIES = 12
"""Least number of frequencies in a band: the power of fewer is uncertain. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_PERIODS_IN_FRAME = 2.5
"""Least number of periods in the frame: fewer are the window's and not the image's. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

SHELL_VARIANCE = 4.5
"""Variance of a band's relative mean power, times its frequencies. Derived: each is there twice,
and through the window neighbours say much the same."""

MAX_FLOOR_POWER = 1.5
"""Largest power of the emptiest band, over that of the noise by the image's differences:
photographs have more noise where they are bright than such an estimate says. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_FOLLOWED_PART = 0.02
"""Part of the data that is followed, below which a band is left as it was. Set by hand: half or 1.5
times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_NOISE_OF_RANGE = 5e-4
"""Least noise, as a part of the image's range: a misfit below does no harm. Guard: against images
without noise; ``tests/run/test_verdict.py``."""

MIN_SIGNAL_POWER = 2.5
"""Least power of the data somewhere, over the noise's and less what chance may add, of an image
that shows anything. Chosen by ``benchmarks/claims.py --development``: noise alone reached 2.6 once
in 558 times."""

MIN_VISIBLE_POWER = 1.6
"""Power of the data, over the noise's, below which nothing is seen. Chosen by
``benchmarks/claims.py --development``."""


@dataclass(frozen=True, eq=False)
class ResidualSpectrum:
    """Spectra of data and residual, averaged over shells of frequencies that a PSF passes alike.

    From the best passed to those that are not passed; powers are relative to the noise's.

    Attributes
    ----------
    passed : ndarray of float64
        Mean square of the optical transfer function.
    count : ndarray of float64
        Number of frequencies that were averaged.
    data : ndarray of float64
        Power of the data.
    residual : ndarray of float64
        Power of the residual, each pixel in units of its own noise.
    followed : ndarray of float64
        Part of the data that the re-blurred result follows, 0 to 1.
    mean_passed : float
        Mean square of the optical transfer function over all frequencies.
    at_nyquist : tuple of (float, float)
        For each axis, at the frequency of one period in two pixels: the optical transfer
        function, and the power of the data over that where there is least.
    """

    passed_power: Float64Array
    count: Float64Array
    data_power: Float64Array
    residual_power: Float64Array
    followed_part: Float64Array
    mean_passed_power: float
    at_nyquist: tuple[tuple[float, float], ...]

    @classmethod
    def from_residual(
        cls,
        values: Float32Array,
        residual: Float32Array,
        valid: BoolArray | None,
        psf: PSF,
        scale: float,
    ) -> Self | None:
        """Look at an image and what is left of it; None where there is nothing to be seen.

        Parameters
        ----------
        values, residual : ndarray of float32
            Shape (planes, channels, *frame); of large ones a part is looked at.
        valid : ndarray of bool or None
            Which pixels count, broadcastable to `values`; None for all.
        psf : ndarray of float32
            Of sum 1.
        scale : float
            Range of intensities.
        """
        frame = values.shape[2:]
        look = tuple(min(n, RESIDUAL_PATCH_SIZE[len(frame)]) for n in frame)
        most = max(1, MAX_RESIDUAL_PIXELS // int(np.prod(look)))
        places = find_patches(Pixels(values, valid), scale, look, most)
        if not places:
            return None
        pieces = [read_patch(Pixels(values, valid), *place) for place in places]
        data = np.stack([subtract_mean(Pixels(piece, known), scale) for piece, known in pieces])
        unit = np.float32(scale)
        misfit: Float32Array = np.stack([residual[plane][place] for plane, place in places])
        misfit /= unit
        part: Float32Array = np.stack([piece for piece, _ in pieces])
        part /= unit
        known = [mask for _, mask in pieces if mask is not None]
        usual, line = measure_level_and_line(Pixels(part, np.stack(known) if known else None))
        usual = max(usual, MIN_NOISE_OF_RANGE)
        variance = np.float32(line.intercept) + np.float32(line.slope) * (part - misfit)
        variance += np.float32(max(0.0, usual**2 - float(variance.mean(dtype=np.float64))))
        np.maximum(variance, np.float32((MIN_RELATIVE_NOISE * usual) ** 2), out=variance)
        return cls._from_patches(data, misfit, variance, psf)

    @property
    def has_signal(self) -> bool:
        """Whether anything but noise is seen."""
        surely = self.data_power / (1 + 2 * np.sqrt(SHELL_VARIANCE / self.count))
        return bool((surely > MIN_SIGNAL_POWER).any())

    @property
    def residual_lower_bound(self) -> Float64Array:
        """Power of the residual, less what chance may add."""
        return np.asarray(self.residual_power / (1 + np.sqrt(SHELL_VARIANCE / self.count)))

    @classmethod
    def _from_patches(
        cls, data: Float32Array, misfit: Float32Array, variance: Float32Array, psf: PSF
    ) -> Self | None:
        """Average what pieces, shape (pieces, channels, *look), hold."""
        look = data.shape[2:]
        axes = tuple(range(2, data.ndim))
        fade = fade_window(look)

        def spectrum(values: Float32Array) -> NDArray[np.complex64]:
            return np.asarray(fft.rfftn(values * fade, axes=axes, workers=fft_workers()))

        def power(of: NDArray[np.complex64], by: NDArray[np.complex64]) -> Float64Array:
            return np.asarray(np.sum((of * by.conj()).real, axis=(0, 1), dtype=np.float64))

        of_data, of_misfit = spectrum(data), spectrum(misfit)
        relative = spectrum(np.asarray(misfit / np.sqrt(variance), np.float32))
        noise = float(np.sum(variance * fade**2, dtype=np.float64))
        all_pieces = data.shape[0] * data.shape[1]
        of_one = float(np.sum(fade**2, dtype=np.float64)) * all_pieces
        observed = power(of_data, of_data) / noise
        signed = transfer_function(psf, look)
        transfer = np.abs(signed)
        passed = leak_spectrum(np.square(transfer))
        weight, along = _frequencies(look)
        if not weight.any():  # a few pixels
            return None
        depth = -0.5 * np.log(np.maximum(passed, 1e-30))
        shell = np.minimum(
            SHELL_COUNT * np.sqrt(np.maximum(depth, 0) / MAX_SHELL_DEPTH), SHELL_COUNT
        ).astype(int)
        count = np.bincount(shell.ravel(), weight.ravel(), SHELL_COUNT + 1)

        def mean(of: NDArray[np.floating]) -> Float64Array:
            total = np.bincount(shell.ravel(), (weight * of).ravel(), SHELL_COUNT + 1)
            return np.asarray(total / np.maximum(count, 1))

        enough = count * all_pieces >= MIN_FREQUENCIES
        in_data = mean(observed)
        surely = in_data * (1 + 2 * np.sqrt(SHELL_VARIANCE / np.maximum(count * all_pieces, 1)))
        least = min(MAX_FLOOR_POWER, max(float(surely[enough].min(initial=np.inf)), 1e-9))
        followed = 1 - mean(power(of_misfit, of_data) / noise) / np.maximum(in_data, 1e-30)
        left = mean(power(relative, relative) / of_one)
        alone = enough & (followed < MIN_FOLLOWED_PART)  # where nothing is left but what was there
        if alone.any():
            left *= np.sum((count * in_data)[alone]) / np.sum((count * left)[alone])
        edges = [_near_nyquist(along, axis) & (weight > 0) for axis in range(len(look))]
        return cls(
            passed_power=mean(passed)[enough],
            count=(count * all_pieces)[enough],
            data_power=in_data[enough] / least,
            residual_power=left[enough] / least,
            followed_part=followed[enough],
            mean_passed_power=float(np.average(np.square(transfer), weights=weight)),
            at_nyquist=tuple(
                (float(transfer[edge].mean()), float(observed[edge].mean() / least))
                for edge in edges
                if edge.any()
            ),
        )


def _frequencies(look: tuple[int, ...]) -> tuple[Float64Array, list[Float64Array]]:
    """How often each frequency of a half spectrum counts, and its parts by axis."""
    along = [np.abs(fft.fftfreq(n)) for n in look[:-1]] + [fft.rfftfreq(look[-1])]
    grid = np.meshgrid(*along, indexing="ij", sparse=True)
    periods = np.sqrt(sum(np.square(part * n) for part, n in zip(grid, look)))
    twice = np.full(look[-1] // 2 + 1, 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    if look[-1] % 2 == 0:
        twice[-1] = 1.0
    return np.where(periods < MIN_PERIODS_IN_FRAME, 0.0, twice), list(grid)


def _near_nyquist(along: list[Float64Array], axis: int) -> BoolArray:
    """Frequencies near one period in two pixels of an axis, and low along the others."""
    edge = along[axis] > 0.45
    for other, part in enumerate(along):
        if other != axis:
            edge = edge & (part < 0.15)
    return edge
