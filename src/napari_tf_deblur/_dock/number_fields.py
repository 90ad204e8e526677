"""The fields of a PSF that a formula makes of a few numbers."""

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
"""What 0 stands for in the field of a length."""

SIZE_HINT = "; while it is not known, the blur is found from the image"


class NumberFields(KindFields):
    """A field for each number that the class of a `ParametricPSF` declares.

    The first is the size of the blur: 0 is not known. The others begin with the default of the
    class. Each field is an attribute of the same name as its number.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._parametric = cast(type[ParametricPSF], kind)
        self._source: Source | None = None
        self._numbers = ImageFieldValues()
        self._fields: dict[str, FloatSpinBox] = {}
        self._usual = {
            one.name: 0.0 if one.default is MISSING else one.default
            for one in fields(self._parametric)
        }
        for name, annotation in parameters_of(kind).items():
            options = options_of(annotation)
            field = FloatSpinBox(
                label=format_label(name, annotation),
                min=options["above" if "above" in options else "min"],
                max=options["max"],
                step=options["step"],
                value=max(self._usual[name], options.get("min", 0.0)),
                tooltip=options["tooltip"] + SIZE_HINT * (not self._fields),
            )
            self._fields[name] = field
            setattr(self, name, field)
            self._add(field)
            field.changed.connect(self._tell)
        self._size = next(iter(self._fields.values()))
        self._size.native.setSpecialValueText(UNKNOWN)

    @property
    def ndim(self) -> int | None:
        """As many as the PSF has."""
        return self._parametric(**self.values).ndim

    @property
    def values(self) -> dict[str, float]:
        """What the fields say, by name."""
        return {name: round(field.value, 6) for name, field in self._fields.items()}

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF that the fields describe; one to be found while its size is 0."""
        psf = self._parametric(**self.values)
        return psf if self._size.value else EstimatedPSF(psf.ndim)

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Show what was typed for this image: what was typed for another is not its own."""
        source = images[0].source if images else None
        if (source and source.layer) == (self._source and self._source.layer):
            return
        self._numbers.store(self._source, self.values)
        self._source = source
        typed = self._numbers.get_values(source)
        for name, field in self._fields.items():
            with field.changed.blocked():
                field.value = typed.get(name, self._usual[name])

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the numbers of a PSF, from its record."""
        psf = self._parametric.from_record(record)
        for name, field in self._fields.items():
            field.value = getattr(psf, name)
