"""Pairs of Fourier transforms that peers' runs take, read off their sources.

Transforms of flowdec, RedLionfish and sdeconv are complex, which takes twice as long as the
real ones that are counted for others and for us.
"""

import json

PER_ITERATION = {
    "scikit-image Richardson-Lucy": 3.0,  # each convolution transforms the PSF too
    "flowdec Richardson-Lucy": 2.0,
    "RedLionfish Richardson-Lucy": 2.0,
    "sdeconv Richardson-Lucy": 2.0,
}

IN_ALL = {
    "scikit-image Wiener": 1.0,
    "sdeconv Wiener": 1.0,
    "scico ADMM-TV": 200.0,  # 100 iterations
}


def fft_pairs(peer: str, settings: str) -> float | None:
    """Count the pairs of a run; None where a peer does without, or it is not known."""
    if peer in PER_ITERATION:
        return PER_ITERATION[peer] * json.loads(settings)["iterations"]
    return IN_ALL.get(peer)
