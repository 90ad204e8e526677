"""Peer from flowdec."""

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = "flowdec"

_cache: dict[int, object] = {}


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from flowdec.data import Acquisition

    acquisition = Acquisition(data=np.maximum(image, 0), kernel=psf)
    return _solver(image.ndim).run(acquisition, niter=iterations).data


def _solver(axes: int) -> object:
    if axes not in _cache:
        from flowdec.restoration import RichardsonLucyDeconvolver

        _cache[axes] = RichardsonLucyDeconvolver(
            axes, pad_mode="none", pad_min=np.zeros(axes, int), real_domain_fft=False
        ).initialize()
    return _cache[axes]


PEERS = (
    Peer(
        "flowdec Richardson-Lucy",
        richardson_lucy,
        {"iterations": ITERATIONS},
        rising=True,
        search_size=160,
    ),
)
