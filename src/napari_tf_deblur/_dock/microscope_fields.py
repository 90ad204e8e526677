"""The fields of a PSF that is computed from the numbers of a microscope."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from magicgui.widgets import ComboBox

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._dock.field_defaults import FieldDefaults, FormField
from napari_tf_deblur._dock.form import Form, WrappingLabel
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.microscope_widgets import (
    REMEMBERED,
    make_first_plane_choice,
    make_immersion_choice,
    make_microscope_choice,
    make_mounting_field,
    make_number_fields,
)
from napari_tf_deblur._dock.wave_fields import WaveFields
from napari_tf_deblur._layers.pixel_size import find_pixel_size
from napari_tf_deblur._layers.psf_kinds import (
    EstimatedPSF,
    MicroscopePSF,
    MicroscopeSettings,
    PSFKind,
)
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import DIGITS, MicroscopeNumbers
from napari_tf_deblur._layers.source import Source


class MicroscopeFields(KindFields):
    """Fields for the numbers of a microscope.

    A number 0 stands for "not known". If a required number is not known, the blur is found from
    the image, and the text beside the picture of the PSF says so.

    Attributes
    ----------
    microscope, immersion : ComboBox
        The kind of microscope; the refractive index of the immersion.
    mounting : IndexField
        The refractive index of the mounting medium; 0 stands for that of the immersion.
    first_plane : ComboBox
        The plane that is the first of a stack.
    aperture, pinhole, sheet, depth, pixel, step : FloatSpinBox
        Numerical aperture; diameter of the pinhole in Airy units; thickness of the light sheet,
        depth of the focus, pixel size and step between planes in nanometres.
    waves : WaveFields
        The wavelengths of each image.
    description : WrappingLabel
        The fields that were read from the image's file, and those that are not known.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._images: Sequence[ImageChoice] = ()
        self._visible = True
        numbers = make_number_fields()
        self.microscope, self.immersion = make_microscope_choice(), make_immersion_choice()
        self.aperture = numbers["numerical_aperture"]
        self.mounting, self.first_plane = make_mounting_field(), make_first_plane_choice()
        self.pinhole, self.sheet = numbers["pinhole"], numbers["sheet"]
        self.depth = numbers["depth"]
        self.pixel, self.step = numbers["pixel"], numbers["step"]
        self.waves = WaveFields()
        self.description = WrappingLabel()
        self._fields: dict[str, FormField] = {
            "microscope": self.microscope,
            "numerical_aperture": self.aperture,
            "refractive_index": self.immersion,
            "mounting_index": self.mounting,
            "first_plane": self.first_plane,
            **numbers,
        }
        self._add(self.microscope, self.aperture, self.immersion)
        form.add_wide(self.waves.form)
        self._add(self.pinhole, self.sheet, self.pixel, self.step)
        self._add(self.mounting, self.depth, self.first_plane)
        form.add_wide(self.description)
        self._field_defaults = FieldDefaults(
            {key: self._fields[name] for key, name in REMEMBERED.items()}
        )
        self._numbers, self._wavelengths = ImageFieldValues(), ImageFieldValues(share_by_file=False)
        changing: list[FormField | WaveFields] = [*self._fields.values(), self.waves]
        for field in changing:
            field.changed.connect(self._emit_changed)

    @property
    def missing_labels(self) -> list[str]:
        """Labels of the fields that are required but not known, for any of the images."""
        counts = range(max(1, len(self._images)))
        return list(dict.fromkeys(label for k in counts for label in self.list_missing(k)))

    def list_missing(self, image: int) -> list[str]:
        """Return the labels of the fields that are required but not known for an image."""
        fields = self._fields_of(image)
        return [fields[name].label for name in self.numbers(image).list_missing(self._ndim)]

    def numbers(self, image: int = 0) -> MicroscopeNumbers:
        """Return the numbers in the fields for an image, by its number."""
        numbers: dict[str, Any] = {}
        for name, field in self._fields_of(image).items():
            value: Any = field.value or None
            numbers[name] = round(value, DIGITS) if isinstance(value, float) else value
        return MicroscopeNumbers(**numbers)

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of an image; an `EstimatedPSF` if a required number is not known."""
        if self.list_missing(image):
            return EstimatedPSF(self._ndim)
        return MicroscopePSF.from_numbers(self.numbers(image), self._ndim)

    def settings(self) -> MicroscopeSettings:
        """Return the settings for images in files.

        The numbers in the fields apply to every image. Exception: a wavelength or a pixel size
        that the user did not type applies only to images whose file does not state it.
        """
        counts = range(max(1, len(self._images)))
        typed = [self._field_defaults.get_typed(self._fields_of(k)) for k in counts]
        return MicroscopeSettings.from_images([self.numbers(k) for k in counts], typed, self._ndim)

    def apply_to(self, source: Source, image: int = 0) -> Source:
        """Return an image with the pixel size from the fields, if no required number is missing."""
        if self.list_missing(image):
            return source
        return self.numbers(image).resize(source, self._ndim)

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Set the images; if they have changed, fill the fields from their layers and files.

        Values that the user typed belong to one image. They are stored, and restored when the
        image is chosen again.
        """
        super().set_images(images, ndim)
        former, self._images = self._images, images
        if [_make_image_key(image) for image in former] == [
            _make_image_key(image) for image in images
        ]:
            return
        layers = [[image.source.layer for image in some] for some in (former, images)]
        if layers[0] != layers[1]:
            self._store_typed([image.source for image in former])
        self.waves.set_images([image.source.name for image in images])
        for field, value, origin in self._read():
            self._field_defaults.fill(field, value, origin)
        if layers[0] != layers[1]:
            self._restore_typed([image.source for image in images])

    def show(self, visible: bool) -> None:
        """Show the fields that the microscope needs, or none."""
        self._visible = visible
        microscope = self.microscope.value
        is_needed = {
            "pinhole": microscope == "confocal",
            "sheet": microscope == "light sheet",
            "step": self._ndim == 3,
            "depth": bool(self.mounting.value),
            "first_plane": bool(self.mounting.value) and self._ndim == 3,
        }
        for name, field in self._fields.items():
            self._form.show_row(field, visible and is_needed.get(name, True))
        self.waves.show(microscope, visible)
        self.description.set_message(self._describe_state() if visible else "")

    def restore(self, record: Mapping[str, Any]) -> None:
        """Set the fields to the numbers in a record; the pixel size only if none is known."""
        numbers = MicroscopeNumbers.from_record(record)
        for name, field in self._fields_of(0).items():
            if name not in ("pixel", "step") or not field.value:
                unknown = field.choices[0] if isinstance(field, ComboBox) else 0.0
                field.value = getattr(numbers, name) or unknown

    def _describe_state(self) -> str:
        parts = [self._field_defaults.describe_origins()]
        if missing := self.missing_labels:
            parts.append(f"Not known: {', '.join(missing)}.")
        others = [x.source.name for k, x in enumerate(self._images) if k and self.list_missing(k)]
        if others and not self.list_missing(0):
            parts.append(f"The blur of {', '.join(others)} is found from the image.")
        if self._images:
            parts += find_pixel_size(self._images[0].source).notes
            parts.append(self._describe_focus(self._images[0].source))
        return "\n".join(part for part in parts if part)

    def _describe_focus(self, source: Source) -> str:
        """Say where the focus is; nothing if a number is missing or not possible."""
        with suppress(UserError):
            psf = self.psf()
            if isinstance(psf, MicroscopePSF):
                return psf.describe_focus(self.apply_to(source))
        return ""

    def _fields_of(self, image: int) -> dict[str, FormField]:
        """Return the fields of an image, by the names of `MicroscopeNumbers`."""
        return {**self._fields, **self.waves.fields(image)}

    def _store_typed(self, sources: Sequence[Source]) -> None:
        """Store the values that the user typed for the images, or without an image."""
        typed = self._field_defaults.get_typed
        self._numbers.store(sources[0] if sources else None, typed(self._fields))
        for number in range(max(1, len(sources))):
            source = sources[number] if sources else None
            self._wavelengths.store(source, typed(self.waves.fields(number)))

    def _restore_typed(self, sources: Sequence[Source]) -> None:
        """Restore the values that the user typed for the images before."""
        if not sources:
            return
        restore = self._field_defaults.restore_typed
        numbers, waves = self._numbers, self._wavelengths
        restore(self._fields, numbers.get_values(sources[0]), numbers.get_own_values(sources[0]))
        for number, source in enumerate(sources):
            restore(
                self.waves.fields(number), waves.get_values(source), waves.get_own_values(source)
            )

    def _read(self) -> Iterator[tuple[FormField, object, str]]:
        """Yield each field, the value for it (None if there is none), and where it comes from."""
        sources = [image.source for image in self._images]
        file_numbers = [MicroscopeNumbers.from_file(source) for source in sources]
        first = file_numbers[0] if file_numbers else MicroscopeNumbers()
        sizes = ("pixel", "step")
        for name in (name for name in self._fields if name not in sizes):
            yield self._fields[name], getattr(first, name), "the file"
        for number in range(self.waves.rows):
            is_read = number < len(file_numbers)
            one = file_numbers[number] if is_read else MicroscopeNumbers()
            for name, field in self.waves.fields(number).items():
                yield field, getattr(one, name), "the file"
        origin = find_pixel_size(sources[0]).origin if sources else ""
        for name in sizes:
            yield self._fields[name], getattr(first, name), origin

    def _emit_changed(self, *_: object) -> None:
        self.show(self._visible)
        super()._emit_changed()


def _make_image_key(image: ImageChoice) -> tuple[object, ...]:
    source = image.source
    return source.layer, [(a.spacing, a.unit) for a in source.axes], image.acquisition
