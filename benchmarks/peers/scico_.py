"""Peer from scico: total variation by ADMM, on the padded image."""

import numpy as np

from peers.common import Peer

ENVIRONMENT = "scico"

ITERATIONS = 100


def total_variation(image: np.ndarray, psf: np.ndarray, weight: float, rho: float) -> np.ndarray:
    """Follow scico's example "Image Deconvolution with TV (ADMM Solver)"."""
    import scico.numpy as snp
    from scico import functional, linop, loss
    from scico.optimize.admm import ADMM, CircularConvolveSolver

    observed = snp.array(image)
    blur = _blur(psf, image.shape)
    solver = ADMM(
        f=loss.SquaredL2Loss(y=observed, A=blur),
        g_list=[weight * functional.L21Norm()],
        C_list=[linop.FiniteDifference(image.shape, append=None, circular=True)],
        rho_list=[rho * weight],
        x0=observed,
        maxiter=ITERATIONS,
        subproblem_solver=CircularConvolveSolver(),
    )
    return np.asarray(solver.solve())


def masked_total_variation(
    image: np.ndarray, psf: np.ndarray, weight: float, rho: float
) -> np.ndarray:
    """Follow scico's "Deconvolution Microscopy" example: nothing is assumed outside."""
    import scico.numpy as snp
    from scico import functional, linop, loss
    from scico.optimize.admm import ADMM, CircularConvolveSolver

    from peers.common import _even_fast_size

    margins = [
        (m // 2, _even_fast_size(n + m - 1) - n - m // 2) for n, m in zip(image.shape, psf.shape)
    ]
    padded = np.pad(image, margins, mode="symmetric")
    window = tuple(slice(a, a + n) for (a, _), n in zip(margins, image.shape))
    mask = np.zeros(padded.shape, np.float32)
    mask[window] = 1
    solver = ADMM(
        f=None,
        g_list=[
            loss.SquaredL2Loss(y=snp.array(padded * mask), A=linop.Diagonal(snp.array(mask))),
            weight * functional.L21Norm(),
        ],
        C_list=[
            _blur(psf, padded.shape),
            linop.FiniteDifference(padded.shape, append=None, circular=True),
        ],
        rho_list=[0.2, rho * weight],
        x0=snp.array(padded),
        maxiter=ITERATIONS,
        subproblem_solver=CircularConvolveSolver(),
    )
    return np.asarray(solver.solve())[window]


def _blur(psf: np.ndarray, shape: tuple[int, ...]) -> object:
    import scico.numpy as snp
    from scico import linop

    return linop.CircularConvolve(
        h=snp.array(psf),
        input_shape=shape,
        input_dtype=np.float32,
        h_center=[n // 2 for n in psf.shape],
    )


GRID = {"weight": tuple(10.0 ** np.arange(-4.5, -1.4, 1.0)), "rho": (30.0,)}

PEERS = (Peer("scico ADMM-TV", total_variation, GRID, search_size=128),)
