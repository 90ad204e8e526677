"""The fields of the dock that say what the PSF is: its kind, and the fields of that kind."""

from collections.abc import Callable, Sequence
from typing import Protocol

from magicgui.widgets import ComboBox, PushButton
from napari.layers import Image
from psygnal import Signal, SignalInstance

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.gaussian_fields import GaussianFields
from napari_tf_deblur._dock.layer_choice import LayerChoice
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, LayerPSF, PSFKind
from napari_tf_deblur._layers.source import Source, read
from napari_tf_deblur.errors import InvalidValueError

Layers = Callable[[], Sequence[Image]]

NO_PSF_LAYER = (
    "There is no image layer to take as PSF: open a picture of a bead with File > Open, or "
    "choose another kind of PSF."
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

    def psf(self) -> PSFKind:
        """Return the PSF that the fields describe; raise ValueError if they describe none."""

    def fit(self, source: Source | None, ndim: int) -> None:
        """Offer what suits an image that is deblurred along so many axes."""

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""

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

    def __init__(self, form: Form, layers: Layers) -> None:
        self._form = form
        self.layer = LayerChoice(layers, label="PSF layer", tooltip=LayerPSF.hint)
        form.add(self.layer)
        self.layer.changed.connect(lambda _: self.changed.emit())

    @property
    def ndim(self) -> int | None:
        """Those of the layer; None while there is none."""
        return None if self.layer.value is None else LayerPSF(read(self.layer.value)).ndim

    def psf(self) -> LayerPSF:
        """Return the PSF that the layer shows.

        Raises
        ------
        ValueError
            If there is no layer.
        """
        if self.layer.value is None:
            raise InvalidValueError(NO_PSF_LAYER)
        return LayerPSF(read(self.layer.value))

    def fit(self, source: Source | None, ndim: int) -> None:
        """Nothing here depends on the image."""

    def show(self, visible: bool) -> None:
        """Show the field, or not."""
        self._form.show_row(self.layer, visible)

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        self.layer.reset_choices()


class EstimatedFields:
    """A PSF that is found in the image: there is nothing to set."""

    kind = EstimatedPSF
    changed = Signal()
    ndim = None

    def __init__(self, _form: Form, _layers: Layers) -> None:
        self._ndim = 2

    def psf(self) -> EstimatedPSF:
        """Return the PSF that is to be found."""
        return EstimatedPSF(self._ndim)

    def fit(self, source: Source | None, ndim: int) -> None:
        """Look along as many axes as the image is deblurred."""
        self._ndim = ndim

    def show(self, visible: bool) -> None:
        """There is nothing to show."""

    def reset_choices(self) -> None:
        """There is nothing to choose from."""


KINDS: tuple[type[GaussianFields | LayerFields | EstimatedFields], ...] = (
    GaussianFields,
    LayerFields,
    EstimatedFields,
)
"""The fields of all kinds, in the order in which they are offered."""


class PSFFields:
    """The kind of the PSF, and the fields of each kind, of which one kind's are shown.

    Parameters
    ----------
    form : Form
        Where to put the fields.
    layers : callable
        Returns the image layers that may show a PSF.

    Attributes
    ----------
    kind : ComboBox
        Which kind, by its title.
    of_kind : dict of str to KindFields
        The fields of each kind.
    preview : PushButton
        Shows the PSF as a layer.
    changed : psygnal.Signal
        Emitted when another PSF is described.
    """

    changed = Signal()

    def __init__(self, form: Form, layers: Layers) -> None:
        self.kind = ComboBox(label="PSF", choices=[fields.kind.title for fields in KINDS])
        form.add(self.kind)
        self.of_kind: dict[str, KindFields] = {
            fields.kind.title: fields(form, layers) for fields in KINDS
        }
        self.preview = PushButton(
            text="Show PSF", tooltip="Show the PSF as a layer in the corner of the image"
        )
        form.add(self.preview)
        for fields in self.of_kind.values():
            fields.changed.connect(self._tell)
        self.kind.changed.connect(self._choose)
        self._choose()

    @property
    def chosen(self) -> KindFields:
        """The fields of the kind that is chosen."""
        return self.of_kind[self.kind.value]

    def fit(self, source: Source | None, ndim: int) -> None:
        """Offer the fields that suit an image, deblurred along `ndim` axes."""
        for fields in self.of_kind.values():
            fields.fit(source, ndim)
        self._choose()

    def reset_choices(self) -> None:
        """Offer the layers that there are now."""
        for fields in self.of_kind.values():
            fields.reset_choices()

    def _choose(self, *_: object) -> None:
        self.kind.tooltip = self.chosen.kind.hint
        for fields in self.of_kind.values():
            fields.show(fields is self.chosen)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
