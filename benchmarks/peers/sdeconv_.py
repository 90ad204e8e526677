"""Peers from sdeconv, which gets PSFs as large as the image, as its own padding is faulty."""

import contextlib
import io
from typing import Any

import numpy as np

from peers.common import ITERATIONS, Peer

ENVIRONMENT = "peers"


_kept: list[object] = []


def _deconv() -> Any:
    """Import sdeconv; without CUDA, torchvision fails unless its operators are known before."""
    import torch

    if not _kept:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)
    from sdeconv import deconv

    return deconv


def wiener(image: np.ndarray, psf: np.ndarray, beta: float) -> np.ndarray:
    method = _deconv().SWiener(_as_large(psf, image.shape), beta=beta, pad=0)
    return _applied(method, image)


def richardson_lucy(image: np.ndarray, psf: np.ndarray, iterations: int) -> np.ndarray:
    kernel = _as_large(psf, image.shape)
    method = _deconv().SRichardsonLucy(kernel, niter=iterations, pad=0)
    return _applied(method, np.maximum(image, 1e-6))


def spitfire(image: np.ndarray, psf: np.ndarray, weight: float, reg: float) -> np.ndarray:
    import torch

    if image.ndim == 2:  # a square kernel, and torch's convolution does not flip it
        side = max(psf.shape)
        margins = [((side - n) // 2,) * 2 for n in psf.shape]
        kernel = torch.tensor(np.pad(psf, margins)[::-1, ::-1].copy())
    else:
        kernel = _as_large(psf, image.shape)
    method = _deconv().Spitfire(kernel, weight=weight, reg=reg, precision=1e-6, pad=0)
    return _applied(method, image)


def _as_large(psf: np.ndarray, shape: tuple[int, ...]) -> object:
    import torch

    kernel = np.zeros(shape, np.float32)
    start = [n // 2 - m // 2 for n, m in zip(shape, psf.shape)]
    kernel[tuple(slice(s, s + m) for s, m in zip(start, psf.shape))] = psf
    return torch.tensor(kernel)


def _applied(method: object, image: np.ndarray) -> np.ndarray:
    import torch

    with contextlib.redirect_stdout(io.StringIO()):
        return method(torch.tensor(image)).detach().numpy()


PEERS = (
    Peer("sdeconv Wiener", wiener, {"beta": tuple(10.0 ** np.arange(-6, 1.1, 0.5))}),
    Peer(
        "sdeconv Richardson-Lucy",
        richardson_lucy,
        {"iterations": ITERATIONS},
        rising=True,
        search_size=160,
    ),
    Peer(
        "sdeconv Spitfire",
        spitfire,
        {"reg": (0.97, 0.99, 0.997, 0.999), "weight": (0.6, 0.9)},
        wraps=False,
        search_size=96,
    ),
)
