"""Results: what made each, as its record says, and which one a new run takes the place of."""

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
    """What a run leaves behind besides its record, as long as the layer of its result exists.

    Attributes
    ----------
    source : weak reference
        The layer that was deblurred, whatever it is called now.
    residual : callable or None
        Makes a layer of the residual; None where it is not kept.
    """

    source: "ReferenceType[Layer]"
    residual: Callable[[], Image] | None


_session_data: WeakKeyDictionary[Layer, SessionData] = WeakKeyDictionary()
"""Of all results of this session: a dock that is closed and opened again knows them, too."""


@dataclass(frozen=True)
class ResultRecord:
    """What made a result.

    Attributes
    ----------
    record : mapping
        Of the run, unchecked: it may come out of a file.
    layer : weak reference or None
        The image that was deblurred, where it was found.
    residual : callable or None
        Makes a layer of the residual, where that is known.
    """

    record: Mapping[str, Any]
    source_ref: "ReferenceType[Layer] | None"
    residual: Callable[[], Image] | None

    @property
    def source(self) -> Layer | None:
        """The image that was deblurred, if it still exists."""
        return None if self.source_ref is None else self.source_ref()

    @property
    def verdict_text(self) -> str:
        """Whether to believe the result."""
        return describe_outcome(self.record)

    @property
    def settings(self) -> str:
        """The settings that made it, in words."""
        return describe_settings(self.record)


@dataclass(frozen=True)
class EarlierResults:
    """Earlier results of the same source.

    Attributes
    ----------
    replaced : napari.layers.Image or None
        The one that a run takes the place of.
    others : sequence of napari.layers.Image
        Those that stay.
    """

    replaced: Image | None = None
    others: Sequence[Image] = ()


NO_RESULTS = EarlierResults()


class Results:
    """The results among the layers of a viewer, those of former docks and sessions, too.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds them.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer

    def store(self, layer: Image, job: Job, result: Result) -> ResultRecord:
        """Keep what a result's record does not hold.

        Parameters
        ----------
        layer : napari.layers.Image
            The result, whose metadata have its record.
        job : Job
            What was asked for; its pixels are let go.
        result : Result
            What came of it.

        Returns
        -------
        Made
            What is known of the result.
        """
        light = replace(job.source, data=np.empty(0))
        residual, unit = result.residual, result.residual_unit
        make = None if residual is None else partial(make_residual_layer, light, residual, unit)
        _session_data[layer] = SessionData(job.source.layer, make)
        return ResultRecord(result.record, job.source.layer, _session_data[layer].residual)

    def find_record(self, layer: Layer | None) -> ResultRecord | None:
        """What made this layer; None if it is no result."""
        record = find_result_record(layer)
        if layer is None or record is None or "method" not in record:  # of a run that goes on
            return None
        kept = _session_data.get(layer)
        if kept is not None:
            return ResultRecord(record, kept.source, kept.residual)
        source = self._find_source(record)
        return ResultRecord(record, None if source is None else ref(source), None)

    def find_results(self, source: Layer | None) -> list[Image]:
        """The results of an image, in the order of the layers."""
        if source is None:
            return []
        made = [(layer, self.find_record(layer)) for layer in self._viewer.layers]
        return [x for x, m in made if m is not None and m.source is source and isinstance(x, Image)]

    def find_replaceable(self, job: Job) -> Image | None:
        """The last result of the same source and method, where it still lies on the source."""
        for layer in reversed(self.find_results(job.source.layer())):
            if _has_same_method(find_result_record(layer) or {}, job):
                alike = bool(layer.multiscale) == job.makes_multiscale
                return layer if alike and _matches_source(layer, job.source) else None
        return None

    def _find_source(self, record: Mapping[str, Any]) -> Layer | None:
        """The image of the name and shape that a record tells, if it is open."""
        origin = record.get("origin")
        shape = origin.get("shape", ()) if isinstance(origin, Mapping) else ()
        for layer in self._viewer.layers:
            if not isinstance(layer, Image) or is_own_layer(layer):
                continue
            data = layer.data[0] if layer.multiscale else layer.data
            if layer.name == record.get("source") and list(np.shape(data)) == list(shape):
                return layer
        return None


def _has_same_method(record: Mapping[str, Any], job: Job) -> bool:
    """Whether a result was asked for by the same method."""
    try:
        asked = parse_requested_method(record)
    except (ValueError, TypeError):
        return False
    return type(asked) is type(job.method)


def _matches_source(layer: Image, source: Source) -> bool:
    """Whether a layer has the pixels of a source, in the same place."""
    shape = np.shape(layer.data)
    if bool(layer.rgb) != source.rgb or shape != tuple(source.data.shape):
        return False
    return np.allclose(
        compute_world_transform(layer).affine_matrix, source.world_transform.affine_matrix
    )
