"""Deblurs the regions that a preview asks for, in a thread that talks to the solver."""

from collections.abc import Generator
from dataclasses import dataclass
from threading import Condition, Event, Thread
from typing import Any

import numpy as np
from qtpy import QtCore

from napari_tf_deblur._core.errors import StoppedError
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._dock.psf_view import make_psf_key
from napari_tf_deblur._dock.updates import translate_error
from napari_tf_deblur._large.preview import preview_regions
from napari_tf_deblur._large.preview_requests import RegionPicture, RegionRequest
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF
from napari_tf_deblur._process.solver import Solver
from napari_tf_deblur._storage.regions import Region

WAIT_SECONDS = 0.1
"""Seconds between two looks at the stop event. Limit: of time."""


@dataclass(frozen=True)
class LayerRequest:
    """What a preview shall show.

    Attributes
    ----------
    job : Job
        The image, and how it is deblurred.
    region : tuple of slice
        The part of the image, along its axes without colours.
    """

    job: Job
    region: Region

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for equal pictures."""
        job = self.job
        return make_psf_key(job.source, job.psf), job.method, job.options, str(self.region)


@dataclass(frozen=True)
class LayerPicture:
    """A picture for a request.

    Attributes
    ----------
    request : LayerRequest
        The request.
    picture : RegionPicture
        The picture, with the axes in the order of the core.
    """

    request: LayerRequest
    picture: RegionPicture


class PreviewSession(QtCore.QObject):  # type: ignore[misc, unused-ignore]
    """Previews of one image. The newest request replaces those before it.

    Parameters
    ----------
    solver : Solver
        The solver of the window.
    first : Job
        A job on the image. Its image and mask are read once.

    Attributes
    ----------
    arrived : Signal
        Emitted in the main thread with each `LayerPicture`.
    failed : Signal
        Emitted in the main thread with the exception that ended the session.
    """

    arrived = QtCore.Signal(object)  # type: ignore[attr-defined, unused-ignore]
    failed = QtCore.Signal(object)  # type: ignore[attr-defined, unused-ignore]

    def __init__(self, solver: Solver, first: Job) -> None:
        super().__init__()
        self._solver, self._job = solver, first
        self._stop = Event()
        self._changed = Condition()
        self._request: LayerRequest | None = None
        self._psfs: dict[object, Any] = {}
        Thread(target=self._run, name="preview", daemon=True).start()

    def show(self, request: LayerRequest) -> None:
        """Ask for a picture in place of all earlier ones."""
        with self._changed:
            self._request = request
            self._changed.notify()

    def end(self) -> None:
        """End the session; nothing more is emitted."""
        self._stop.set()
        self.blockSignals(True)
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._answer_requests()
        except StoppedError:
            pass
        except Exception as error:  # shown in the dock
            if not self._stop.is_set():
                self.failed.emit(translate_error(error))

    def _answer_requests(self) -> None:
        source = self._job.source
        frame = source.frame(self._job.psf.ndim)
        image = np.asarray(source.data)
        mask = self._job.build_mask(image, frame)
        steps: Generator[Any, RegionRequest | None, Any] = self._solver.iterate(
            preview_regions,
            frame.to_core(image),
            mask,
            channel_axis=source.channel_axis,
            alpha=source.has_alpha,
            spacing=self._job.spacing,
            stop=self._stop,
        )
        request: LayerRequest | None = None
        try:
            state = next(steps)
            while not self._stop.is_set():
                newer = self._take(wait=state == "ready")
                request = newer or request
                state = steps.send(None if newer is None else self._make_request(newer))
                if isinstance(state, RegionPicture) and request is not None:
                    self.arrived.emit(LayerPicture(request, state))
        except StopIteration:
            pass
        finally:
            steps.close()

    def _take(self, wait: bool) -> LayerRequest | None:
        """Return the newest request, once; None if there is none."""
        with self._changed:
            while wait and self._request is None and not self._stop.is_set():
                self._changed.wait(WAIT_SECONDS)
            request, self._request = self._request, None
            return request

    def _make_request(self, request: LayerRequest) -> RegionRequest:
        job = request.job
        frame, rgb = job.source.frame(job.psf.ndim), job.source.rgb
        region = (*request.region, *((slice(0, job.source.data.shape[-1]),) if rgb else ()))
        ordered = tuple(region[axis] for axis in frame.order(rgb))
        psf: Any = job.psf.ndim
        if not isinstance(job.psf, EstimatedPSF):
            key = (make_psf_key(job.source, job.psf), job.skew, job.options.varying_psf)
            if key not in self._psfs:
                self._psfs = {key: job.make_psf()[0]}
            psf = self._psfs[key]
            if isinstance(psf, VaryingPSF):  # that of the middle of the region
                parts = [region[axis] for axis in frame.indices]
                psf = psf.at([(part.start + part.stop - 1) / 2 for part in parts])
        return RegionRequest(ordered, psf, job.method, job.options.run_arguments())
