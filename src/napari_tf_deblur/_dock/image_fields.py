"""The fields that choose the images to deblur, and along which axes."""

from dataclasses import dataclass
from typing import Any

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Image, Layer
from psygnal import Signal

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.file_buttons import FileButtons
from napari_tf_deblur._dock.form import Form, WrappingLabel
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._layers.acquisition import Acquisition, read_acquisition
from napari_tf_deblur._layers.file_scale import adopt_record
from napari_tf_deblur._layers.preview_layer import find_preview_layer
from napari_tf_deblur._layers.psf_display import find_psf_layer
from napari_tf_deblur._layers.source import Source, is_own_layer, read_source

NO_IMAGE = (
    "There is no image to deblur: open one with File > Open, or try a blurred one from "
    "File > Open Sample."
)
AXES_HINT = (
    "A stack is deblurred as a volume if the layer has an axis named z, or if the axis of its "
    "planes has a unit of length. 'Deblur as' overrides this. No image is deblurred along time or "
    "channels automatically."
)
EACH_PLANE, VOLUME = "Each plane by itself", "One volume (3D)"


@dataclass(frozen=True)
class ImageChoice:
    """An image to deblur.

    Attributes
    ----------
    source : Source
        The image.
    acquisition : Acquisition
        Metadata of its file: the microscope, the optics and the pixel size.
    """

    source: Source
    acquisition: Acquisition


class ImageFields:
    """Fields for the chosen image, and for others that are selected together with it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer whose layers are offered.
    form : Form
        The form that shows the fields.

    Attributes
    ----------
    layer : LayerChoice
        The image.
    dims : ComboBox
        The number of axes along which it is deblurred: 2 or 3.
    description : WrappingLabel
        The meaning of each axis, and the other images that are deblurred.
    buttons : FileButtons
        Buttons that apply metadata of the file.
    changed : psygnal.Signal
        Emitted when another image is chosen, or its scale, units or axis names change.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, form: Form) -> None:
        self._viewer = viewer
        self._form = form
        self._watched: Layer | None = None
        self._was_volume = False
        self._chosen_by_hand = False
        self.layer = LayerChoice(
            self.images,
            label="Image",
            tooltip="The blurred image layer. Select several layers in napari's list, such as the "
            "channels of one image, to deblur them one after another",
        )
        self.dims = ComboBox(
            label="Deblur as",
            choices=lambda _: self._dims_choices(),
            tooltip="'Each plane by itself' for photographs, movies and single planes; "
            "'One volume' for a stack of planes through one thick object",
        )
        self.description = WrappingLabel()
        form.add(self.layer)
        form.add(self.dims)
        form.add_wide(self.description)
        self.buttons = FileButtons(viewer, self._on_file_read)
        form.add_wide(self.buttons)
        self.description.setToolTip(AXES_HINT)
        self.layer.changed.connect(self._on_layer)
        self.dims.changed.connect(self._emit_changed)

    @property
    def ndim(self) -> int:
        """Number of axes along which the image is deblurred."""
        return self.dims.value or 2

    @property
    def chosen(self) -> list[ImageChoice]:
        """The images to deblur; the one in the field comes first."""
        layer = self.layer.value
        if layer is None:
            return []
        sources = [read_source(each) for each in (layer, *self._others)]
        return [ImageChoice(source, source.acquisition) for source in sources]

    def restore(self, ndim: int) -> None:
        """Deblur along `ndim` axes, if the image has them; otherwise along 2."""
        self.dims.value = ndim if ndim in self.dims.choices else 2

    def source(self) -> Source:
        """Read the image in the field.

        Raises
        ------
        ValueError
            If no image is chosen.
        """
        if self.layer.value is None:
            raise InvalidValueError(NO_IMAGE)
        return read_source(self.layer.value)

    def select(self, layer: Layer) -> None:
        """Choose the image that the user selects in napari's layer list, unless it is a result."""
        if isinstance(layer, Image) and not is_own_layer(layer):
            if adopt_record(
                layer, read_acquisition(layer).record
            ):  # a result that was saved before
                return
            self.layer.reset_choices()
            if layer not in self.layer.choices:  # it was removed
                return
            self._chosen_by_hand = False
            with self.layer.changed.blocked():
                self.layer.value = layer
            self.refresh()

    def add(self, layer: Layer) -> None:
        """Choose an image that was added, unless the user has chosen another one in the dock."""
        if not self._chosen_by_hand:
            self.select(layer)

    def reset_choices(self) -> None:
        """Offer the present layers; the chosen one stays chosen as long as it exists."""
        former = self.layer.value
        self.layer.reset_choices()
        if former is not None and self.layer.value is not former:  # it was removed
            self._chosen_by_hand = False
            self._choose_another()

    def refresh(self, *_: object) -> None:
        """Offer the choices for the image that is chosen now."""
        layer = self.layer.value
        if layer is not self._watched:
            self.unwatch()
            self._watched = layer
            for emitter in _get_axis_events(layer):
                emitter.connect(self._on_axes)
            self._offer_dims()
        self._emit_changed()

    def unwatch(self) -> None:
        """Disconnect from the chosen image."""
        for emitter in _get_axis_events(self._watched):
            emitter.disconnect(self._on_axes)
        self._watched = None

    def images(self) -> list[Image]:
        """Return all image layers except those that show the PSF and the preview."""
        views = find_psf_layer(self._viewer), find_preview_layer(self._viewer)
        return [x for x in self._viewer.layers if isinstance(x, Image) and x not in views]

    def update_description(self, ndim: int | None) -> None:
        """Describe the axes; `ndim` is that of a PSF with a fixed number of axes, else None."""
        self.buttons.choose(self.layer.value)
        self._form.show_row(self.dims, ndim is None and len(self._dims_choices()) > 1)
        lines = []
        if self.layer.value is not None:
            source = self.source()
            lines.append(source.frame(ndim or self.ndim).describe_axes(source.rgb))
        if self._others:
            names = ", ".join(layer.name for layer in self._others)
            lines.append(f"The other selected layers are deblurred afterwards: {names}.")
        self.description.set_message("\n".join(lines), AXES_HINT)

    @property
    def _others(self) -> list[Image]:
        """Images that are selected in napari's layer list together with the one in the field."""
        selected = self._viewer.layers.selection
        if self.layer.value not in selected:
            return []
        images = [x for x in self.images() if x in selected and not is_own_layer(x)]
        return [x for x in images if x is not self.layer.value]

    def _on_layer(self, *_: object) -> None:
        self._chosen_by_hand = True
        self.refresh()

    def _on_axes(self, *_: object) -> None:
        """Update after a change of units or axis names, which may make the image a volume."""
        if self._is_volume != self._was_volume:
            self._offer_dims()
        self._emit_changed()

    def _on_file_read(self) -> None:
        """Update after the metadata of the file were read; its axes may make the image a volume."""
        layer = self.layer.value
        if layer is not None and adopt_record(layer, read_acquisition(layer).record):
            self._choose_another()
        self.refresh()
        self._on_axes()

    def _choose_another(self) -> None:
        """Choose the uppermost image that is not a result, if there is one."""
        images = [layer for layer in self.images() if not is_own_layer(layer)]
        if images:
            with self.layer.changed.blocked():
                self.layer.value = images[-1]

    def _dims_choices(self) -> list[tuple[str, int]]:
        if self.layer.value is None or self.source().ndim < 3:
            return [(EACH_PLANE, 2)]
        return [(EACH_PLANE, 2), (VOLUME, 3)]

    @property
    def _is_volume(self) -> bool:
        return self.layer.value is not None and self.source().is_volume

    def _offer_dims(self) -> None:
        self._was_volume = self._is_volume
        with self.dims.changed.blocked():
            self.dims.reset_choices()
            self.dims.value = 3 if self._was_volume else 2

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit()


def _get_axis_events(layer: Layer | None) -> list[Any]:
    """Return the emitters of a layer for changes of its scale, units and axis names."""
    if layer is None:
        return []
    return [layer.events.scale, layer.events.units, layer.events.axis_labels]
