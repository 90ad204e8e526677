"""The fields of the dock, and the job that they describe."""

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes
from qtpy.QtWidgets import QLabel

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._dock.method_fields import MethodFields
from napari_tf_deblur._dock.psf_fields import PSFFields
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import mask_from
from napari_tf_deblur._layers.psf_display import find_psf_layer
from napari_tf_deblur._layers.source import Source, is_ours, read
from napari_tf_deblur.errors import InvalidValueError
from napari_tf_deblur.forward import BOUNDARIES

NO_IMAGE = (
    "There is no image to deblur: open one with File > Open, or try a blurred one from "
    "File > Open Sample."
)
AXES_HINT = (
    "A stack is taken for a volume where the layer says so: by an axis named z, or a unit of "
    "length on the axis of the planes. 'Deblur as' overrules it. Time and channels are never "
    "deblurred by themselves."
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
    image, dims, boundary, mask, ignore_nan, residual : magicgui widgets
        The fields.
    axes : QLabel
        What each axis of the image is taken for, in words.
    psf : PSFFields
        The fields of the PSF.
    methods : MethodFields
        The fields of the method.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._watched: Layer | None = None
        self._was_volume = False
        self._chosen_by_hand = False
        self.form = form = Form()
        self.image = LayerChoice(self._images, label="Image", tooltip="The blurred image layer")
        self.dims = ComboBox(
            label="Deblur as",
            choices=lambda _: self._dims_choices(),
            tooltip="Along two axes, plane by plane, or along three, as one volume",
        )
        form.add(self.image)
        form.add(self.dims)
        self.axes = QLabel()
        self.axes.setToolTip(AXES_HINT)
        form.add_words("Axes", self.axes)
        self.psf = PSFFields(form, self._psf_candidates)
        self.methods = MethodFields(form)
        self.boundary = ComboBox(
            label="Outside",
            choices=BOUNDARIES,
            tooltip="What lies outside the frame: something unknown, as for a camera; "
            "nothing (zero); or the image again (periodic)",
        )
        self.mask = LayerChoice(
            self._masks,
            "nothing",
            label="Ignore",
            tooltip="Labels or shapes that mark pixels to ignore: saturated, dead, outside "
            "the specimen",
        )
        self.ignore_nan = CheckBox(
            text="Ignore NaN pixels",
            tooltip="Infinite ones too; otherwise such an image is refused",
        )
        self.residual = CheckBox(
            text="Show residual",
            tooltip="Add a layer of what the result does not explain: the image less the result "
            "blurred again. It should show noise and nothing else",
        )
        for widget in (self.boundary, self.mask, self.ignore_nan, self.residual):
            form.add(widget)
        self.image.changed.connect(self._on_image_by_hand)
        self.dims.changed.connect(self._fit)
        self.psf.changed.connect(self._describe_axes)
        self.refresh()

    def source(self) -> Source:
        """Read the image that is chosen.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.image.value is None:
            raise InvalidValueError(NO_IMAGE)
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
        job = Job(
            source=source,
            psf=self.psf.chosen.psf(),
            method=self.methods.method(),
            boundary=self.boundary.value,
            mask=None if mask is None else mask_from(mask, source),
            ignore_nan=self.ignore_nan.value,
        )
        job.check()
        return job

    def select(self, layer: Layer) -> None:
        """Choose the image that the user selects in napari's list, unless it was made here."""
        if isinstance(layer, Image) and not is_ours(layer):
            self._chosen_by_hand = False
            self.image.reset_choices()
            with self.image.changed.blocked():
                self.image.value = layer
            self.refresh()

    def add(self, layer: Layer) -> None:
        """Choose an image that was added, unless the user has chosen another by hand."""
        if not self._chosen_by_hand:
            self.select(layer)

    def reset_choices(self) -> None:
        """Offer the layers that there are now; the chosen ones stay while they are there."""
        former = self.image.value
        for field in (self.image, self.psf, self.mask):
            field.reset_choices()
        if former is not None and self.image.value is not former:  # it was removed
            self._chosen_by_hand = False
            self._choose_another()
        self.refresh()

    def refresh(self) -> None:
        """Offer what suits the image that is chosen now."""
        layer = self.image.value
        if layer is not self._watched:
            self.unwatch()
            self._watched = layer
            for emitter in _place_events(layer):
                emitter.connect(self._on_place)
            self._offer_dims()
        self._fit()

    def unwatch(self) -> None:
        """Let go of the image that was chosen."""
        for emitter in _place_events(self._watched):
            emitter.disconnect(self._on_place)
        self._watched = None

    def _on_image_by_hand(self, *_: object) -> None:
        self._chosen_by_hand = True
        self.refresh()

    def _on_place(self, *_: object) -> None:
        """Follow the image's units and names of axes, which may make it a volume."""
        if self._is_volume != self._was_volume:
            self._offer_dims()
        self._fit()

    def _choose_another(self) -> None:
        """Choose the uppermost image that was not made here, if there is one."""
        images = [layer for layer in self._images() if not is_ours(layer)]
        if images:
            with self.image.changed.blocked():
                self.image.value = images[-1]

    def _chosen_source(self) -> Source | None:
        return None if self.image.value is None else self.source()

    def _dims_choices(self) -> list[tuple[str, int]]:
        source = self._chosen_source()
        if source is None or source.ndim < 3:
            return [("2D", 2)]
        return [("2D, plane by plane", 2), ("3D, as a volume", 3)]

    @property
    def _is_volume(self) -> bool:
        source = self._chosen_source()
        return source is not None and source.is_volume

    def _offer_dims(self) -> None:
        self._was_volume = self._is_volume
        with self.dims.changed.blocked():
            self.dims.reset_choices()
            self.dims.value = 3 if self._was_volume else 2

    def _fit(self, *_: object) -> None:
        self.psf.fit(self._chosen_source(), self.dims.value or 2)

    def _describe_axes(self) -> None:
        """Say what each axis is taken for; a PSF with axes of its own decides itself."""
        own = self.psf.chosen.ndim
        self.form.show_row(self.dims, own is None)
        source = self._chosen_source()
        words = ""
        if source is not None:
            words = source.frame(own or self.dims.value).in_words(source.rgb)
        self.axes.setText(words)

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
