"""The fields of a microscope: what is printed on the objective and the filter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from magicgui.widgets.bases import ValueWidget

from napari_tf_deblur._dock.field_defaults import FieldDefaults, FormField
from napari_tf_deblur._dock.form import Form, WrappingLabel
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._dock.wave_fields import WaveFields, make_number_field
from napari_tf_deblur._layers.acquisition.metadata_description import (
    APERTURE_BOUNDS,
    PINHOLE_BOUNDS,
)
from napari_tf_deblur._layers.pixel_size import find_pixel_size
from napari_tf_deblur._layers.psf_kinds import (
    EstimatedPSF,
    MicroscopePSF,
    MicroscopeSettings,
    PSFKind,
)
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import DIGITS, MicroscopeNumbers
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.optics import IMMERSIONS

MICROSCOPE_CHOICES = [
    ("Widefield", "widefield"),
    ("Confocal", "confocal"),
    ("Light sheet", "light sheet"),
    ("Multiphoton", "multiphoton"),
]
"""The microscopes, and what the dock calls them."""

DEFAULT_IMMERSION = 0.0
"""Value of the field that stands for the usual immersion of an aperture. Definition: no refractive
index is 0."""

LONGEST = 1e6
"""Longest length that a field takes, in nanometres. Set by eye: a millimetre."""


class MicroscopeFields(KindFields):
    """A PSF from the optics.

    A number that is 0 is not known. While one that matters is not, the blur is found in the
    image, and the words say so.

    Attributes
    ----------
    microscope, aperture, immersion, pinhole, sheet, pixel, step : magicgui widgets
        The fields.
    waves : WaveFields
        The wavelengths of each image that is deblurred.
    words : Words
        What was read from the image's file, and what is missing.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._images: Sequence[ImageChoice] = ()
        self._visible = True
        self.microscope = ComboBox(
            label="Microscope",
            choices=MICROSCOPE_CHOICES,
            tooltip="Widefield: a camera and no pinhole. Confocal: laser scanning, spinning disk",
        )
        self.aperture = make_number_field(
            "NA", APERTURE_BOUNDS[1], 0.05, "Numerical aperture: on the objective, behind the slash of "
            "63x/1.40"
        )  # fmt: skip
        self.immersion = ComboBox(
            label="Immersion",
            choices=[
                ("usual", DEFAULT_IMMERSION),
                *((f"{name} ({n:g})", n) for name, n in IMMERSIONS.items()),
            ],
            tooltip="What is between objective and specimen, with its refractive index; printed on "
            "the objective. The usual: air up to NA 0.95, water up to 1.27, oil above",
        )
        self.waves = WaveFields()
        self.pinhole = make_number_field(
            "Pinhole", PINHOLE_BOUNDS[1], 0.1, "Diameter of the pinhole in Airy units, as the "
            "microscope's software shows it", "AU", 1.0
        )  # fmt: skip
        self.sheet = make_number_field(
            "Sheet", LONGEST, 100, "Thickness of the light sheet at half its brightness; 0 if it "
            "is thicker than what is in focus", "nm"
        )  # fmt: skip
        self.pixel = make_number_field(
            "Pixel size", LONGEST, 1, "Distance between two pixels in the specimen: the size of "
            "the camera's pixel divided by the magnification", "nm"
        )  # fmt: skip
        self.step = make_number_field(
            "z step", LONGEST, 10, "Distance between two planes of the stack", "nm"
        )
        self.words = WrappingLabel()
        self._fields: dict[str, FormField] = {
            "microscope": self.microscope,
            "numerical_aperture": self.aperture,
            "refractive_index": self.immersion,
            "pinhole": self.pinhole,
            "sheet": self.sheet,
            "pixel": self.pixel,
            "step": self.step,
        }
        self._add(self.microscope, self.aperture, self.immersion)
        form.add_wide(self.waves.form)
        self._add(self.pinhole, self.sheet, self.pixel, self.step)
        form.add_wide(self.words)
        self._field_defaults = FieldDefaults(
            {"microscope": self.microscope, "na": self.aperture, "immersion": self.immersion}
        )
        self._numbers, self._wavelengths = ImageFieldValues(), ImageFieldValues(share_by_file=False)
        changing: list[ValueWidget[Any] | WaveFields] = [*self._fields.values(), self.waves]
        for field in changing:
            field.changed.connect(self._tell)

    @property
    def missing_labels(self) -> list[str]:
        """What must be given before the PSF of every image is known, by its label."""
        counts = range(max(1, len(self._images)))
        return list(dict.fromkeys(label for k in counts for label in self.list_missing(k)))

    def list_missing(self, image: int) -> list[str]:
        """What must be given before the PSF of the image of this number is known."""
        fields = self._fields_of(image)
        return [fields[name].label for name in self.numbers(image).missing(self._ndim)]

    def numbers(self, image: int = 0) -> MicroscopeNumbers:
        """Return what the fields say of the image of this number."""
        known: dict[str, Any] = {}
        for name, field in self._fields_of(image).items():
            value: Any = field.value or None
            known[name] = round(value, DIGITS) if isinstance(value, float) else value
        return MicroscopeNumbers(**known)

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of the image of this number; one to be found while numbers are missing."""
        if self.list_missing(image):
            return EstimatedPSF(self._ndim)
        return MicroscopePSF.of_numbers(self.numbers(image), self._ndim)

    def settings(self) -> MicroscopeSettings:
        """Return what holds for other images, too."""
        counts = range(max(1, len(self._images)))
        typed = [self._field_defaults.get_typed(self._fields_of(k)) for k in counts]
        return MicroscopeSettings.of_images([self.numbers(k) for k in counts], typed, self._ndim)

    def apply_to(self, source: Source, image: int = 0) -> Source:
        """Return one of the images with the pixel size that the fields say."""
        if self.list_missing(image):
            return source
        return self.numbers(image).resize(source, self._ndim)

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Fill in what layers and files say, if these images are not those of last time.

        What the user typed goes with its image: for the next one, it is not known.
        """
        super().set_images(images, ndim)
        former, self._images = self._images, images
        if [_make_image_key(image) for image in former] == [
            _make_image_key(image) for image in images
        ]:
            return
        layers = [[image.source.layer for image in some] for some in (former, images)]
        if layers[0] != layers[1]:
            self._keep_typed([image.source for image in former])
        self.waves.set_images([image.source.name for image in images])
        for field, value, origin in self._read():
            self._field_defaults.fill(field, value, origin)
        if layers[0] != layers[1]:
            self._restore_typed([image.source for image in images])

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""
        self._visible = visible
        microscope = self.microscope.value
        matters = {
            "pinhole": microscope == "confocal",
            "sheet": microscope == "light sheet",
            "step": self._ndim == 3,
        }
        for name, field in self._fields.items():
            self._form.show_row(field, visible and matters.get(name, True))
        self.waves.show(microscope, visible)
        self.words.set_message(self._describe_state() if visible else "")

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the numbers of a PSF; the pixel size only where the image has none."""
        numbers = MicroscopeNumbers.of_record(record)
        for name, field in self._fields_of(0).items():
            if name not in ("pixel", "step") or not field.value:
                field.value = getattr(numbers, name) or 0.0

    def _describe_state(self) -> str:
        parts = [self._field_defaults.describe_origins()]
        if missing := self.missing_labels:
            parts.append(f"Not known: {', '.join(missing)}.")
        others = [x.source.name for k, x in enumerate(self._images) if k and self.list_missing(k)]
        if others and not self.list_missing(0):
            parts.append(f"The blur of {', '.join(others)} is found from the image.")
        if self._images:
            parts += find_pixel_size(self._images[0].source).notes
        return "\n".join(part for part in parts if part)

    def _fields_of(self, image: int) -> dict[str, FormField]:
        """The fields of the image of this number, by the names of `MicroscopeNumbers`."""
        return {**self._fields, **self.waves.fields(image)}

    def _keep_typed(self, sources: Sequence[Source]) -> None:
        """Keep what was typed for images, or for none."""
        typed = self._field_defaults.get_typed
        self._numbers.store(sources[0] if sources else None, typed(self._fields))
        for number in range(max(1, len(sources))):
            source = sources[number] if sources else None
            self._wavelengths.store(source, typed(self.waves.fields(number)))

    def _restore_typed(self, sources: Sequence[Source]) -> None:
        """Put back what was typed for images."""
        if not sources:
            return
        put_back = self._field_defaults.restore_typed
        put_back(
            self._fields,
            self._numbers.get_values(sources[0]),
            self._numbers.get_own_values(sources[0]),
        )
        for number, source in enumerate(sources):
            kept = self._wavelengths
            put_back(
                self.waves.fields(number), kept.get_values(source), kept.get_own_values(source)
            )

    def _read(self) -> Iterator[tuple[FormField, object, str]]:
        """Yield each field, what was read for it, and from where; None is what is not known."""
        sources = [image.source for image in self._images]
        known = [MicroscopeNumbers.of_file(source) for source in sources]
        first = known[0] if known else MicroscopeNumbers()
        sizes = ("pixel", "step")
        for name in (name for name in self._fields if name not in sizes):
            yield self._fields[name], getattr(first, name), "the file"
        for number in range(self.waves.rows):
            one = known[number] if number < len(known) else MicroscopeNumbers()
            for name, field in self.waves.fields(number).items():
                yield field, getattr(one, name), "the file"
        origin = find_pixel_size(sources[0]).origin if sources else ""
        for name in sizes:
            yield self._fields[name], getattr(first, name), origin

    def _tell(self, *_: object) -> None:
        self.show(self._visible)
        super()._tell()


def _make_image_key(image: ImageChoice) -> tuple[object, ...]:
    source = image.source
    return source.layer, [(a.spacing, a.unit) for a in source.axes], image.acquisition
