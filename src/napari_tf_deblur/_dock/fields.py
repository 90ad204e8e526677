"""The fields of the dock, and the job that they describe."""

from collections.abc import Sequence
from typing import Any

from magicgui import magicgui
from magicgui.widgets import CheckBox, ComboBox, FunctionGui
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.psf_fields import PSFFields
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import mask_from
from napari_tf_deblur._layers.psf_layers import find_psf_layer
from napari_tf_deblur._layers.source import Source, is_ours, read
from napari_tf_deblur.forward import BOUNDARIES
from napari_tf_deblur.methods import METHODS, Method

NO_IMAGE = (
    "There is no image to deblur: open one with File > Open, or try a blurred one from "
    "File > Open Sample."
)


class Fields:
    """Everything that can be set, for the image that is chosen.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer whose layers are offered.

    Attributes
    ----------
    form : Form
        What shows the fields.
    image, dims, method, boundary, mask, ignore_nan : magicgui widgets
        The fields.
    psf : PSFFields
        The fields of the PSF.
    forms : dict
        The fields of each method; calling one returns the method.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.form = Form()
        self._watched: Layer | None = None
        self.image = ComboBox(
            label="Image", choices=lambda _: self._images(), tooltip="The blurred image layer"
        )
        self.dims = ComboBox(
            label="Deblur as",
            choices=[("2D", 2)],
            tooltip="Along two axes, plane by plane, or along three, as one volume",
        )
        self.form.add(self.image)
        self.form.add(self.dims)
        self.psf = PSFFields(self.form, self._psf_candidates)
        titles = [(_first_line(method).split(":")[0], method) for method in METHODS]
        self.method = ComboBox(label="Method", choices=titles)
        self.form.add(self.method)
        self.forms = {method: self._method_form(method) for method in METHODS}
        self.boundary = ComboBox(
            label="Outside",
            choices=BOUNDARIES,
            tooltip="What lies outside the frame: something unknown, as for a camera; "
            "nothing (zero); or the image again (periodic)",
        )
        self.mask = ComboBox(
            label="Ignore",
            choices=lambda _: [("nothing", None), *((x.name, x) for x in self._masks())],
            tooltip="Labels or shapes that mark pixels to ignore: saturated, dead, outside "
            "the specimen",
        )
        self.ignore_nan = CheckBox(
            text="Ignore NaN pixels",
            tooltip="Infinite ones too; otherwise such an image is refused",
        )
        for widget in (self.boundary, self.mask, self.ignore_nan):
            self.form.add(widget)
        self.image.changed.connect(self.refresh)
        self.dims.changed.connect(self._fit_psf)
        self.psf.kind.changed.connect(self._fit_psf)
        self.method.changed.connect(self._choose_method)
        self._choose_method()
        self.refresh()

    def source(self) -> Source:
        """Read the image that is chosen.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.image.value is None:
            raise ValueError(NO_IMAGE)
        return read(self.image.value)

    def job(self) -> Job:
        """Return what the fields say.

        Raises
        ------
        TypeError, ValueError
            If they say something impossible.
        """
        source = self.source()
        mask = self.mask.value
        return Job(
            source=source,
            psf=self.psf.psf(),
            method=self.forms[self.method.value](),
            boundary=self.boundary.value,
            mask=None if mask is None else mask_from(mask, source),
            ignore_nan=self.ignore_nan.value,
        )

    def choose(self, layer: Layer | None) -> None:
        """Choose an image, unless it was made here: results and PSFs stay out of the way."""
        if isinstance(layer, Image) and not is_ours(layer):
            self.image.reset_choices()
            self.image.value = layer

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        for field in (self.image, self.psf.kind, self.mask):
            field.reset_choices()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Offer what suits the image that is chosen now."""
        layer = self.image.value
        if layer is not self._watched:
            self.unwatch()
            self._watched = layer
            for emitter in _place_events(layer):
                emitter.connect(self._fit_psf)
            self._offer_dims(None if layer is None else read(layer))
        self._fit_psf()

    def unwatch(self) -> None:
        """Let go of the image that was chosen."""
        for emitter in _place_events(self._watched):
            emitter.disconnect(self._fit_psf)
        self._watched = None

    def _offer_dims(self, source: Source | None) -> None:
        choices = [("2D", 2)]
        if source is not None and source.ndim > 2:
            choices = [("2D, plane by plane", 2), ("3D, as a volume", 3)]
        self.dims._default_choices = choices
        self.dims.choices = choices
        self.dims.value = 3 if source is not None and source.is_volume else 2

    def _fit_psf(self, *_: object) -> None:
        """Offer the PSF's fields for this image; a measured PSF has its own axes."""
        self.form.show_row(self.dims, self.psf.measured is None)
        layer = self.image.value
        self.psf.fit(None if layer is None else read(layer), self.dims.value or 2)

    def _choose_method(self, *_: object) -> None:
        for method, fields in self.forms.items():
            for widget in fields:
                self.form.show_row(widget, method is self.method.value)
        self.method.tooltip = _first_line(self.method.value)

    def _method_form(self, method: type[Method]) -> FunctionGui[..., Method]:
        """Derive a method's fields from its dataclass, and put them in rows of this form."""
        fields: FunctionGui[..., Method] = magicgui(method, call_button=False, labels=False)
        for widget in list(fields):
            widget.label = widget.label[:1].upper() + widget.label[1:]
            if isinstance(widget, CheckBox):
                widget.text = widget.label
            self.form.add(widget)
        fields.native.setParent(self.form)
        fields.native.hide()
        return fields

    def _images(self) -> list[Image]:
        psf = find_psf_layer(self._viewer)
        return [x for x in self._viewer.layers if isinstance(x, Image) and x is not psf]

    def _psf_candidates(self) -> list[Image]:
        return [x for x in self._images() if not x.rgb and not is_ours(x)]

    def _masks(self) -> Sequence[Layer]:
        return [x for x in self._viewer.layers if isinstance(x, Labels | Shapes)]


def _place_events(layer: Layer | None) -> list[Any]:
    """Return what a layer emits when its units or the names of its axes change."""
    if layer is None:
        return []
    return [layer.events.scale, layer.events.units, layer.events.axis_labels]


def _first_line(method: type[Method]) -> str:
    """Return a method's title and purpose, with a colon between them."""
    return (method.__doc__ or "").splitlines()[0]
