"""Peers from scikit-image."""

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = None


def wiener(image: np.ndarray, psf: np.ndarray, balance: float) -> np.ndarray:
    from skimage.restoration import wiener

    return wiener(image, psf, balance, clip=False)


def unsupervised_wiener(image: np.ndarray, psf: np.ndarray) -> np.ndarray:
    from skimage.restoration import unsupervised_wiener

    return unsupervised_wiener(image, psf, clip=False, rng=0)[0]


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from skimage.restoration import richardson_lucy

    return richardson_lucy(np.maximum(image, 0), psf, num_iter=iterations, clip=False)


PEERS = (
    Peer("scikit-image Wiener", wiener, {"balance": tuple(10.0 ** np.arange(-5, 1.1, 0.5))}),
    Peer("scikit-image unsupervised Wiener", unsupervised_wiener),
    Peer(
        "scikit-image Richardson-Lucy",
        richardson_lucy,
        {"iterations": ITERATIONS},
        wraps=False,
        rising=True,
        search_size=256,
    ),
)
