"""Put the results of pieces together: one verdict, one `Deconvolution`, or a lazy one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.plan import Plan
from napari_tf_deblur._large.sample_calibration import SampleCalibration
from napari_tf_deblur._run.verdict import Verdict, VerdictKind, summarise_verdicts

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

EMPTY_META = np.zeros(0, np.float32)
"""Array that tells dask the dtype. Definition: of dask's `meta`."""


def combine_verdicts(kinds: Mapping[str, VerdictKind], samples: Verdict) -> Verdict:
    """Combine the verdicts of pieces into one; what it says of the PSF comes from the samples.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of the verdict of each piece, by the index of its first pixel.
    samples : Verdict
        Verdict of the samples.
    """
    if not kinds:
        return samples
    verdicts = {place: Verdict(kind, samples.psf) for place, kind in kinds.items()}
    return replace(summarise_verdicts(verdicts), unit="piece")


def build_result(
    calibration: SampleCalibration,
    image: Any,
    residual: Any,
    verdict: Verdict,
    plan_summary: str,
    seconds: float,
    warnings: tuple[Notice, ...] = (),
) -> "Deconvolution":
    """Make the result of a run in pieces from that of its samples.

    Parameters
    ----------
    calibration : SampleCalibration
        What was found from samples of the image.
    image, residual : array
        The result of all pieces, in memory or lazy.
    verdict : Verdict
        Verdict of all pieces.
    plan_summary : str
        Number and size of the pieces; see `Plan.summary_text`.
    seconds : float
        Duration of the work on pieces.
    warnings : tuple of Notice, optional
        Warnings about the pieces; those about the samples follow.
    """
    sample_result = calibration.sample_result
    return replace(
        sample_result,
        image=image,
        residual=residual,
        calibration=calibration.piece_solver.calibration,
        seconds=sample_result.seconds + seconds,
        verdict=verdict,
        warnings=tuple(dict.fromkeys((*warnings, *sample_result.warnings))),
        pieces=f"Deblurred {plan_summary}. {calibration.samples}",
    )


def build_lazy_result(
    image: LargeImage, plan: Plan, calibration: SampleCalibration
) -> "Deconvolution":
    """Return a result whose pieces are computed when their pixels are asked for."""
    import dask.array as da
    from dask.delayed import delayed

    solver = calibration.piece_solver
    solve = delayed(_solve_piece, pure=True)
    images: NDArray[Any] = np.empty(plan.piece_grid.counts, object)
    residuals: NDArray[Any] = np.empty(plan.piece_grid.counts, object)
    alpha_axis = image.channel_axis if solver.alpha else None  # the residual has no transparency
    for index, piece in zip(np.ndindex(plan.piece_grid.counts), plan.piece_grid):
        reader = image.get_region_reader(piece.input_region, piece.gap)
        solution = solve(solver, reader.pixels, reader.mask, piece)
        shape = tuple(s.stop - s.start for s in piece.output_region)
        residual_shape = tuple(n - (axis == alpha_axis) for axis, n in enumerate(shape))
        images[index] = da.from_delayed(solution.image, shape, np.float32, meta=EMPTY_META)
        residuals[index] = da.from_delayed(
            solution.residual, residual_shape, np.float32, meta=EMPTY_META
        )
    return build_result(
        calibration,
        da.block(images.tolist()),
        da.block(residuals.tolist()),
        calibration.sample_result.verdict,
        plan.summary_text,
        0.0,
    )


def _solve_piece(solver: Any, pixels: Any, mask: Any, piece: Any) -> Any:
    return solver.solve(np.asarray(pixels), None if mask is None else np.asarray(mask), piece)
