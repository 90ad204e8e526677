"""A napari image layer, read as what the core wants: array, channels, spacing, units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.transforms import Affine

KEY = "napari_tf_deblur"
"""Where layers made here keep their record, in ``layer.metadata``."""

_NOT_THE_PLACE = (
    "name",
    "metadata",
    "contrast_limits",
    "locked_data_level",
    "multiscale",
    "rgb",
    "visible",
    "auto_contrast",
)


@dataclass(frozen=True)
class Source:
    """An image layer as it was when a run began.

    Attributes
    ----------
    name : str
        Name of the layer.
    data : array_like
        The image at full resolution, as it is: NumPy, dask, Zarr.
    rgb : bool
        Whether the last axis of `data` holds colours.
    spacing : tuple of float
        Distance between neighbouring pixels per axis (without colours), in `units`.
    units : tuple of str
        Unit per axis, ``"pixel"`` where the layer has none.
    axes : tuple of str
        Name per axis.
    place : Affine
        From pixel indices to world coordinates.
    state : mapping
        Keyword arguments that put another layer in the same place with the same looks.
    contrast_limits : tuple of float
        As shown.
    """

    name: str
    data: Any
    rgb: bool
    spacing: tuple[float, ...]
    units: tuple[str, ...]
    axes: tuple[str, ...]
    place: Affine
    state: Mapping[str, Any]
    contrast_limits: tuple[float, float]

    @property
    def ndim(self) -> int:
        """Number of axes, without colours."""
        return len(self.spacing)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels per axis, without colours."""
        return tuple(self.data.shape[: self.ndim])

    @property
    def channel_axis(self) -> int | None:
        """Axis of the colours, where there are any."""
        return -1 if self.rgb else None

    @property
    def is_volume(self) -> bool:
        """Whether the last three axes look like space rather than a stack of planes."""
        if self.ndim < 3:
            return False
        return self.axes[-3].lower() == "z" or is_length(self.units[-3])


def read(layer: Layer) -> Source:
    """Read an image layer, without touching its pixels.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer; of a multiscale one the full resolution is taken.

    Returns
    -------
    Source
        What the layer is at this moment.

    Raises
    ------
    TypeError
        If it is not an image layer.
    """
    if not isinstance(layer, Image):
        kind = type(layer).__name__
        name = getattr(layer, "name", layer)
        raise TypeError(f"'{name}' is of the kind {kind}; deblurring needs a napari image layer.")
    state = {
        key: value
        for key, value in dict(layer.as_layer_data_tuple()[1]).items()
        if key not in _NOT_THE_PLACE
    }
    low, high = layer.contrast_limits
    place = placement(layer)
    return Source(
        name=layer.name,
        data=layer.data[0] if layer.multiscale else layer.data,
        rgb=bool(layer.rgb),
        spacing=tuple(float(s) for s in np.linalg.norm(place.linear_matrix, axis=0)),
        units=tuple(str(unit) for unit in layer.units),
        axes=_axis_names(layer.axis_labels),
        place=place,
        state=MappingProxyType(state),
        contrast_limits=(float(low), float(high)),
    )


def placement(layer: Layer) -> Affine:
    """Return the transform from a layer's data coordinates to the world."""
    origin = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.array(layer.data_to_world(step)) - origin for step in np.eye(layer.ndim)]
    return Affine(linear_matrix=np.stack(steps, axis=1), translate=origin)


def is_ours(layer: Layer) -> bool:
    """Whether a layer was made here, as a result or as a picture of the PSF."""
    return KEY in layer.metadata


def is_length(unit: str) -> bool:
    """Whether a unit is one of length, such as micrometer."""
    from pint import UndefinedUnitError, get_application_registry

    try:
        return bool(get_application_registry().Unit(unit).dimensionality == {"[length]": 1})
    except (UndefinedUnitError, ValueError):
        return False


def short_unit(unit: str) -> str:
    """Return the symbol of a unit, such as µm for micrometer."""
    from pint import UndefinedUnitError, get_application_registry

    if unit == "pixel":
        return "px"
    try:
        return f"{get_application_registry().Unit(unit):~P}" or unit
    except (UndefinedUnitError, ValueError):
        return unit


def _axis_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Name the axes; napari's own ``-3, -2, -1`` become z, y, x."""
    usual = {"-3": "z", "-2": "y", "-1": "x"}
    return tuple(usual.get(str(label), str(label)) for label in labels)
