"""The results of this session: what made each, and which one a new run takes the place of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.result import Result, residual_layer
from napari_tf_deblur._layers.source import Source, placement
from napari_tf_deblur.methods.base import named


@dataclass(frozen=True)
class Made:
    """What made a result.

    Attributes
    ----------
    job : Job
        What was asked for; the pixels of its source and what marked pixels are let go.
    words : str
        What was said of the result: whether to believe it.
    residual : callable
        Makes a layer of the residual.
    """

    job: Job
    words: str
    residual: Callable[[], Image]

    @property
    def settings(self) -> str:
        """The settings that made it, in words."""
        job = self.job
        method = "Automatic" if isinstance(job.method, str) else named(type(job.method))[0]
        parts = [f"Blur: {job.psf.title}", f"Method: {method}"]
        parts += [f"Smoothing x {job.smoothing:.3g}"] if job.smoothing != 1 else []
        parts += ["Saturated pixels ignored"] if job.ignore_saturated else []
        return f"{job.source.name}. {'. '.join(parts)}."

    @property
    def source(self) -> Layer | None:
        """The layer that was deblurred, if it still exists."""
        return self.job.source.layer()


class Results:
    """The layers of results, as long as they exist.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds them.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._made: WeakKeyDictionary[Layer, Made] = WeakKeyDictionary()

    def add(self, layer: Image, job: Job, result: Result, words: str) -> Made:
        """Remember what made a result.

        Parameters
        ----------
        layer : napari.layers.Image
            The result.
        job : Job
            What was asked for.
        result : Result
            What came of it.
        words : str
            What was said of it.

        Returns
        -------
        Made
            What is remembered.
        """
        light = replace(job.source, data=np.empty(0))
        residual = result.residual
        made = Made(
            replace(job, source=light, mask=None),
            words,
            lambda: residual_layer(light, residual),
        )
        self._made[layer] = made
        return made

    def of(self, layer: Layer | None) -> Made | None:
        """What made this layer; None if it is no result of this session."""
        return None if layer is None else self._made.get(layer)

    def to_replace(self, job: Job) -> Image | None:
        """The last result of the same source and method, where it still lies on the source."""
        for layer in reversed(list(self._viewer.layers)):
            made = self.of(layer)
            if made is not None and isinstance(layer, Image) and _is_of(made, job):
                return layer if _lies_on(layer, job.source) else None
        return None


def _is_of(made: Made, job: Job) -> bool:
    asked, now = made.job.method, job.method
    return made.source is job.source.layer() and type(asked) is type(now)


def _lies_on(layer: Image, source: Source) -> bool:
    """Whether a layer has the pixels of a source, in the same place."""
    shape = np.shape(layer.data)
    if bool(layer.rgb) != source.rgb or shape != tuple(source.data.shape):
        return False
    return np.allclose(placement(layer).affine_matrix, source.place.affine_matrix)
