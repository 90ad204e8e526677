"""The wavelengths of each image that is deblurred: a channel has its own."""

from collections.abc import Sequence

from magicgui.widgets import FloatSpinBox
from psygnal import Signal

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._layers.acquisition.metadata_description import WAVELENGTH_BOUNDS
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import LASER_MICROSCOPES

EMISSION_TOOLTIP = (
    "Wavelength of the light that reaches the camera: the middle of the emission filter's band, or "
    "the dye's peak"
)
EXCITATION_TOOLTIP = (
    "Wavelength of the laser that excites the dye; of a confocal microscope it may stay unknown"
)
MAX_LABEL_LENGTH = 16
"""Most letters of a layer's name in a label. Set by eye."""


class WaveFields:
    """A field for the emission of each image, and one for its excitation.

    Attributes
    ----------
    form : Form
        What shows the fields; it has as many rows as there are images.
    emissions, excitations : list of FloatSpinBox
        The fields, at least one of each.
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
        """Have fields for so many images, named after them where there are several."""
        while len(self.emissions) < max(1, len(images)):
            for fields, label, tooltip in (
                (self.emissions, "Emission", EMISSION_TOOLTIP),
                (self.excitations, "Excitation", EXCITATION_TOOLTIP),
            ):
                field = make_number_field(label, WAVELENGTH_BOUNDS[1], 10, tooltip, "nm")
                self.form.add(field)
                field.changed.connect(self._tell)
                fields.append(field)
        self._count = max(1, len(images))
        for pair, image in zip(zip(self.emissions, self.excitations), images):
            for field, label in zip(pair, ("Emission", "Excitation")):
                field.label = f"{label} of {_shorten_name(image)}" if len(images) > 1 else label
                self.form.show_row(field, label=field.label)

    @property
    def rows(self) -> int:
        """How many images there are fields for, shown or not."""
        return len(self.emissions)

    def fields(self, image: int) -> dict[str, FloatSpinBox]:
        """The fields of one of the images, by name."""
        return {"emission": self.emissions[image], "excitation": self.excitations[image]}

    def show(self, microscope: str, visible: bool) -> None:
        """Show the fields that matter for a microscope, or none."""
        for number, (emission, excitation) in enumerate(zip(self.emissions, self.excitations)):
            used = number < self._count
            self.form.show_row(emission, used and microscope != "multiphoton")
            self.form.show_row(excitation, used and microscope in LASER_MICROSCOPES)
        self.form.setVisible(visible)

    def _tell(self, *_: object) -> None:
        self.changed.emit()


def _shorten_name(name: str) -> str:
    """Shorten a long name of a layer in its middle: a label does not break words."""
    return name if len(name) <= MAX_LABEL_LENGTH else f"{name[:8]}…{name[-7:]}"


def make_number_field(
    label: str, most: float, step: float, tooltip: str, unit: str = "", value: float = 0.0
) -> FloatSpinBox:
    """Make a field for a number that may be unknown, which 0 stands for."""
    field = FloatSpinBox(label=label, value=value, min=0.0, max=most, step=step, tooltip=tooltip)
    native = field.native
    native.setDecimals(2 if unit in ("", "AU") else 1)
    native.setSuffix(f" {unit}" if unit else "")
    native.setSpecialValueText("not known")
    return field
