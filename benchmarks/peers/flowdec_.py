"""Peer from flowdec."""

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = "flowdec"

_cache: dict[int, object] = {}


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from flowdec.data import Acquisition

    acquisition = Acquisition(data=np.maximum(image, 0), kernel=psf)
    return _solver(image.ndim).run(acquisition, niter=iterations).data


@cache
def _solver(axes: int) -> object:
    """Prepare a solver that takes the image for periodic, as the padded ones are."""
    from flowdec.restoration import RichardsonLucyDeconvolver

    return RichardsonLucyDeconvolver(axes, pad_mode="none").initialize()


PEERS = (
    Peer(
        "flowdec Richardson-Lucy",
        richardson_lucy,
        {"iterations": ITERATIONS},
        rising=True,
        search_size=160,
    ),
)
