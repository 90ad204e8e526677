"""Merge the results of the channels of an image into one layer; project a result along z."""

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
from napari_tf_deblur._layers.source import Source, read_source
from napari_tf_deblur._storage.axes import DEPTH_NAME
from napari_tf_deblur._storage.record_file import METADATA_KEY

OMITTED_CHANNEL_KEYS = ("loss_history", "mask", "python")
"""Entries of a channel's record that the record of all channels omits, because they may be long.
The array of the PSF is omitted, too."""


def merge_channel_results(
    picture: FileImage, jobs: Sequence[Job], results: Sequence[Result], stamp: Mapping[str, Any]
) -> Image:
    """Merge the results of the channels of an image into one layer.

    Parameters
    ----------
    picture : FileImage
        The image.
    jobs : sequence of Job
        The job of each channel.
    results : sequence of Result
        The result of each channel.
    stamp : mapping
        From what the result was made, see `make_stamp`. It is stored in the record.

    Returns
    -------
    napari.layers.Image
        A layer at the place of the image, with the record in ``metadata``.
    """
    if len(results) == 1:
        layer = make_result_layer(jobs[0].source, results[0].data, results[0].limits)
        record = {**results[0].record, STAMP_KEY: dict(stamp)}
        layer.name = results[0].name
    else:
        source = read_source(picture.layer)
        axis = find_channel_axis(source)
        assert axis is not None  # the image has several channels
        low, high = zip(*(result.limits for result in results))
        data = _stack_channels([result.data for result in results], axis)
        layer = make_result_layer(source, data, (min(low), max(high)))
        record = {**_merge_channel_records(source, picture, jobs, results), STAMP_KEY: dict(stamp)}
    layer.metadata = {METADATA_KEY: record}
    return layer


def find_depth_axis(source: Source) -> int | None:
    """Return the z axis of an image; None if it has none, or only one plane."""
    named = [k for k, axis in enumerate(source.axes) if axis.name.lower() == DEPTH_NAME]
    axes = named or ([source.frame(3).indices[0]] if source.is_volume else [])
    return axes[0] if axes and source.axes[axes[0]].size > 1 else None


def project_maximum(layer: Image, source: Source) -> Image | None:
    """Return the maximum of a result along z; None if it has no z axis.

    Parameters
    ----------
    layer : napari.layers.Image
        The result.
    source : Source
        The image, with the same axes.
    """
    axis = find_depth_axis(source)
    if axis is None:
        return None
    keys = ("kind", "source", "name", "verdict", "warnings", "versions", "channels", STAMP_KEY)
    record = layer.metadata[METADATA_KEY]
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return Image(
        np.asarray(data.max(axis=axis)),
        name=f"{layer.name} maximum along z",
        metadata={
            METADATA_KEY: {**{key: record[key] for key in keys if key in record}, "projection": "z"}
        },
        rgb=False,
        multiscale=False,
        **build_transform_without(source, axis),
    )


def _stack_channels(images: Sequence[Any], axis: int) -> Any:
    """Stack images along a new axis, lazily if they are lazy.

    Of an image with several resolutions, only the full one is used. The writer makes the others.
    """
    if not isinstance(images[0], list):
        return np.stack(images, axis)
    import dask.array as da

    return da.stack([levels[0] for levels in images], axis)


def _merge_channel_records(
    source: Source, picture: FileImage, jobs: Sequence[Job], results: Sequence[Result]
) -> dict[str, Any]:
    """Return the record of an image whose channels were deblurred separately."""
    names = picture.channels
    verdicts = [result.record["verdict"] for result in results]
    kinds = {verdict["kind"] for verdict in verdicts}
    sentences = [f"{name}: {verdict['sentence']}" for name, verdict in zip(names, verdicts)]
    distinct = {verdict["sentence"] for verdict in verdicts}
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
            "sentence": distinct.pop() if len(distinct) == 1 else " ".join(sentences),
        },
        "warnings": tuple(dict.fromkeys(str(w) for result in results for w in result.warnings)),
        "versions": results[0].record["versions"],
    }


def _emission(job: Job, result: Result) -> float | None:
    """Return the emission wavelength of a channel in nanometres; None if it is unknown."""
    optics = result.record["psf"].get("optics") or {}
    emission = optics.get("emission") or job.source.acquisition.emission
    return None if emission is None else float(emission)


def _shorten_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a channel without its long entries."""
    short = {key: value for key, value in record.items() if key not in OMITTED_CHANNEL_KEYS}
    return {**short, "psf": {k: v for k, v in record["psf"].items() if k != "array"}}
