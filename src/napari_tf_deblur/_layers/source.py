"""Reads a napari image layer: its array, axes, pixel sizes, units, colours and origin."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
from napari.components import ViewerModel
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
from napari_tf_deblur._storage.record_file import METADATA_KEY

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
    """The state of an image layer at one moment, such as the beginning of a run.

    Attributes
    ----------
    layer : weak reference
        The layer itself. It shows whether two sources are of the same layer.
    name : str
        Name of the layer.
    data : array_like
        The image at full resolution: an array of NumPy, dask or Zarr.
    rgb : bool
        Whether the last axis of `data` contains colours.
    axes : tuple of Axis
        Names, pixel sizes and units of the axes, without colours. Those that the file states come
        before those of the layer: see `napari_tf_deblur._layers.pixel_size`.
    layer_axes : tuple of Axis
        The same axes, with the pixel sizes and units of the layer.
    acquisition : Acquisition
        The microscope and the channels, from the metadata of the file.
    world_transform : Affine
        The transform from pixel indices to world coordinates.
    state : mapping
        Keyword arguments for another layer with the same position and display settings.
    contrast_limits : tuple of float
        Contrast limits of the layer.
    origin : Origin
        The file from which the layer was read.
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
        """Whether the names of the axes come from the file, because the layer has none."""
        labels = tuple(str(label) for label in self.state["axis_labels"])
        return bool(self.acquisition.axes) and labels == default_axis_labels(self.ndim)

    @property
    def labels(self) -> tuple[str, ...]:
        """Axis labels: those of the layer, or those of its file if the layer has none."""
        if self.uses_file_axis_names:
            return self.acquisition.axes
        return tuple(str(label) for label in self.state["axis_labels"])

    @property
    def channel_axis(self) -> int | None:
        """Axis of the colours; None if there are none."""
        return -1 if self.rgb else None

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel of a colour image is its transparency (alpha)."""
        return self.rgb and self.data.shape[-1] == 4

    @property
    def is_volume(self) -> bool:
        """Whether the layer or its file declares three axes of space."""
        space = [axis for axis in self.axes if axis.is_space][-3:]
        named = any(axis.name.lower() == DEPTH_NAME for axis in space if axis.size > 1)
        return len(space) == 3 and (named or (space[0].is_depth and space[0].size > 1))

    def frame(self, ndim: int) -> Frame:
        """Choose the axes that a PSF with `ndim` axes deblurs."""
        return Frame.from_axes(self.axes, ndim)

    def record(self) -> dict[str, Any]:
        """Return the entries of a record from which a script makes the same layer again.

        Returns
        -------
        dict
            The attributes of `Origin`; "dtype"; and "arguments": the arguments of a new layer with
            the same pixels and pixel sizes, without those that have their default value.
        """
        arguments: dict[str, Any] = {"name": self.name, "rgb": self.rgb, "multiscale": False}
        if self.labels != default_axis_labels(self.ndim):
            arguments["axis_labels"] = self.labels
        units = tuple(axis.unit for axis in self.axes)
        if set(units) != {PIXEL_UNIT}:
            arguments["units"] = units
        arguments.update(self._transform_arguments())
        return {**asdict(self.origin), "dtype": str(self.data.dtype), "arguments": arguments}

    def _transform_arguments(self) -> dict[str, Any]:
        """Return the transform of a new layer; its scale only, if the pixel size was changed."""
        spacing = np.array([axis.spacing for axis in self.axes], float)
        defaults = {
            "scale": np.ones(self.ndim),
            "translate": np.zeros(self.ndim),
            "rotate": np.eye(self.ndim),
            "shear": np.zeros(self.ndim * (self.ndim - 1) // 2),
            "affine": np.eye(self.ndim + 1),
        }
        if np.allclose(_spacing(self.world_transform), spacing, rtol=1e-9, atol=0):
            transforms = {key: np.asarray(self.state[key], float) for key in defaults}
        else:
            transforms = {"scale": spacing}
        return {
            key: value.tolist()
            for key, value in transforms.items()
            if not np.array_equal(value, defaults[key])
        }


def read_source(layer: Layer) -> Source:
    """Read an image layer; its pixels are not read.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer. A multiscale layer is read at full resolution.

    Returns
    -------
    Source
        The present state of the layer.

    Raises
    ------
    TypeError
        If it is not an image layer.
    """
    if not isinstance(layer, Image):
        kind = type(layer).__name__
        name = getattr(layer, "name", layer)
        raise InvalidTypeError(
            f"'{name}' is of the type {kind}; deblurring needs a napari image layer."
        )
    state = {
        key: value
        for key, value in dict(layer.as_layer_data_tuple()[1]).items()
        if key not in _EXCLUDED_STATE_KEYS
    }
    low, high = layer.contrast_limits
    world_transform = compute_world_transform(layer)
    data = layer.data[0] if layer.multiscale else layer.data
    acquisition = read_acquisition(layer)
    axes = _axes(layer, data.shape, _spacing(world_transform), acquisition.axes)
    return Source(
        layer=ref(layer),
        name=layer.name,
        data=data,
        rgb=bool(layer.rgb),
        axes=with_file_sizes(axes, acquisition),
        layer_axes=axes,
        acquisition=acquisition,
        world_transform=world_transform,
        state=MappingProxyType(state),
        contrast_limits=(float(low), float(high)),
        origin=Origin.from_layer(layer),
    )


def _axes(
    layer: Image, shape: Sequence[int], spacing: NDArray[np.float64], names: Sequence[str]
) -> tuple[Axis, ...]:
    """Describe the axes of a layer; `names`, from its file, replace default labels."""
    labels = tuple(str(label) for label in layer.axis_labels)
    if names and labels == default_axis_labels(len(labels)):
        labels = tuple(names)
    return tuple(
        Axis(resolve_axis_name(label, str(unit)), int(size), float(step), str(unit))
        for label, size, step, unit in zip(labels, shape, spacing, layer.units)
    )


def compute_world_transform(layer: Layer) -> Affine:
    """Return the transform from the data coordinates of a layer to world coordinates."""
    origin = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.array(layer.data_to_world(step)) - origin for step in np.eye(layer.ndim)]
    return Affine(linear_matrix=np.stack(steps, axis=1), translate=origin)


def is_own_layer(layer: Layer) -> bool:
    """Whether this package made a layer: a result, a residual, a PSF or a profile line."""
    return METADATA_KEY in layer.metadata


def find_own_layer(viewer: ViewerModel, kind: str) -> Image | None:
    """Return the image layer of this package that has a kind, such as "psf"; None if none has."""
    for layer in viewer.layers:
        if isinstance(layer, Image) and layer.metadata.get(METADATA_KEY, {}).get("kind") == kind:
            return layer
    return None


def _spacing(transform: Affine) -> NDArray[np.float64]:
    """Return the distance between neighbouring pixels along each axis."""
    return np.asarray(np.linalg.norm(transform.linear_matrix, axis=0))
