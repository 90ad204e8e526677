"""Peer from flowdec, which pads by itself."""

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = "flowdec"

_cache: dict[tuple, object] = {}


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from flowdec.data import Acquisition

    acquisition = Acquisition(data=np.maximum(image, 0), kernel=psf)
    return _solver(image.ndim, ()).run(acquisition, niter=iterations).data


def padded_richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from flowdec.data import Acquisition

    acquisition = Acquisition(data=np.maximum(image, 0), kernel=psf)
    margin = tuple(2 * (n - 1) for n in psf.shape)
    return _solver(image.ndim, margin).run(acquisition, niter=iterations).data


def _solver(axes: int, margin: tuple[int, ...]) -> object:
    if (axes, margin) not in _cache:
        from flowdec.restoration import RichardsonLucyDeconvolver

        _cache[axes, margin] = RichardsonLucyDeconvolver(
            axes,
            pad_mode="2357" if margin else "none",
            pad_min=np.array(margin or (0,) * axes),
            pad_fill="symmetric",
            real_domain_fft=False,
        ).initialize()
    return _cache[axes, margin]


PEERS = (
    Peer("flowdec Richardson-Lucy", richardson_lucy, {"iterations": ITERATIONS}, rising=True),
)
