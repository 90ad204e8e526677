"""Finds the results among the layers, their records, and the one that a new run replaces."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.record import (
    describe_outcome,
    describe_settings,
    find_result_record,
    parse_requested_method,
)
from napari_tf_deblur._layers.result import Result, make_residual_layer
from napari_tf_deblur._layers.source import Source, compute_world_transform, is_own_layer


@dataclass(frozen=True)
class SessionData:
    """Data of a result that are not in its record; they exist as long as the layer exists.

    Attributes
    ----------
    source : weak reference
        The layer that was deblurred, even if it was renamed.
    residual : callable or None
        Makes a layer of the residual; None if the residual is not known.
    uncertainty_job : Job or None
        See `ResultRecord`.
    """

    source: "ReferenceType[Layer]"
    residual: Callable[[], Image] | None
    uncertainty_job: Job | None


_session_data: WeakKeyDictionary[Layer, SessionData] = WeakKeyDictionary()
"""Data of all results of this session, also for a dock that is closed and opened again."""


@dataclass(frozen=True)
class ResultRecord:
    """The record of a result, its source and its residual.

    Attributes
    ----------
    record : mapping
        The record of the run. It is not checked: it may come from a file.
    source_ref : weak reference or None
        The image that was deblurred, if it was found.
    residual : callable or None
        Makes a layer of the residual, if that is known.
    uncertainty_job : Job or None
        The job that repeats the run and finds its standard deviations, without the pixels of the
        image. None if the run was stopped, was done in pieces, or is of another session.
    """

    record: Mapping[str, Any]
    source_ref: "ReferenceType[Layer] | None"
    residual: Callable[[], Image] | None
    uncertainty_job: Job | None = None

    @property
    def source(self) -> Layer | None:
        """The image that was deblurred, if it still exists."""
        return None if self.source_ref is None else self.source_ref()

    @property
    def verdict_text(self) -> str:
        """The verdict on the result, in words."""
        return describe_outcome(self.record)

    @property
    def settings(self) -> str:
        """The settings of the result, in words."""
        return describe_settings(self.record)


@dataclass(frozen=True)
class EarlierResults:
    """Earlier results of the same source.

    Attributes
    ----------
    replaced : napari.layers.Image or None
        The result that a new run replaces.
    others : sequence of napari.layers.Image
        The results that do not change.
    """

    replaced: Image | None = None
    others: Sequence[Image] = ()


NO_RESULTS = EarlierResults()


class Results:
    """The results among the layers of a viewer, also those of earlier docks and sessions.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds them.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer

    def store(self, layer: Image, job: Job, result: Result) -> ResultRecord:
        """Store the data of a result that are not in its record.

        Parameters
        ----------
        layer : napari.layers.Image
            The result, with its record in the metadata.
        job : Job
            The job of the run; a reference to its pixels is not kept.
        result : Result
            The result of the run.

        Returns
        -------
        ResultRecord
            The record, the source and the residual of the result.
        """
        source = replace(job.source, data=np.empty(0))
        residual, unit = result.residual, result.residual_unit
        make = None if residual is None else partial(make_residual_layer, source, residual, unit)
        repeat = _uncertainty_job(job, source, result)
        _session_data[layer] = SessionData(source.layer, make, repeat)
        return ResultRecord(result.record, source.layer, make, repeat)

    def find_record(self, layer: Layer | None) -> ResultRecord | None:
        """Return the record of a layer with its source; None if the layer is no finished result."""
        record = find_result_record(layer)
        if layer is None or record is None or "method" not in record:  # of a run in progress
            return None
        data = _session_data.get(layer)
        if data is not None:
            return ResultRecord(record, data.source, data.residual, data.uncertainty_job)
        source = self._find_source(record)
        return ResultRecord(record, None if source is None else ref(source), None)

    def find_shown(self, layer: Layer | None) -> tuple[Image, ResultRecord] | None:
        """Return the result to show for a layer, or the last one of an image; None if none."""
        record = self.find_record(layer)
        if record is None and isinstance(layer, Image) and not is_own_layer(layer):
            results = self.find_results(layer)
            layer = results[-1] if results else None
            record = self.find_record(layer)
        return (layer, record) if isinstance(layer, Image) and record is not None else None

    def find_results(self, source: Layer | None) -> list[Image]:
        """Return the results of an image, in the order of the layers."""
        if source is None:
            return []
        images = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        records = [(image, self.find_record(image)) for image in images]
        return [image for image, record in records if record and record.source is source]

    def find_earlier(self, job: Job, keep: bool) -> EarlierResults:
        """Return the earlier results of a job's source, and which of them a new run replaces.

        Parameters
        ----------
        job : Job
            The job of the new run.
        keep : bool
            Whether all results are to be kept.
        """
        replaced = None if keep else self._find_replaceable(job)
        others = self.find_results(job.source.layer())
        return EarlierResults(replaced, [layer for layer in others if layer is not replaced])

    def _find_replaceable(self, job: Job) -> Image | None:
        """Return the last result of the same source and method, if it still lies on the source."""
        for layer in reversed(self.find_results(job.source.layer())):
            if _has_same_method(find_result_record(layer) or {}, job):
                same_type = bool(layer.multiscale) == job.makes_multiscale
                return layer if same_type and _matches_source(layer, job.source) else None
        return None

    def _find_source(self, record: Mapping[str, Any]) -> Layer | None:
        """Return the open image with the name and shape in a record, or None."""
        origin = record.get("origin")
        shape = origin.get("shape", ()) if isinstance(origin, Mapping) else ()
        for layer in self._viewer.layers:
            if not isinstance(layer, Image) or is_own_layer(layer):
                continue
            data = layer.data[0] if layer.multiscale else layer.data
            if layer.name == record.get("source") and list(np.shape(data)) == list(shape):
                return layer
        return None


def _uncertainty_job(job: Job, source: Source, result: Result) -> Job | None:
    """Return the job that finds the standard deviations of a result; see `ResultRecord`."""
    if result.residual is None or result.record.get("stopped") or job.psf_varies:
        return None
    return replace(
        job,
        source=source,
        calibration=result.deconvolution.calibration,
        options=replace(job.options, smoothing=1.0),  # the calibration has the smoothed weight
        uncertainty=True,
    )


def _has_same_method(record: Mapping[str, Any], job: Job) -> bool:
    """Whether the record of a result requests the same type of method as a job."""
    try:
        requested = parse_requested_method(record)
    except (ValueError, TypeError):
        return False
    return type(requested) is type(job.method)


def _matches_source(layer: Image, source: Source) -> bool:
    """Whether a layer has the shape of a source and lies in the same place."""
    shape = np.shape(layer.data)
    if bool(layer.rgb) != source.rgb or shape != tuple(source.data.shape):
        return False
    return np.allclose(
        compute_world_transform(layer).affine_matrix, source.world_transform.affine_matrix
    )
