"""Deblur regions of one image again and again, as a run on the whole image would."""

import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from threading import Event
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.masking import mask_not_finite
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.steps import Step, finish, map_steps
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.margins import piece_margin, scene_gap
from napari_tf_deblur._large.options import piece_options
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._large.preview_requests import RegionPicture, RegionRequest
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.memo import CALLS, make_digest
from napari_tf_deblur._run.whole_image import find_calibration, solve
from napari_tf_deblur._solvers.run import solve_batches
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur.methods import Method

PAUSE_SECONDS = 0.4
"""Seconds without another request after which the whole image is measured for the present settings.
Limit: of time; a request that comes while it is measured waits."""

WAIT_STEP_SECONDS = 0.02
"""Seconds between two looks for another request. Limit: of time."""

WHOLE_PAUSE_SECONDS = 1.0
"""Seconds without another request after which the whole image is deblurred. Limit: of time."""

MAX_WHOLE_PIXELS = 2**24
"""Largest number of pixels of an image that is deblurred as a whole. Limit: of time."""

MAX_CALIBRATIONS = 32
"""Number of calibrations that are kept. Limit: of memory."""

State = Literal["ready", "busy"]
"""What the preview does: it waits for a request, or has not finished one."""


def preview_regions(
    image: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    stop: Event,
    **axes: Any,
) -> Generator[RegionPicture | State, RegionRequest | None, None]:
    """Deblur the regions that are sent to this generator.

    Parameters
    ----------
    image : ndarray
        The whole image, with the deblurred axes last.
    mask : ndarray of bool, optional
        Pixels to ignore.
    stop : threading.Event
        Ends the generator.
    **axes
        `channel_axis`, `alpha` and `spacing` of :func:`deconvolve`.

    Yields
    ------
    RegionPicture or str
        A picture; "ready" if there is nothing to do; "busy" otherwise. If a request is sent in
        reply to a picture or to "busy", the present one is dropped.
    """
    preview = _Preview(image, mask, stop, axes)
    request = yield "ready"
    while not stop.is_set():
        work = preview.answer(request) if request is not None else iter(())
        request = None
        for answer in work:
            request = yield answer
            if request is not None or stop.is_set():
                break
        else:
            request = yield "ready"


class _Preview:
    """The image of a preview, and what was found from it."""

    def __init__(
        self,
        image: NDArray[Any],
        mask: NDArray[np.bool_] | None,
        stop: Event,
        axes: Mapping[str, Any],
    ) -> None:
        self._pixels, self._mask, self._stop, self._axes = image, mask, stop, axes
        self._image = LargeImage.from_arguments(Arguments(image, mask=mask, **axes))
        self._calibrations: dict[bytes, tuple[Calibration, PSF | BlurEstimate]] = {}
        self._whole: tuple[bytes, Deconvolution] | None = None
        self._last: dict[bytes, Calibration] = {}  # by method and options

    def answer(self, request: RegionRequest) -> Generator[RegionPicture | State, None, None]:
        """Yield the pictures of a request, the final one last."""
        named = {"method": request.method, **request.options}
        whole_key = make_digest({"psf": request.psf, **named})
        if self._whole is not None and self._whole[0] == whole_key:
            yield self._cut(request)
            return
        named.pop("smoothing", None)
        method_key, key = make_digest(named), make_digest({"psf": request.psf, **named})
        if key not in self._calibrations:
            former = self._last.get(method_key)
            if former is not None and not isinstance(request.psf, int):
                yield self._deblur(request, replace(former, psf_width=1.0), request.psf, False)
            yield from _wait(PAUSE_SECONDS * bool(self._calibrations))
            self._calibrations[key] = yield from self._calibrate(request)
            if self._stop.is_set():
                del self._calibrations[key]
                return
            while len(self._calibrations) > MAX_CALIBRATIONS:
                del self._calibrations[next(iter(self._calibrations))]
        calibration, psf = self._calibrations[key]
        self._last[method_key] = calibration
        yield self._deblur(request, calibration, psf, True)
        if self._pixels.size <= MAX_WHOLE_PIXELS:
            yield from _wait(WHOLE_PAUSE_SECONDS)
            result = yield from map_steps(solve(self._arguments(request, psf), self._stop), _hide)
            if not self._stop.is_set():
                self._whole = whole_key, result
                yield self._cut(request)

    def _cut(self, request: RegionRequest) -> RegionPicture:
        """Cut the region out of the result of the whole image."""
        assert self._whole is not None
        result = self._whole[1]
        image = np.ascontiguousarray(result.image[request.region])
        psf = result.blur.psf() if result.blur else check_psf(request.psf)
        return RegionPicture(request.region, image, result.method.offset, psf, True, True)

    def _arguments(self, request: RegionRequest, psf: PSF | BlurEstimate) -> Arguments:
        """Return the arguments of a run on the whole image."""
        return Arguments(
            self._pixels, psf, request.method, mask=self._mask, **self._axes, **request.options
        )

    def _calibrate(
        self, request: RegionRequest
    ) -> Generator[State, None, tuple[Calibration, PSF | BlurEstimate]]:
        psf: PSF | BlurEstimate
        if isinstance(request.psf, int):
            psf = yield from self._estimate_blur(request.psf)
        else:
            psf = request.psf
        steps = find_calibration(self._arguments(request, psf), self._stop)
        prepared, _ = yield from map_steps(steps, _hide)
        return prepared.calibration, psf

    def _estimate_blur(self, ndim: int) -> Generator[State, None, BlurEstimate]:
        options = {name: self._axes[name] for name in ("channel_axis", "alpha")} | {"ndim": ndim}
        image = mask_not_finite(self._pixels)
        blur: BlurEstimate = yield from CALLS.call(estimate_blur, (image,), options)
        return blur

    def _deblur(
        self,
        request: RegionRequest,
        calibration: Calibration,
        psf: PSF | BlurEstimate,
        is_final: bool,
    ) -> RegionPicture:
        """Deblur a region with a margin, and cut the margin off."""
        array = check_psf(psf.psf() if isinstance(psf, BlurEstimate) else psf)
        calibration = calibration.with_smoothing(request.options.get("smoothing", 1.0))
        options = {
            name: request.options[name] for name in piece_options() if name in request.options
        }
        solver = PieceSolver(array, calibration, options, **self._axes)
        piece = self._make_piece(request.region, array, calibration.method)
        pixels, mask = self._image.get_region_reader(piece.input_region, piece.gap).read()
        arguments = solver.piece_arguments(pixels, mask, piece.gap)
        solved = finish(solve_batches(PreparedRun.from_arguments(arguments), self._stop))
        image = np.ascontiguousarray(solved.image[piece.inner_region])
        return RegionPicture(request.region, image, calibration.method.offset, array, is_final)

    def _make_piece(self, region: Region, psf: PSF, method: Method) -> Piece:
        """Return the region as a piece, with the pixels around it that matter."""
        shape, axes = self._image.shape, self._image.frame_axes(psf.ndim)
        frame = [shape[axis] for axis in axes]
        grid = PieceGrid.from_sizes(
            shape,
            axes,
            [region[axis].stop - region[axis].start for axis in axes],
            piece_margin(psf, method),
            scene_gap(frame, psf, method),
            self._image.channel_axis,
        )
        return grid.make_piece(0, [part.start for part in region], [part.stop for part in region])


def _hide(_step: Step) -> State:
    """Show nothing of a step of a run but that it is busy."""
    return "busy"


def _wait(seconds: float) -> Generator[State, None, None]:
    """Wait for some seconds, in which another request may come."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield "busy"
        time.sleep(WAIT_STEP_SECONDS)
