"""The fields of the wavelengths; each image, such as a channel, has its own."""

from collections.abc import Sequence

from magicgui.widgets import FloatSpinBox
from psygnal import Signal

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.microscope_widgets import make_number_field
from napari_tf_deblur._layers.acquisition.metadata_description import WAVELENGTH_BOUNDS
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import LASER_MICROSCOPES

EMISSION_TOOLTIP = (
    "Wavelength of the light that reaches the camera: the middle of the emission filter's band, or "
    "the dye's peak"
)
EXCITATION_TOOLTIP = (
    "Wavelength of the laser that excites the dye; optional for a confocal microscope"
)
MAX_LABEL_LENGTH = 16
"""Largest number of characters of a layer's name in a label. Set by eye."""


class WaveFields:
    """Two fields for each image: emission and excitation wavelength, in nanometres.

    Attributes
    ----------
    form : Form
        The form that shows the fields.
    emissions, excitations : list of FloatSpinBox
        The fields, at least one of each; 0 stands for "not known".
    changed : psygnal.Signal
        Emitted when a wavelength changes.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.form = Form()
        self.emissions: list[FloatSpinBox] = []
        self.excitations: list[FloatSpinBox] = []
        self._count = 1
        self.set_images([""])

    def set_images(self, images: Sequence[str]) -> None:
        """Make fields for images, given by name; several images are named in the labels."""
        while len(self.emissions) < max(1, len(images)):
            for fields, label, tooltip in (
                (self.emissions, "Emission", EMISSION_TOOLTIP),
                (self.excitations, "Excitation", EXCITATION_TOOLTIP),
            ):
                field = make_number_field(label, WAVELENGTH_BOUNDS[1], 10, tooltip, "nm")
                self.form.add(field)
                field.changed.connect(self._emit_changed)
                fields.append(field)
        self._count = max(1, len(images))
        for pair, image in zip(zip(self.emissions, self.excitations), images):
            for field, label in zip(pair, ("Emission", "Excitation")):
                field.label = f"{label} of {_shorten_name(image)}" if len(images) > 1 else label
                self.form.show_row(field, label=field.label)

    @property
    def rows(self) -> int:
        """Number of images for which there are fields, shown or hidden."""
        return len(self.emissions)

    def fields(self, image: int) -> dict[str, FloatSpinBox]:
        """Return the fields of an image, by the names of `MicroscopeNumbers`."""
        return {"emission": self.emissions[image], "excitation": self.excitations[image]}

    def show(self, microscope: str, visible: bool) -> None:
        """Show the fields that a microscope needs, or none."""
        for number, (emission, excitation) in enumerate(zip(self.emissions, self.excitations)):
            used = number < self._count
            self.form.show_row(emission, used and microscope != "multiphoton")
            self.form.show_row(excitation, used and microscope in LASER_MICROSCOPES)
        self.form.setVisible(visible)

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit()


def _shorten_name(name: str) -> str:
    """Shorten a long layer name in its middle, because a label does not break words."""
    return name if len(name) <= MAX_LABEL_LENGTH else f"{name[:8]}…{name[-7:]}"
