"""Peer from RedLionfish, on the processor. A photograph is given as two equal planes."""

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = "peers"


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    from RedLionfishDeconv import doRLDeconvolutionFromNpArrays

    volume = np.maximum(image, 1e-6)
    if image.ndim == 2:
        volume, psf = np.stack([volume] * 2), psf[None]
    # Its own padding puts an odd PSF one pixel off the middle of an even volume.
    centred = np.zeros(volume.shape, np.float32)
    start = [n // 2 - m // 2 for n, m in zip(volume.shape, psf.shape)]
    centred[tuple(slice(s, s + m) for s, m in zip(start, psf.shape))] = psf
    result = doRLDeconvolutionFromNpArrays(volume, centred, niter=iterations, method="cpu")
    return result[0] if image.ndim == 2 else result


PEERS = (
    Peer(
        "RedLionfish Richardson-Lucy",
        richardson_lucy,
        {"iterations": ITERATIONS},
        rising=True,
        search_size=160,
    ),
)
