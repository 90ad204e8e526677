"""The image of a run in progress, as a layer shows it."""

from typing import Any

from napari_tf_deblur._core.steps import ImageSource
from napari_tf_deblur._layers.large_job import to_layer_order
from napari_tf_deblur._layers.resolutions import build_resolutions
from napari_tf_deblur._layers.result import to_display_values
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.axes import Frame


class LayerImage(ImageSource):
    """An image in memory, as a layer like its source shows it.

    Parameters
    ----------
    run : ImageSource
        Gives the image in the core's order of axes.
    frame : Frame
        The axes that are deblurred.
    source : Source
        The layer that is deblurred.
    """

    def __init__(self, run: ImageSource, frame: Frame, source: Source) -> None:
        self._run, self._frame, self._source = run, frame, source

    def current_image(self) -> Any:
        """Return the image, of as many resolutions as the source has."""
        image = self._frame.from_core(self._run.current_image())
        return build_resolutions(to_display_values(image, self._source), self._source)


class LayerLevels(ImageSource):
    """The resolutions of an image in a file, as a layer shows them.

    Parameters
    ----------
    run : ImageSource
        Gives them as lazy arrays, in the core's order of axes.
    frame : Frame
        The axes that are deblurred.
    rgb : bool
        Whether the last axis is of colours.
    before : LayerLevels, optional
        That of the step before.
    """

    def __init__(
        self, run: ImageSource, frame: Frame, rgb: bool, before: "LayerLevels | None" = None
    ) -> None:
        self._run, self._frame, self._rgb = run, frame, rgb
        self._given: tuple[Any, Any] = (None, None) if before is None else before._given

    def current_image(self) -> list[Any]:
        """Return the resolutions: the same arrays until the run has new ones."""
        levels = self._run.current_image()
        if levels is not self._given[0]:
            self._given = levels, to_layer_order(levels, self._frame, self._rgb)
        levels_of_layer: list[Any] = self._given[1]
        return levels_of_layer
