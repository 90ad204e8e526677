"""The fields of the dock that say what the PSF is: its kind, and the fields of that kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from magicgui.widgets import ComboBox
from napari.layers import Image
from psygnal import Signal, SignalInstance

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.gaussian_fields import GaussianFields
from napari_tf_deblur._dock.image_fields import Chosen
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._dock.microscope_fields import MicroscopeFields
from napari_tf_deblur._dock.photograph_fields import DefocusFields, MotionFields
from napari_tf_deblur._dock.psf_picture import PSFPicture
from napari_tf_deblur._files.psf_settings import FoundPSF, PSFSettings, SamePSF, psf_settings
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, LayerPSF, PSFKind
from napari_tf_deblur._layers.source import Source, read

Layers = Callable[[], Sequence[Image]]

NO_PSF_LAYER = (
    "There is no image layer to take as PSF: open a picture of a bead with File > Open, or "
    "choose another kind of blur."
)


class KindFields(Protocol):
    """The fields of one kind of PSF."""

    @property
    def kind(self) -> type[PSFKind]:
        """The kind, whose title and hint the dock shows."""

    @property
    def changed(self) -> SignalInstance:
        """Emitted when the fields describe another PSF."""

    @property
    def ndim(self) -> int | None:
        """How many axes the PSF has by itself; None if it has as many as are deblurred."""

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of one of the images; raise ValueError if the fields describe none."""

    def on(self, source: Source, image: int = 0) -> Source:
        """Return one of the images as the fields describe it, such as with a pixel size."""

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Offer what suits images that are deblurred along so many axes."""

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back what describes a PSF of this kind, from its record.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the record lacks something, or holds what no run writes.
        """

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""


class LayerFields:
    """A PSF that an image layer shows.

    Attributes
    ----------
    layer : LayerChoice
        Which one.
    """

    kind = LayerPSF
    changed = Signal()

    def __init__(self, form: Form, _advanced: Form, layers: Layers) -> None:
        self._form = form
        self.layer = LayerChoice(layers, label="Bead layer", tooltip=LayerPSF.hint)
        form.add(self.layer)
        self.layer.changed.connect(lambda _: self.changed.emit())

    @property
    def ndim(self) -> int | None:
        """Those of the layer; None while there is none."""
        return None if self.layer.value is None else LayerPSF(read(self.layer.value)).ndim

    def psf(self, image: int = 0) -> LayerPSF:
        """Return the PSF that the layer shows.

        Raises
        ------
        ValueError
            If there is no layer.
        """
        if self.layer.value is None:
            raise InvalidValueError(NO_PSF_LAYER)
        return LayerPSF(read(self.layer.value))

    def on(self, source: Source, image: int = 0) -> Source:
        """Return the image as it is."""
        return source

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Nothing here depends on the images."""

    def show(self, visible: bool) -> None:
        """Show the field, or not."""
        self._form.show_row(self.layer, visible)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Choose the layer of a PSF again.

        Raises
        ------
        ValueError
            If it is not there any more.
        """
        name = record["layer"]
        there = [x for x in self.layer.choices if getattr(x, "name", None) == name]
        if not there:
            raise InvalidValueError(
                f"The bead layer '{name}' is not open: open it, or choose another."
            )
        self.layer.value = there[0]

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        self.layer.reset_choices()


class EstimatedFields:
    """A PSF that is found in the image: there is nothing to set."""

    kind = EstimatedPSF
    changed = Signal()
    ndim = None

    def __init__(self, _form: Form, _advanced: Form, _layers: Layers) -> None:
        self._ndim = 2

    def psf(self, image: int = 0) -> EstimatedPSF:
        """Return the PSF that is to be found."""
        return EstimatedPSF(self._ndim)

    def on(self, source: Source, image: int = 0) -> Source:
        """Return the image as it is."""
        return source

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Look along as many axes as the image is deblurred."""
        self._ndim = ndim

    def show(self, visible: bool) -> None:
        """There is nothing to show."""

    def restore(self, record: Mapping[str, Any]) -> None:
        """There is nothing to put back."""

    def reset_choices(self) -> None:
        """There is nothing to choose from."""


_Fields = (
    MicroscopeFields | LayerFields | GaussianFields | DefocusFields | MotionFields | EstimatedFields
)

KINDS: tuple[type[_Fields], ...] = (
    MicroscopeFields,
    LayerFields,
    GaussianFields,
    DefocusFields,
    MotionFields,
    EstimatedFields,
)
"""The fields of all kinds, in the order in which they are offered."""


class PSFFields:
    """The kind of the PSF, and the fields of each kind, of which one kind's are shown.

    Parameters
    ----------
    form : Form
        Where to put the fields.
    advanced : Form
        Where to put those that are seldom needed.
    layers : callable
        Returns the image layers that may show a PSF.

    Attributes
    ----------
    kind : ComboBox
        Which kind, by its title.
    of_kind : dict of str to KindFields
        The fields of each kind.
    picture : PSFPicture
        How wide the PSF is, what it looks like, and a button that shows it as a layer.
    changed : psygnal.Signal
        Emitted when another PSF is described.
    """

    changed = Signal()

    def __init__(self, form: Form, advanced: Form, layers: Layers) -> None:
        self._images: Sequence[Chosen] = ()
        self._ndim = 2
        self._by_hand = self._is_photograph = False
        self.kind = ComboBox(label="Blur", choices=[fields.kind.title for fields in KINDS])
        form.add(self.kind)
        self.of_kind: dict[str, KindFields] = {
            fields.kind.title: fields(form, advanced, layers) for fields in KINDS
        }
        self.picture = PSFPicture()
        form.add_wide(self.picture)
        for fields in self.of_kind.values():
            fields.changed.connect(self._tell)
        self.kind.changed.connect(self._on_kind)
        self._choose()

    @property
    def chosen(self) -> KindFields:
        """The fields of the kind that is chosen."""
        return self.of_kind[self.kind.value]

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Offer the fields that suit images, deblurred along `ndim` axes.

        A colour picture is taken for a photograph, whose blur nothing tells but itself, until the
        user has chosen a kind.
        """
        self._images, self._ndim = images, ndim
        if images and not self._by_hand:
            photograph = images[0].source.rgb or self._is_photograph
            with self.kind.changed.blocked():
                self.kind.value = (EstimatedPSF if photograph else KINDS[0].kind).title
        for fields in self.of_kind.values():
            fields.fit(images, ndim)
        self._choose()

    def suit_photograph(self, is_photograph: bool) -> None:
        """Take the image for a photograph, or not, until the user has chosen a kind."""
        self._is_photograph = is_photograph
        self.fit(self._images, self._ndim)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the kind of a PSF, and what describes it.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the dock has no such kind, or the record holds what no run writes.
        """
        titles = {fields.kind.name: fields.kind.title for fields in KINDS}
        if record["kind"] not in titles:
            raise InvalidValueError("The PSF was given in Python: set the blur by hand.")
        self.kind.value = titles[record["kind"]]
        self.chosen.restore(record)

    def settings(self) -> PSFSettings:
        """Return which PSF the images of files have.

        Raises
        ------
        ValueError
            If the fields describe none, or one that is in no file.
        """
        fields = self.chosen
        if isinstance(fields, MicroscopeFields):
            return fields.settings()
        psf = fields.psf()
        if isinstance(psf, LayerPSF):
            return psf_settings({"kind": LayerPSF.name, "origin": psf.layer.record()})
        return FoundPSF() if isinstance(psf, EstimatedPSF) else SamePSF(psf)

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        for fields in self.of_kind.values():
            fields.reset_choices()

    def _on_kind(self, *_: object) -> None:
        self._by_hand = True
        self._choose()

    def _choose(self) -> None:
        self.kind.tooltip = self.chosen.kind.hint
        for fields in self.of_kind.values():
            fields.show(fields is self.chosen)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
