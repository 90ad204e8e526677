"""A napari image layer, read as what the core wants: array, channels, spacing, units."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
from napari.layers import Image, Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidTypeError
from napari_tf_deblur._layers.acquisition import Acquisition, read_acquisition
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.pixel_size import with_file_sizes
from napari_tf_deblur._storage.axes import (
    DEPTH_NAME,
    PIXEL_UNIT,
    Axis,
    Frame,
    default_axis_labels,
    resolve_axis_name,
)
from napari_tf_deblur._storage.record_file import METADATA_KEY as METADATA_KEY

_EXCLUDED_STATE_KEYS = (
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
    layer : weak reference
        The layer itself, to tell whether two sources are the same.
    name : str
        Name of the layer.
    data : array_like
        The image at full resolution, as it is: NumPy, dask, Zarr.
    rgb : bool
        Whether the last axis of `data` holds colours.
    axes : tuple of Axis
        Names, sizes and units of the axes, without colours: as the file says where it does, see
        `napari_tf_deblur._layers.pixel_size`.
    axes_of_layer : tuple of Axis
        The same axes, with the sizes and units of the layer itself.
    acquisition : Acquisition
        What the file says of the microscope.
    place : Affine
        From pixel indices to world coordinates.
    state : mapping
        Keyword arguments that put another layer in the same place with the same looks.
    contrast_limits : tuple of float
        As shown.
    origin : Origin
        Where the layer came from.
    """

    layer: "ReferenceType[Layer]"
    name: str
    data: Any
    rgb: bool
    axes: tuple[Axis, ...]
    layer_axes: tuple[Axis, ...]
    acquisition: Acquisition
    world_transform: Affine
    state: Mapping[str, Any]
    contrast_limits: tuple[float, float]
    origin: Origin

    @property
    def ndim(self) -> int:
        """Number of axes, without colours."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels per axis, without colours."""
        return tuple(axis.size for axis in self.axes)

    @property
    def uses_file_axis_names(self) -> bool:
        """Whether nobody named the axes of the layer, and its file does."""
        own = tuple(str(label) for label in self.state["axis_labels"])
        return bool(self.acquisition.axes) and own == default_axis_labels(self.ndim)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the axes as a layer has them: its own, or those of its file."""
        if self.uses_file_axis_names:
            return self.acquisition.axes
        return tuple(str(label) for label in self.state["axis_labels"])

    @property
    def channel_axis(self) -> int | None:
        """Axis of the colours, where there are any."""
        return -1 if self.rgb else None

    @property
    def has_alpha(self) -> bool:
        """Whether the last colour is transparency."""
        return self.rgb and self.data.shape[-1] == 4

    @property
    def is_volume(self) -> bool:
        """Whether the layer or its file says that three of its axes are space."""
        space = [axis for axis in self.axes if axis.is_space][-3:]
        named = any(axis.name.lower() == DEPTH_NAME for axis in space if axis.size > 1)
        return len(space) == 3 and (named or (space[0].is_depth and space[0].size > 1))

    def frame(self, ndim: int) -> Frame:
        """Which axes a PSF of so many axes deblurs."""
        return Frame.from_axes(self.axes, ndim)

    def record(self) -> dict[str, Any]:
        """Return what it takes to have the same layer again.

        Returns
        -------
        dict
            Where it came from (see `Origin`), "dtype", and "arguments": those of a new layer of
            the same pixels with the same spacing, without what is usual.
        """
        arguments: dict[str, Any] = {"name": self.name, "rgb": self.rgb, "multiscale": False}
        if self.labels != default_axis_labels(self.ndim):
            arguments["axis_labels"] = self.labels
        units = tuple(axis.unit for axis in self.axes)
        if set(units) != {PIXEL_UNIT}:
            arguments["units"] = units
        arguments.update(self._placing())
        return {**asdict(self.origin), "dtype": str(self.data.dtype), "arguments": arguments}

    def _placing(self) -> dict[str, Any]:
        """Arguments that place a new layer; only its scale where another pixel size is given."""
        spacing = np.array([axis.spacing for axis in self.axes], float)
        usual = {
            "scale": np.ones(self.ndim),
            "translate": np.zeros(self.ndim),
            "rotate": np.eye(self.ndim),
            "shear": np.zeros(self.ndim * (self.ndim - 1) // 2),
            "affine": np.eye(self.ndim + 1),
        }
        if np.allclose(_spacing(self.world_transform), spacing, rtol=1e-9, atol=0):
            place = {key: np.asarray(self.state[key], float) for key in usual}
        else:
            place = {"scale": spacing}
        return {
            key: value.tolist()
            for key, value in place.items()
            if not np.array_equal(value, usual[key])
        }


def read_source(layer: Layer) -> Source:
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
        raise InvalidTypeError(
            f"'{name}' is of the kind {kind}; deblurring needs a napari image layer."
        )
    state = {
        key: value
        for key, value in dict(layer.as_layer_data_tuple()[1]).items()
        if key not in _EXCLUDED_STATE_KEYS
    }
    low, high = layer.contrast_limits
    place = compute_world_transform(layer)
    data = layer.data[0] if layer.multiscale else layer.data
    acquisition = read_acquisition(layer)
    axes = _axes(layer, data.shape, _spacing(place), acquisition.axes)
    return Source(
        layer=ref(layer),
        name=layer.name,
        data=data,
        rgb=bool(layer.rgb),
        axes=with_file_sizes(axes, acquisition),
        layer_axes=axes,
        acquisition=acquisition,
        world_transform=place,
        state=MappingProxyType(state),
        contrast_limits=(float(low), float(high)),
        origin=Origin.from_layer(layer),
    )


def _axes(
    layer: Image, shape: Sequence[int], spacing: NDArray[np.float64], names: Sequence[str]
) -> tuple[Axis, ...]:
    """Describe the axes of a layer; where nobody named them, its file may do so."""
    labels = tuple(str(label) for label in layer.axis_labels)
    if names and labels == default_axis_labels(len(labels)):
        labels = tuple(names)
    return tuple(
        Axis(resolve_axis_name(label, str(unit)), int(size), float(step), str(unit))
        for label, size, step, unit in zip(labels, shape, spacing, layer.units)
    )


def compute_world_transform(layer: Layer) -> Affine:
    """Return the transform from a layer's data coordinates to the world."""
    origin = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.array(layer.data_to_world(step)) - origin for step in np.eye(layer.ndim)]
    return Affine(linear_matrix=np.stack(steps, axis=1), translate=origin)


def is_own_layer(layer: Layer) -> bool:
    """Whether a layer was made here, as a result or as a picture of the PSF."""
    return METADATA_KEY in layer.metadata


def _spacing(place: Affine) -> NDArray[np.float64]:
    """Distances between neighbouring pixels."""
    return np.asarray(np.linalg.norm(place.linear_matrix, axis=0))
