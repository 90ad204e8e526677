"""Deblur an image whose PSF varies: overlapping tiles, each with its own PSF, blended."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import CopiedImage, Step, finish, map_steps
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.memory_budget import needs_pieces, resolve_method
from napari_tf_deblur._large.options import piece_options
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.piece_summary import format_place
from napari_tf_deblur._large.tiles import Tile, choose_centres, is_varying, tiles_around
from napari_tf_deblur._preparation.arguments import Arguments, CalibrationArguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.verdict import Verdict, summarise_verdicts
from napari_tf_deblur._run.weight_search import search_weight
from napari_tf_deblur._storage.regions import Region, relative_region

ArgumentsT = TypeVar("ArgumentsT", bound=CalibrationArguments)

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

FIRST_FRACTION = 0.4
"""Part of the progress bar for the run on the whole image with one PSF. Set by eye."""


def solve_varying(
    arguments: Arguments, stop: Event | None = None
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur an image whose PSF varies; see :func:`napari_tf_deblur.iter_deconvolve`.

    The whole image is deblurred with the PSF of its middle first. That gives the calibration of all
    tiles, and the image where no tile is done yet. Then each tile is deblurred with its own PSF and
    blended into the image.

    Parameters
    ----------
    arguments : Arguments
        The arguments of `deconvolve`; the PSF is a `VaryingPSF`.
    stop : threading.Event, optional
        Ends the run.

    Yields
    ------
    Step
        The progress of the run.

    Returns
    -------
    Deconvolution
        The result. Its loss and its number of iterations are those of the run on the whole image.

    Raises
    ------
    InvalidValueError
        If the image does not fit into memory or is written to a file, or if the method or the
        boundary does not allow tiles.
    """
    from napari_tf_deblur._run.whole_image import solve

    image, psf, frame = _read_arguments(arguments)
    centres = choose_centres(psf, frame)
    arguments = _count_planes_equal(arguments)
    whole = replace(arguments, psf=middle_psf(psf, frame))
    if needs_pieces(whole):
        raise InvalidValueError(
            "A PSF that varies needs an image in memory that can be deblurred as a whole: leave "
            "out 'output', convert a lazy image by numpy.asarray, crop it, or allow more 'memory'."
        )
    if not is_varying(centres):
        return (yield from solve(whole, stop))
    _refuse_uncuttable(arguments)
    first: Deconvolution = yield from map_steps(
        solve(whole, stop), lambda step: replace(step, fraction=FIRST_FRACTION * step.fraction)
    )
    tiles = tiles_around(psf, centres, frame, first.method)
    first = replace(
        first,
        calibration=replace(first.calibration, psf_width=1.0),
        warnings=(*psf.warnings, *_without_psf_warnings(first.warnings)),
    )
    if stop is not None and stop.is_set() and not first.converged:
        return _add_stop_notice(first, 0, len(tiles))
    return (yield from _blend_tiles(arguments, image, tiles, first, stop))


def calibrate_varying(arguments: CalibrationArguments) -> Calibration:
    """Return what :func:`solve_varying` would estimate from the image, without deblurring it."""
    _, psf, frame = _read_arguments(arguments)
    whole = replace(_count_planes_equal(arguments), psf=middle_psf(psf, frame))
    found = finish(search_weight(PreparedRun.from_arguments(whole))).calibration
    return replace(found, psf_width=1.0) if is_varying(choose_centres(psf, frame)) else found


def _count_planes_equal(arguments: ArgumentsT) -> ArgumentsT:
    """Count all planes as equally bright: tiles would find different factors."""
    if arguments.plane_brightness not in ("auto", "equal"):
        raise InvalidValueError(
            "The brightness of planes cannot be corrected with a PSF that varies: set "
            "'plane_brightness' to 'auto', or divide the planes by their factors first."
        )
    return replace(arguments, plane_brightness="equal")


def middle_psf(psf: VaryingPSF, frame: Sequence[int]) -> PSF:
    """Return the PSF of the middle of an image."""
    return psf.at([(n - 1) / 2 for n in frame])


def _read_arguments(
    arguments: CalibrationArguments,
) -> tuple[LargeImage, VaryingPSF, tuple[int, ...]]:
    """Return the image, the PSF, and the number of pixels along each deblurred axis."""
    image, psf = LargeImage.from_arguments(arguments), arguments.psf
    assert isinstance(psf, VaryingPSF)
    return image, psf, tuple(image.shape[axis] for axis in image.frame_axes(psf.ndim))


def _refuse_uncuttable(arguments: Arguments) -> None:
    """Raise an error if the image cannot be divided into tiles."""
    method = resolve_method(arguments)
    if not method.can_be_cut:
        raise InvalidValueError(
            f"{type(method).__name__} cannot be used with a PSF that varies, because its start "
            "and its steps depend on all pixels. Choose another method."
        )
    if arguments.boundary != "unknown":
        raise InvalidValueError(
            f"The boundary {arguments.boundary!r} cannot be used with a PSF that varies, because "
            "the image is divided into tiles. Use boundary='unknown'."
        )


def _without_psf_warnings(warnings: tuple[Notice, ...]) -> list[Notice]:
    """Leave out what warnings say of the PSF of the middle."""
    kinds = ("PSF narrowed", "light around the PSF", "PSF off centre")
    return [notice for notice in warnings if notice.kind not in kinds]


def _blend_tiles(
    arguments: Arguments,
    image: LargeImage,
    tiles: list[Tile],
    first: "Deconvolution",
    stop: Event | None,
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur one tile after another, and blend them into the image of the first run."""
    from napari_tf_deblur._run.whole_image import solve

    start_time = time.perf_counter()
    assert first.global_values is not None
    # One PSF is wrong in most of the image, so that its test says nothing of the others.
    shared = replace(first.global_values, psf_evidence="untested")
    calibration = replace(first.calibration, global_values=shared)
    axes = image.frame_axes(tiles[0].psf.ndim)
    values, residual = first.image.copy(), first.residual.copy()
    verdicts: dict[str, Verdict] = {}

    def relabel(step: Step) -> Step:
        done = (len(verdicts) + step.fraction) / len(tiles)
        return Step(
            "pieces" if step.stage == "iterating" else step.stage,
            f"tile {min(len(verdicts) + 1, len(tiles))} of {len(tiles)}",
            FIRST_FRACTION + (1 - FIRST_FRACTION) * done,
            first.loss_history,
            CopiedImage(values),
        )

    for tile in tiles:
        solver = _tile_solver(arguments, image, tile, calibration)
        whole = [slice(0, n) for n in image.shape]
        region = _replace_axes(whole, axes, tile.input_region)
        pixels, mask = image.get_region_reader(region).read()
        no_gap = (slice(0, 0),) * len(region)
        steps = solve(solver.piece_arguments(pixels, mask, no_gap), stop)
        result = yield from map_steps(steps, relabel)
        if stop is not None and stop.is_set() and not result.converged:
            break
        output = _replace_axes(whole, axes, tile.output_region)
        inner = _replace_axes(whole, axes, relative_region(tile.output_region, tile.input_region))
        weights = _tile_weights(tile, axes, len(image.shape))
        _blend(values[output], first.image[output], result.image[inner], weights)
        # The residual lacks the channel of transparency; a slice may end beyond its axis.
        _blend(residual[output], first.residual[output], result.residual[inner], weights)
        verdicts[format_place(round(place) for place in tile.centre)] = Verdict(
            result.verdict.kind, result.verdict.psf
        )
    verdict = replace(summarise_verdicts(verdicts), unit="tile") if verdicts else first.verdict
    blended = replace(
        first,
        image=values,
        residual=residual,
        seconds=first.seconds + time.perf_counter() - start_time,
        verdict=verdict,
        pieces=f"Deblurred in {len(tiles)} overlapping tiles, each with its own PSF.",
        global_values=shared,
    )
    if len(verdicts) < len(tiles):
        return _add_stop_notice(blended, len(verdicts), len(tiles))
    return blended


def _tile_solver(
    arguments: Arguments, image: LargeImage, tile: Tile, calibration: Calibration
) -> PieceSolver:
    spacing = arguments.spacing
    return PieceSolver(
        psf=tile.psf,
        calibration=calibration,
        options={name: getattr(arguments, name) for name in piece_options()},
        channel_axis=image.channel_axis,
        alpha=arguments.alpha,
        spacing=None if spacing is None else tuple(float(s) for s in spacing),
    )


def _replace_axes(region: list[slice], axes: tuple[int, ...], parts: Region) -> Region:
    """Return a region of the whole image, with other ranges along the deblurred axes."""
    by_axis = dict(zip(axes, parts))
    return tuple(by_axis.get(axis, part) for axis, part in enumerate(region))


def _tile_weights(tile: Tile, axes: tuple[int, ...], ndim: int) -> Float32Array:
    """Return the weight of a tile at each pixel, broadcastable to its output region."""
    total = np.ones((1,) * ndim, np.float32)
    for axis, line in zip(axes, tile.weights):
        total = total * line.reshape([-1 if a == axis else 1 for a in range(ndim)])
    return total


def _blend(
    values: NDArray[Any], first: NDArray[Any], tile: NDArray[Any], weights: Float32Array
) -> None:
    """Replace the first image by a tile, as far as the tile's weights say; in place.

    Where every tile is done, nothing of the first image is left, as the weights sum to 1. What both
    have in common stays exactly as it is: transparency, and planes that are not deblurred.
    """
    with np.errstate(invalid="ignore"):  # infinite values of planes that are not deblurred
        change = tile - first
    change[~np.isfinite(change)] = 0
    values += weights * change


def _add_stop_notice(result: "Deconvolution", done: int, total: int) -> "Deconvolution":
    """Say that a run was stopped before all tiles were deblurred."""
    if not result.iterations:
        return result
    which = f"{done} of {total} tiles are" if done > 1 else "One tile is" if done else "No tile is"
    text = (
        f"{which} deblurred with the PSF of the place, because the run was stopped; the rest is "
        "deblurred with the PSF of the middle."
    )
    warnings = (Notice("stopped", text), *result.warnings)
    return replace(result, converged=False, pieces="", warnings=warnings)
