"""The fields of a PSF that is computed from a few numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, cast

from magicgui.widgets import FloatSpinBox

from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.option_fields import format_label
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, ParametricPSF, PSFKind
from napari_tf_deblur._layers.source import Source

UNKNOWN = "not known"
"""Text that the field of a length shows instead of 0."""

SIZE_HINT = "; if it is not known, the blur is found from the image"


class NumberFields(KindFields):
    """One field for each number that the class of a `ParametricPSF` declares.

    The first number is the size of the blur; 0 stands for "not known". The others start with the
    default of the class. Each field is an attribute with the name of its number.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._parametric = cast(type[ParametricPSF], kind)
        self._source: Source | None = None
        self._numbers = ImageFieldValues()
        self._fields: dict[str, FloatSpinBox] = {}
        self._defaults = {
            number.name: 0.0 if number.default is MISSING else number.default
            for number in fields(self._parametric)
        }
        for name, annotation in parameters_of(kind).items():
            options = options_of(annotation)
            field = FloatSpinBox(
                label=format_label(name, annotation),
                min=options["above" if "above" in options else "min"],
                max=options["max"],
                step=options["step"],
                value=max(self._defaults[name], options.get("min", 0.0)),
                tooltip=options["tooltip"] + SIZE_HINT * (not self._fields),
            )
            self._fields[name] = field
            setattr(self, name, field)
            self._add(field)
            field.changed.connect(self._emit_changed)
        self._size = next(iter(self._fields.values()))
        self._size.native.setSpecialValueText(UNKNOWN)

    @property
    def ndim(self) -> int | None:
        """Number of axes of the PSF."""
        return self._parametric(**self.values).ndim

    @property
    def values(self) -> dict[str, float]:
        """The values of the fields, by name."""
        return {name: round(field.value, 6) for name, field in self._fields.items()}

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF that the fields describe; an `EstimatedPSF` if its size is 0."""
        psf = self._parametric(**self.values)
        return psf if self._size.value else EstimatedPSF(psf.ndim)

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Show the values that the user typed for the first image; 0 for a new image."""
        source = images[0].source if images else None
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._numbers.store(self._source, self.values)
        self._source = source
        typed = self._numbers.get_values(source)
        for name, field in self._fields.items():
            with field.changed.blocked():
                field.value = typed.get(name, self._defaults[name])

    def restore(self, record: Mapping[str, Any]) -> None:
        """Set the fields to the numbers in the record of a PSF."""
        psf = self._parametric.from_record(record)
        for name, field in self._fields.items():
            field.value = getattr(psf, name)
