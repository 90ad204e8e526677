"""Converts the image of a running job to the form that its layer shows."""

from typing import Any

import numpy as np

from napari_tf_deblur._core.steps import ImageSource
from napari_tf_deblur._layers.resolutions import build_resolutions
from napari_tf_deblur._layers.result import to_display_values
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.axes import Frame


class LayerImage(ImageSource):
    """An image in memory, in the form of its source layer.

    Parameters
    ----------
    run : ImageSource
        Returns the image with the axes in the order of the core.
    frame : Frame
        The deblurred axes.
    source : Source
        The layer that is deblurred.
    """

    def __init__(self, run: ImageSource, frame: Frame, source: Source) -> None:
        self._run, self._frame, self._source = run, frame, source

    def current_image(self) -> Any:
        """Return the image, or a list of its resolutions if the source has several."""
        image = self._frame.from_core(self._run.current_image())
        return build_resolutions(to_display_values(image, self._source), self._source)


class LayerLevels(ImageSource):
    """The resolutions of an image in a file, with the axes in the order of the layer.

    Parameters
    ----------
    run : ImageSource
        Returns the resolutions as lazy arrays, with the axes in the order of the core.
    frame : Frame
        The deblurred axes.
    rgb : bool
        Whether the last axis contains colours.
    previous : LayerLevels, optional
        The levels of the previous step; they are used again while the run has no new ones.
    """

    def __init__(
        self, run: ImageSource, frame: Frame, rgb: bool, previous: "LayerLevels | None" = None
    ) -> None:
        self._run, self._frame, self._rgb = run, frame, rgb
        self._cache: tuple[Any, Any] = (None, None) if previous is None else previous._cache

    def current_image(self) -> list[Any]:
        """Return the resolutions. They are the same arrays until the run has new ones."""
        levels = self._run.current_image()
        if levels is not self._cache[0]:
            self._cache = levels, to_layer_order(levels, self._frame, self._rgb)
        layer_levels: list[Any] = self._cache[1]
        return layer_levels


def to_layer_order(levels: Any, frame: Frame, rgb: bool) -> list[Any]:
    """Return lazy arrays with their axes in the order of the layer; nothing is computed."""
    order = np.argsort(frame.order(rgb))
    return [level if frame.is_trailing else level.transpose(order) for level in levels]
