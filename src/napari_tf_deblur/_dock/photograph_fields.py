"""The fields of the blurs of photographs: out of focus, and motion."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from magicgui.widgets import FloatSpinBox
from psygnal import Signal

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.image_fields import Chosen
from napari_tf_deblur._dock.image_numbers import ImageNumbers
from napari_tf_deblur._layers.psf_kinds import DefocusPSF, EstimatedPSF, MotionPSF, PSFKind
from napari_tf_deblur._layers.source import Source

UNKNOWN = "not known"
"""What 0 stands for in the field of a length."""

SIZE_HINT = "; while it is not known, the blur is found from the image"


class PhotographFields:
    """What the fields of both kinds have in common; see `PSFFields` for what all kinds have.

    A subclass says the kind and its fields, of which the first is the size: 0 is not known.
    """

    kind: ClassVar[type[PSFKind]]
    changed = Signal()

    def __init__(self, form: Form, fields: Mapping[str, FloatSpinBox]) -> None:
        self._form, self._fields = form, dict(fields)
        self._source: Source | None = None
        self._numbers = ImageNumbers()
        for field in self._fields.values():
            form.add(field)
            field.changed.connect(lambda _: self.changed.emit())
        self._size = next(iter(self._fields.values()))
        self._size.native.setSpecialValueText(UNKNOWN)

    @property
    def ndim(self) -> int:
        """Two: cameras blur planes."""
        return 2

    @property
    def values(self) -> dict[str, float]:
        """What the fields say, by name."""
        return {name: round(field.value, 6) for name, field in self._fields.items()}

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF that the fields describe; one to be found while its size is 0."""
        return self.kind(**self.values) if self._size.value else EstimatedPSF(2)

    def on(self, source: Source, image: int = 0) -> Source:
        """Return the image as it is."""
        return source

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Show what was typed for this image: what was typed for another is not its own."""
        source = images[0].source if images else None
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._numbers.keep(self._source, self.values)
        self._source = source
        typed = self._numbers.of(source)
        for name, field in self._fields.items():
            with field.changed.blocked():
                field.value = typed.get(name, 0.0)

    def show(self, visible: bool) -> None:
        """Show the fields, or none."""
        for field in self._fields.values():
            self._form.show_row(field, visible)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the numbers of a PSF, from its record."""
        psf = self.kind.of_record(record)  # type: ignore[attr-defined]  # of these kinds
        for name, field in self._fields.items():
            field.value = getattr(psf, name)

    def reset_choices(self) -> None:
        """Nothing here depends on the other layers."""


class DefocusFields(PhotographFields):
    """A disc by its radius.

    Attributes
    ----------
    radius : FloatSpinBox
        In pixels.
    """

    kind = DefocusPSF

    def __init__(self, form: Form, _advanced: Form, _layers: object = None) -> None:
        self.radius = FloatSpinBox(
            label="Radius (px)",
            min=0.0,
            max=1e6,
            step=0.1,
            tooltip=f"Radius of the disc that a point of light becomes, in pixels{SIZE_HINT}",
        )
        super().__init__(form, {"radius": self.radius})


class MotionFields(PhotographFields):
    """A line by its length and direction.

    Attributes
    ----------
    length, angle : FloatSpinBox
        In pixels; in degrees, counter-clockwise.
    """

    kind = MotionPSF

    def __init__(self, form: Form, _advanced: Form, _layers: object = None) -> None:
        self.length = FloatSpinBox(
            label="Length (px)",
            min=0.0,
            max=1e6,
            step=0.5,
            tooltip=f"Length of the way that a point of light goes, in pixels{SIZE_HINT}",
        )
        self.angle = FloatSpinBox(
            label="Direction (°)",
            min=-180.0,
            max=180.0,
            step=1.0,
            tooltip="Direction of the motion, counter-clockwise: 0 sideways, 90 up or down",
        )
        super().__init__(form, {"length": self.length, "angle": self.angle})
