"""The fields of a microscope: what is printed on the objective and the filter."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from magicgui.widgets import ComboBox
from psygnal import Signal

from napari_tf_deblur._dock.filled_in import Field, FilledIn
from napari_tf_deblur._dock.form import Form, Words
from napari_tf_deblur._dock.image_fields import Chosen
from napari_tf_deblur._dock.image_numbers import ImageNumbers
from napari_tf_deblur._dock.wave_fields import WaveFields, number_field
from napari_tf_deblur._files.microscope_settings import MicroscopeSettings
from napari_tf_deblur._layers.acquisition import Acquisition
from napari_tf_deblur._layers.pixel_size import PixelSize, pixel_size_of, with_pixel_size
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, MicroscopePSF, PSFKind
from napari_tf_deblur._layers.psf_kinds.microscope import immersion_of
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.microscope import IMMERSIONS, Optics
from napari_tf_deblur._preparation import record_check as check

TYPES = [
    ("Widefield", "widefield"),
    ("Confocal", "confocal"),
    ("Light sheet", "light sheet"),
    ("Multiphoton", "multiphoton"),
]
"""The microscopes, and what the dock calls them."""

USUAL = 0.0
"""Stands for the immersion that objectives of an aperture usually have."""

NOTHING = Acquisition()
"""What is known where there is no image."""


class MicroscopeFields:
    """A PSF from the optics; see `PSFFields` for what all kinds have.

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

    kind = MicroscopePSF
    changed = Signal()
    ndim = None

    def __init__(self, form: Form, _advanced: Form, _layers: object = None) -> None:
        self._images: Sequence[Chosen] = ()
        self._ndim = 2
        self._visible = True
        self.microscope = ComboBox(
            label="Microscope",
            choices=TYPES,
            tooltip="Widefield: a camera and no pinhole. Confocal: laser scanning, spinning disk",
        )
        self.aperture = number_field(
            "NA", 1.7, 0.05, "Numerical aperture: on the objective, behind the slash of 63x/1.40"
        )
        self.immersion = ComboBox(
            label="Immersion",
            choices=[
                ("usual", USUAL),
                *((f"{name} ({n:g})", n) for name, n in IMMERSIONS.items()),
            ],
            tooltip="What is between objective and specimen, with its refractive index; printed on "
            "the objective. The usual: air up to NA 0.95, water up to 1.27, oil above",
        )
        self.pinhole = number_field(
            "Pinhole", 100, 0.1, "Diameter of the pinhole in Airy units, as the microscope's "
            "software shows it", "AU", 1.0
        )  # fmt: skip
        self.sheet = number_field(
            "Sheet", 1e6, 100, "Thickness of the light sheet at half its brightness; 0 if it is "
            "thicker than what is in focus", "nm"
        )  # fmt: skip
        self.pixel = number_field(
            "Pixel size", 1e6, 1, "Distance between two pixels in the specimen: the size of the "
            "camera's pixel divided by the magnification", "nm"
        )  # fmt: skip
        self.step = number_field(
            "z step", 1e6, 10, "Distance between two planes of the stack", "nm"
        )
        self.words = Words()
        for widget in (self.microscope, self.aperture, self.immersion):
            form.add(widget)
        self.waves = WaveFields()
        form.add_wide(self.waves.form)
        rest = (self.pinhole, self.sheet, self.pixel, self.step)
        for widget in rest:
            form.add(widget)
        form.add_wide(self.words)
        self._form = form
        printed: dict[str, Field] = {
            "microscope": self.microscope,
            "na": self.aperture,
            "immersion": self.immersion,
        }
        self._filled_in = FilledIn(printed)
        self._of_image: dict[str, Field] = {
            **printed,
            "pinhole": self.pinhole,
            "sheet": self.sheet,
            "pixel": self.pixel,
            "step": self.step,
        }
        self._numbers, self._wavelengths = ImageNumbers(), ImageNumbers(of_file=False)
        for field in (*printed.values(), *rest):
            field.changed.connect(self._tell)
        self.waves.changed.connect(self._tell)

    @property
    def missing(self) -> list[str]:
        """What must be given before the PSF of every image is known."""
        counts = range(max(1, len(self._images)))
        return list(dict.fromkeys(label for k in counts for label in self.missing_of(k)))

    def missing_of(self, image: int) -> list[str]:
        """What must be given before the PSF of the image of this number is known."""
        needed = [self.aperture, self.waves.needed(image, self.microscope.value), self.pixel]
        needed += [self.step] if self._ndim == 3 else []
        return [field.label for field in needed if not field.value]

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF of the image of this number; one to be found while numbers are missing."""
        if self.missing_of(image):
            return EstimatedPSF(self._ndim)
        microscope = self.microscope.value
        emission, excitation = self.waves.of(image, microscope)
        optics = Optics(
            numerical_aperture=round(self.aperture.value, 6),
            emission=emission,
            refractive_index=self.immersion.value or None,
            microscope=microscope,
            excitation=excitation,
            pinhole=self.pinhole.value if microscope == "confocal" else 1.0,
            sheet=(self.sheet.value or None) if microscope == "light sheet" else None,
        )
        return MicroscopePSF(optics, self._ndim)

    def settings(self) -> MicroscopeSettings:
        """Return what holds for other images, too.

        That is what the fields show, but wavelengths and pixel sizes that nobody typed only where
        the file of an image says none.
        """
        microscope, ndim = self.microscope.value, self._ndim
        sizes = self._filled_in.typed({"pixel": self.pixel, "step": self.step})
        shown = {
            "numerical_aperture": round(self.aperture.value, 6),
            "refractive_index": self.immersion.value,
            "microscope": microscope,
            "pinhole": self.pinhole.value if microscope == "confocal" else 0.0,
            "sheet": self.sheet.value if microscope == "light sheet" else 0.0,
            **{name: field.value for name, field in self.waves.fields(0).items()},
        }
        given: dict[str, tuple[Any, ...]] = {}
        for name in self.waves.fields(0):
            fields = [self.waves.fields(k)[name] for k in range(max(1, len(self._images)))]
            typed = [self._filled_in.typed({name: field}) for field in fields]
            if any(typed) and all(field.value for field in fields):
                given[name] = tuple(field.value for field in fields)
        spacing = (self.step.value, self.pixel.value)[ndim < 3 :]
        return MicroscopeSettings(
            given=given,
            usual={name: value for name, value in shown.items() if value},
            pixel=cast(float | None, sizes.get("pixel")) or None,
            step=cast(float | None, sizes.get("step")) or None,
            usual_spacing=(*spacing[:-1], spacing[-1], spacing[-1]) if all(spacing) else (),
            or_found=True,
        )

    def on(self, source: Source, image: int = 0) -> Source:
        """Return one of the images with the pixel size that the fields say."""
        if self.missing_of(image):
            return source
        return with_pixel_size(source, self._ndim, self.pixel.value, self.step.value)

    def fit(self, images: Sequence[Chosen], ndim: int) -> None:
        """Fill in what layers and files say, if these images are not those of last time.

        What the user typed goes with its image: for the next one, it is not known.
        """
        self._ndim = ndim
        former, self._images = self._images, images
        if [_key(image) for image in former] == [_key(image) for image in images]:
            return
        layers = [[image.source.layer for image in some] for some in (former, images)]
        if layers[0] != layers[1]:
            self._keep_typed([image.source for image in former])
        self.waves.name([image.source.name for image in images])
        self._fill_in()
        if layers[0] != layers[1]:
            self._put_typed([image.source for image in images])

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""
        self._visible = visible
        microscope = self.microscope.value
        matters = {
            self.pinhole: microscope == "confocal",
            self.sheet: microscope == "light sheet",
            self.step: self._ndim == 3,
        }
        for widget in (self.microscope, self.aperture, self.immersion, self.pixel):
            self._form.show_row(widget, visible)
        for widget, wanted in matters.items():
            self._form.show_row(widget, visible and wanted)
        self.waves.show(microscope, visible)
        self.words.say(self._about() if visible else "")

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the numbers of a PSF; the pixel size only where the image has none."""
        optics = MicroscopePSF.of_record(record).optics
        self.microscope.value = optics.microscope
        self.aperture.value = optics.numerical_aperture
        self.immersion.value = optics.refractive_index or USUAL
        self.waves.restore(optics.emission, optics.excitation)
        self.pinhole.value = optics.pinhole
        self.sheet.value = optics.sheet or 0.0
        spacing = check.tuple_of(check.positive)(record.get("spacing", ()))
        if spacing and not self.pixel.value:
            self.pixel.value = spacing[-1]
        if len(spacing) == 3 and not self.step.value:
            self.step.value = spacing[0]

    def reset_choices(self) -> None:
        """Nothing here depends on the other layers."""

    def _about(self) -> str:
        parts = [self._filled_in.in_words()]
        if missing := self.missing:
            parts.append(f"Not known: {', '.join(missing)}.")
        others = [x.source.name for k, x in enumerate(self._images) if k and self.missing_of(k)]
        if others and not self.missing_of(0):
            parts.append(f"The blur of {', '.join(others)} is found from the image.")
        if self._images:
            parts += pixel_size_of(self._images[0].source).notes
        return "\n".join(part for part in parts if part)

    def _keep_typed(self, sources: Sequence[Source]) -> None:
        """Keep what was typed for images, or for none."""
        typed = self._filled_in.typed
        self._numbers.keep(sources[0] if sources else None, typed(self._of_image))
        for number in range(max(1, len(sources))):
            source = sources[number] if sources else None
            self._wavelengths.keep(source, typed(self.waves.fields(number)))

    def _put_typed(self, sources: Sequence[Source]) -> None:
        """Put back what was typed for images."""
        if not sources:
            return
        put_back = self._filled_in.put_back
        put_back(self._of_image, self._numbers.of(sources[0]), self._numbers.own(sources[0]))
        for number, source in enumerate(sources):
            kept = self._wavelengths
            put_back(self.waves.fields(number), kept.of(source), kept.own(source))

    def _fill_in(self) -> None:
        """Fill in what was read; what was read for another image does not stay."""
        put, file = self._filled_in.put, "the file"
        known = self._images[0].acquisition if self._images else NOTHING
        put(self.microscope, known.microscope, file)
        put(self.aperture, known.numerical_aperture, file)
        put(self.immersion, immersion_of(known.refractive_index), file)
        put(self.pinhole, known.pinhole, file)
        put(self.sheet, None, "")
        for number in range(len(self.waves.emissions)):
            found = self._images[number].acquisition if number < len(self._images) else None
            put(self.waves.emissions[number], found and found.emission, file)
            put(self.waves.excitations[number], found and found.excitation, file)
        size = pixel_size_of(self._images[0].source) if self._images else PixelSize()
        put(self.pixel, size.lateral, size.origin)
        put(self.step, size.axial, size.origin)

    def _tell(self, *_: object) -> None:
        self.show(self._visible)
        self.changed.emit()


def _key(image: Chosen) -> tuple[object, ...]:
    source = image.source
    return source.layer, [(a.spacing, a.unit) for a in source.axes], image.acquisition
