"""Results of the channels of an image as one layer, with one record; and its projection."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Image

from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.saving import STAMP_KEY
from napari_tf_deblur._layers.file_scale import build_transform_without, find_channel_axis
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.layer_description import find_colour
from napari_tf_deblur._layers.result import Result, make_result_layer
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.source import METADATA_KEY, Source, read_source
from napari_tf_deblur._storage.axes import DEPTH_NAME

OMITTED_CHANNEL_KEYS = ("loss_history", "mask", "python")
"""What the record of several channels leaves out of the record of each, for it may be long; and the
array of the PSF."""


def merge_channel_results(
    picture: FileImage, jobs: Sequence[Job], results: Sequence[Result], stamp: Mapping[str, Any]
) -> Image:
    """Make one layer of the results of an image's channels.

    Parameters
    ----------
    picture : Picture
        The image.
    jobs : sequence of Job
        Of each channel.
    results : sequence of Result
        Of each channel.
    stamp : mapping
        What the result was made of; it is kept in the record.

    Returns
    -------
    napari.layers.Image
        On the image, with a record in ``metadata``.
    """
    if len(results) == 1:
        layer = make_result_layer(jobs[0].source, results[0].data, results[0].limits)
        record = {**results[0].record, STAMP_KEY: dict(stamp)}
        layer.name = results[0].name
    else:
        source = read_source(picture.layer)
        axis = find_channel_axis(source)
        assert axis is not None  # or there were no channels
        low, high = zip(*(result.limits for result in results))
        data = _stack_channels([result.data for result in results], axis)
        layer = make_result_layer(source, data, (min(low), max(high)))
        record = {**_merge_channel_records(source, picture, jobs, results), STAMP_KEY: dict(stamp)}
    layer.metadata = {METADATA_KEY: record}
    return layer


def find_depth_axis(source: Source) -> int | None:
    """Return the axis of an image's planes; None where there is none, or a single plane."""
    named = [k for k, axis in enumerate(source.axes) if axis.name.lower() == DEPTH_NAME]
    found = named or ([source.frame(3).indices[0]] if source.is_volume else [])
    return found[0] if found and source.axes[found[0]].size > 1 else None


def project_maximum(layer: Image, source: Source) -> Image | None:
    """Return the maximum of a result along z; None where it has no such axis.

    Parameters
    ----------
    layer : napari.layers.Image
        The result.
    source : Source
        The image, whose axes it has.
    """
    axis = find_depth_axis(source)
    if axis is None:
        return None
    kept = ("kind", "source", "name", "verdict", "warnings", "versions", "channels", STAMP_KEY)
    record = layer.metadata[METADATA_KEY]
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return Image(
        np.asarray(data.max(axis=axis)),
        name=f"{layer.name} maximum along z",
        metadata={
            METADATA_KEY: {**{key: record[key] for key in kept if key in record}, "projection": "z"}
        },
        rgb=False,
        multiscale=False,
        **build_transform_without(source, axis),
    )


def _stack_channels(images: Sequence[Any], axis: int) -> Any:
    """Put images together along a new axis; lazily, if they are lazy.

    Of several resolutions, the full one is enough: the others are made where it is saved.
    """
    if not isinstance(images[0], list):
        return np.stack(images, axis)
    import dask.array as da

    return da.stack([levels[0] for levels in images], axis)


def _merge_channel_records(
    source: Source, picture: FileImage, jobs: Sequence[Job], results: Sequence[Result]
) -> dict[str, Any]:
    """The record of an image whose channels were deblurred each by itself."""
    names = picture.channels
    said = [result.record["verdict"] for result in results]
    kinds = {one["kind"] for one in said}
    sentences = [f"{name}: {one['sentence']}" for name, one in zip(names, said)]
    same = {one["sentence"] for one in said}
    return {
        "kind": "result",
        "name": format_result_name(source.name),
        "source": source.name,
        "origin": source.record(),
        "channels": [
            {
                "name": name,
                "emission": _emission(job, result),
                "colour": find_colour(job.source),
                "record": _shorten_record(result.record),
            }
            for name, job, result in zip(names, jobs, results)
        ],
        "seconds": sum(result.deconvolution.seconds for result in results),
        "verdict": {
            "kind": kinds.pop() if len(kinds) == 1 else "unknown",
            "psf": None,
            "sentence": same.pop() if len(same) == 1 else " ".join(sentences),
        },
        "warnings": tuple(dict.fromkeys(str(w) for result in results for w in result.warnings)),
        "versions": results[0].record["versions"],
    }


def _emission(job: Job, result: Result) -> float | None:
    """The wavelength of a channel in nanometres, where it is known."""
    optics = result.record["psf"].get("optics") or {}
    found = optics.get("emission") or job.source.acquisition.emission
    return None if found is None else float(found)


def _shorten_record(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key not in OMITTED_CHANNEL_KEYS}
    return {**kept, "psf": {k: v for k, v in record["psf"].items() if k != "array"}}
