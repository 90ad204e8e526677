"""Compare a result with the truth. NumPy only, so that peers can use it too."""

import numpy as np

BAND = 8
"""Width of the band at the frame, in pixels."""


def fitted(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Fit a result of arbitrary units to the truth: return the best ``a * result + b``."""
    x, y = result.astype(np.float64), truth.astype(np.float64)
    slope = np.mean((x - x.mean()) * (y - y.mean())) / max(np.var(x), 1e-30)
    return slope * (x - x.mean()) + y.mean()


def psnr(result: np.ndarray, truth: np.ndarray, peak: float, affine: bool = False) -> float:
    """Return the peak signal-to-noise ratio in dB; minus infinity if the result is not finite."""
    if not np.all(np.isfinite(result)):
        return -np.inf
    if affine:
        result = fitted(result, truth)
    error = np.mean((result.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(peak**2 / error))


def normalised_cross_correlation(result: np.ndarray, truth: np.ndarray) -> float:
    return float(np.corrcoef(result.ravel(), truth.ravel())[0, 1])


def flux_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Return the relative error of the summed intensity."""
    return float(result.sum(dtype=np.float64) / truth.sum(dtype=np.float64) - 1)


def centroid_shift(result: np.ndarray, truth: np.ndarray, axes: int) -> float:
    """Return the distance between the centres of mass of result and truth, in pixels."""
    shift = [_centroid(result, axis) - _centroid(truth, axis) for axis in range(axes)]
    return float(np.linalg.norm(shift))


def band_error(result: np.ndarray, truth: np.ndarray, axes: int) -> float:
    """Return the root-mean-square error in the band at the frame, relative to that inside."""
    inside = np.zeros(truth.shape, dtype=bool)
    width = [min(BAND, n // 4) for n in truth.shape[:axes]]
    inside[tuple(slice(w, n - w) for w, n in zip(width, truth.shape))] = True
    squares = (result.astype(np.float64) - truth) ** 2
    return float(np.sqrt(squares[~inside].mean() / squares[inside].mean()))


def ssim(
    result: np.ndarray, truth: np.ndarray, peak: float, channel_axis: int | None = None
) -> float:
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            truth.astype(np.float64),
            result.astype(np.float64),
            data_range=peak,
            channel_axis=channel_axis,
        )
    )


def _centroid(values: np.ndarray, axis: int) -> float:
    others = tuple(a for a in range(values.ndim) if a != axis)
    profile = values.sum(axis=others, dtype=np.float64)
    return float(profile @ np.arange(len(profile)) / profile.sum())
