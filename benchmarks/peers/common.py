"""What all peers share: padding, colours, and the search for the oracle's setting.

Runs in the environments of the peers, so it needs nothing but NumPy and SciPy.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from metrics import psnr
from scipy.fft import next_fast_len

ITERATIONS = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300)
"""Numbers of Richardson-Lucy iterations that are tried."""


@dataclass(frozen=True)
class Peer:
    """One method of another library.

    Attributes
    ----------
    name : str
        Library and method, as in the table.
    run : callable
        Takes a grey image scaled by its peak, the PSF and the settings; gives the image.
    grid : dict of tuple
        Values to try of each setting, in order of size where they are numbers.
    wraps : bool
        Whether the method takes the image for periodic; others get a periodic image with a
        margin taken from its other side.
    pads_itself : bool
        Whether the method is to pad camera images in its own way.
    rising : bool
        Whether the values are iterations: no more are tried once the result gets worse.
    search_size : int
        Settings are searched on the middle of the image, at most so large on each side.
    axes : tuple of int
        Numbers of axes that the method can deal with.
    """

    name: str
    run: Callable[..., np.ndarray]
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    wraps: bool = True
    pads_itself: bool = False
    rising: bool = False
    search_size: int = 10_000
    axes: tuple[int, ...] = (2, 3)


@dataclass
class Task:
    """A case as a peer sees it, with the truth for the oracle."""

    truth: np.ndarray
    blurred: np.ndarray
    psf: np.ndarray
    boundary: str
    peak: float
    colour: bool
    affine: bool

    def middle(self, size: int) -> "Task":
        """Cut the middle out, which then looks like a camera's frame."""
        axes = range(self.psf.ndim)
        if all(self.truth.shape[a] <= size for a in axes):
            return self
        cut = [(max(0, self.truth.shape[a] - size) // 2, size) for a in axes]
        window = tuple(slice(first, first + n) for first, n in cut)
        parts = (self.truth[window], self.blurred[window], self.psf)
        return Task(*parts, "camera", self.peak, self.colour, self.affine)

    def score(self, result: np.ndarray) -> float:
        return psnr(result, self.truth, self.peak, self.affine)

    def deblurred(self, peer: Peer, settings: dict[str, Any]) -> np.ndarray:
        """Run a peer: scaled to 0..1, channel by channel, padded where it needs that."""
        channels = np.moveaxis(self.blurred, -1, 0) if self.colour else self.blurred[None]
        results = []
        for channel in channels:
            scaled = (channel / self.peak).astype(np.float32)
            padded, window = self._padded(scaled, peer)
            result = np.asarray(peer.run(padded, self.psf, **settings), dtype=np.float32)
            results.append(result[window] * np.float32(self.peak))
        return np.stack(results, -1) if self.colour else results[0]

    def _padded(self, image: np.ndarray, peer: Peer) -> tuple[np.ndarray, tuple[slice, ...]]:
        everything = (slice(None),) * image.ndim
        if peer.pads_itself or (peer.wraps and self.boundary == "periodic"):
            return image, everything
        mode = "wrap" if self.boundary == "periodic" else "symmetric"
        margins = []
        for n, m in zip(image.shape, self.psf.shape):
            width = m - 1 if mode == "symmetric" else 2 * m
            margins.append((width, _even_fast_size(n + 2 * width) - n - width))
        window = tuple(slice(a, a + n) for (a, _), n in zip(margins, image.shape))
        return np.pad(image, margins, mode=mode), window


def _even_fast_size(size: int) -> int:
    while size % 2 or next_fast_len(size, real=True) != size:
        size += 1
    return size


def best_settings(peer: Peer, task: Task) -> dict[str, Any]:
    """Find the settings of highest PSNR: each in turn, finer around the best, twice."""
    task = task.middle(peer.search_size)
    tried: dict[tuple[Any, ...], float] = {}

    def score(settings: dict[str, Any]) -> float:
        key = tuple(settings.values())
        if key not in tried:
            value = task.score(task.deblurred(peer, settings))
            tried[key] = value if np.isfinite(value) else -np.inf
        return tried[key]

    best = {name: values[len(values) // 2] for name, values in peer.grid.items()}
    for _ in range(min(2, len(peer.grid))):
        for name, values in peer.grid.items():
            scores: dict[Any, float] = {}
            for value in values:
                scores[value] = score({**best, name: value})
                if peer.rising and len(scores) > 2 and scores[value] < max(scores.values()) - 0.3:
                    break
            for value in _between(values, max(scores, key=scores.__getitem__)):
                scores[value] = score({**best, name: value})
            best[name] = max(scores, key=scores.__getitem__)
    return best


def _between(values: tuple[Any, ...], best: Any) -> Iterator[Any]:
    """Give the geometric middles between the best value and its neighbours."""
    if isinstance(best, str | bool):
        return
    place = values.index(best)
    for other in values[max(0, place - 1) : place] + values[place + 1 : place + 2]:
        if isinstance(best, int):
            middle = round((best * other) ** 0.5)
        else:
            middle = float((best * other) ** 0.5)
        if middle not in (best, other):
            yield middle


def solve(
    peer: Peer, task: Task, known: dict[str, Any] | None = None
) -> tuple[np.ndarray, dict[str, Any], float]:
    """Deblur at the oracle's settings, searched for unless they are known.

    Gives image, settings and seconds.
    """
    settings = best_settings(peer, task) if known is None else known
    started = time.perf_counter()
    result = task.deblurred(peer, settings)
    return result, settings, time.perf_counter() - started
