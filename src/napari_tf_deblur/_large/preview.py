"""Deblur regions of one image again and again, as a run on the whole image would."""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.estimation import estimate_blur
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._large.margins import piece_margin
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.memo import CALLS, make_digest
from napari_tf_deblur._run.whole_image import find_calibration
from napari_tf_deblur._solvers.run import solve_batches
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur.methods import Auto, Method

PAUSE_SECONDS = 0.4
"""Seconds without another request after which the whole image is measured for the present settings.
Limit: of time; a request that comes while it is measured waits."""

MAX_CALIBRATIONS = 32
"""Number of calibrations that are kept. Limit: of memory."""

State = Literal["ready", "busy"]
"""What the preview does: it waits for a request, or has not finished one."""


@dataclass(frozen=True)
class RegionRequest:
    """A region to deblur, and how.

    Attributes
    ----------
    region : tuple of slice
        The region, along all axes of the image.
    psf : ndarray or int
        The PSF; or the number of deblurred axes, if it is estimated from the image.
    method : Method or "auto"
        The method.
    options : mapping
        Options of a run: keyword arguments of :func:`deconvolve`.
    """

    region: Region
    psf: PSF | int
    method: Method | Auto
    options: Mapping[str, Any]


@dataclass(frozen=True)
class RegionPicture:
    """A region, deblurred.

    Attributes
    ----------
    region : tuple of slice
        The region.
    image : ndarray of float32
        Its pixels, in the units of the image.
    offset : float
        The background that was subtracted.
    psf : ndarray of float32
        The PSF that was used.
    is_final : bool
        Whether the settings are those of a run on the whole image. Otherwise they are those of
        the last PSF, and a final picture follows.
    """

    region: Region
    image: Float32Array
    offset: float
    psf: PSF
    is_final: bool


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
        self._image, self._mask, self._stop, self._axes = image, mask, stop, axes
        self._calibrations: dict[bytes, tuple[Calibration, PSF | BlurEstimate]] = {}
        self._last: dict[bytes, Calibration] = {}  # by method and options

    def answer(self, request: RegionRequest) -> Generator[RegionPicture | State, None, None]:
        """Yield the pictures of a request, the final one last."""
        options = {name: v for name, v in request.options.items() if name != "smoothing"}
        method_key = make_digest((request.method, options))
        key = make_digest((request.psf, request.method, options))
        if key not in self._calibrations:
            former = self._last.get(method_key)
            if former is not None and not isinstance(request.psf, int):
                yield self._deblur(request, replace(former, psf_width=1.0), request.psf, False)
            until = time.monotonic() + PAUSE_SECONDS * bool(self._calibrations)
            while time.monotonic() < until:
                yield "busy"
                time.sleep(PAUSE_SECONDS / 20)
            self._calibrations[key] = yield from self._calibrate(request)
            if self._stop.is_set():
                del self._calibrations[key]
                return
            while len(self._calibrations) > MAX_CALIBRATIONS:
                del self._calibrations[next(iter(self._calibrations))]
        calibration, psf = self._calibrations[key]
        self._last[method_key] = calibration
        yield self._deblur(request, calibration, psf, True)

    def _calibrate(
        self, request: RegionRequest
    ) -> Generator[State, None, tuple[Calibration, PSF | BlurEstimate]]:
        psf: PSF | BlurEstimate
        if isinstance(request.psf, int):
            psf = yield from self._estimate_blur(request.psf)
        else:
            psf = request.psf
        arguments = Arguments(
            self._image, psf, request.method, mask=self._mask, **self._axes, **request.options
        )
        steps = find_calibration(arguments, self._stop)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                prepared: PreparedRun = end.value[0]
                return prepared.calibration, psf
            yield "busy"

    def _estimate_blur(self, ndim: int) -> Generator[State, None, BlurEstimate]:
        image: Any = self._image
        if image.dtype.kind == "f":
            image = np.ma.masked_invalid(image)
        options = {name: self._axes[name] for name in ("channel_axis", "alpha")}
        options["ndim"] = ndim
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
        outer, inner = self._add_margin(request.region, array, calibration)
        mask = self._mask
        if mask is not None:
            axis = self._axes.get("channel_axis")
            region = [part for k, part in enumerate(outer) if axis is None or k != len(outer) - 1]
            mask = np.broadcast_to(mask, self._image.shape[: len(region)])[tuple(region)]
        options = {**request.options, "smoothing": 1.0}
        arguments = Arguments(
            self._image[outer], array, calibration, mask=mask, **self._axes, **options
        )
        solved = finish(solve_batches(PreparedRun.from_arguments(arguments), self._stop))
        pixels = np.ascontiguousarray(solved.image[inner])
        return RegionPicture(request.region, pixels, calibration.method.offset, array, is_final)

    def _add_margin(
        self, region: Region, psf: PSF, calibration: Calibration
    ) -> tuple[Region, Region]:
        """Return the region with the pixels around it that matter, and its place therein."""
        margins = piece_margin(psf, calibration.method)
        last = len(region) - (self._axes.get("channel_axis") is not None)
        outer, inner = list(region), [slice(None)] * len(region)
        for axis, margin in zip(range(last - len(margins), last), margins):
            part = region[axis]
            begin = max(0, part.start - margin)
            outer[axis] = slice(begin, min(self._image.shape[axis], part.stop + margin))
            inner[axis] = slice(part.start - begin, part.stop - begin)
        return tuple(outer), tuple(inner)
