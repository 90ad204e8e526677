"""All fields of the dock, and the jobs that they describe."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from magicgui.widgets import CheckBox
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._dock.form import CollapsibleSection, Form, WrappingLabel
from napari_tf_deblur._dock.ignore_fields import IgnoreFields
from napari_tf_deblur._dock.image_fields import NO_IMAGE, ImageFields
from napari_tf_deblur._dock.method_fields import MethodFields
from napari_tf_deblur._dock.option_fields import OptionFields, ValueField
from napari_tf_deblur._dock.psf_fields import PSFFields
from napari_tf_deblur._dock.saturation import SaturationCounter
from napari_tf_deblur._dock.smoothing import SmoothingSlider
from napari_tf_deblur._files.cost import describe_large_jobs
from napari_tf_deblur._files.settings import AxesChoice, Settings
from napari_tf_deblur._large.lazy_arrays import is_lazy
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.masks import prepare_mask
from napari_tf_deblur._layers.origin import Origin
from napari_tf_deblur._layers.record import parse_requested_method
from napari_tf_deblur._layers.source import Source, is_own_layer

PREVIEW_TOOLTIP = (
    "Show what Deblur would make of the visible part of the image, in a layer that follows the "
    "fields and the view"
)


class Fields:
    """All fields of the dock, for the chosen image.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer whose layers are offered.

    Attributes
    ----------
    widget : QWidget
        The widget that holds all fields.
    form : Form
        The form of the fields that most runs need.
    images : ImageFields
        The images, and the axes to deblur.
    pieces : WrappingLabel
        How an image that is larger than memory is cut into pieces, and where its result is written.
    psf : PSFFields
        The PSF.
    methods : MethodFields
        The sample, the method and its parameters.
    smoothing : SmoothingSlider
        The smoothing, relative to the one that is found from the image.
    preview : CheckBox
        Switches the preview on.
    ignore : IgnoreFields
        The pixels to ignore.
    advanced : CollapsibleSection
        Fields that are seldom needed.
    options : OptionFields
        All options of a run, by name.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.widget = QWidget()
        self.form = form = Form()
        self.advanced = CollapsibleSection(
            "Advanced", "The method and its parameters, and the loss curve"
        )
        self.images = ImageFields(viewer, form)
        self.pieces = WrappingLabel()
        form.add_wide(self.pieces)
        self.psf = PSFFields(form, self.advanced.form, self._psf_candidates)
        self.methods = MethodFields(form, self.advanced.form)
        self.smoothing = SmoothingSlider()
        form.add_wide(self.smoothing)
        self.preview = CheckBox(text="Preview", tooltip=PREVIEW_TOOLTIP)
        form.add_wide(self.preview.native)
        self.ignore = IgnoreFields(self._masks)
        existing: dict[str, ValueField] = {
            "smoothing": self.smoothing,
            "ignore_nan": self.ignore.not_a_number,
            "ignore_saturated": self.ignore.saturated,
        }
        self.options = OptionFields(self.advanced.form, existing)
        column = QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (form, self.ignore.section, self.advanced):
            column.addWidget(part)
        column.addStretch(1)
        self.images.changed.connect(self._on_images)
        self.psf.changed.connect(self._describe_axes)
        self.methods.sample.changed.connect(self._on_sample)
        for field in (self.methods.choice, *self.options.widgets):
            field.changed.connect(self._describe_pieces)
        self._saturation = SaturationCounter(self.ignore.show_saturated_count)
        self.images.refresh()

    def source(self) -> Source:
        """Read the chosen image, with the pixel size from the fields.

        Raises
        ------
        ValueError
            If no image is chosen.
        """
        return self.psf.chosen.apply_to(self.images.source())

    def jobs(self) -> list[Job]:
        """Return the jobs that the fields describe, one for each image, in the order of layers.

        Raises
        ------
        TypeError, ValueError
            If a field, or a combination of fields, is invalid.
        """
        chosen = self.images.chosen
        if not chosen:
            raise InvalidValueError(NO_IMAGE)
        mask = self.ignore.mask.value
        jobs = []
        for number, image in enumerate(chosen):
            source = self.psf.chosen.apply_to(image.source, number)
            job = Job(
                source=source,
                psf=self.psf.chosen.psf(number),
                method=self.methods.method(),
                options=self.options.value(),
                mask=None if mask is None else prepare_mask(mask, source),
                mask_origin=Origin.from_layer(mask) if isinstance(mask, Labels) else None,
            )
            job.check()
            jobs.append(job)
        layers = list(self._viewer.layers)
        return sorted(jobs, key=lambda job: layers.index(job.source.layer()))

    def settings(self) -> Settings:
        """Return the settings that the fields describe, for images in files.

        They do not contain the layer that marks pixels to ignore.

        Raises
        ------
        TypeError, ValueError
            If a field, or a combination of fields, is invalid.
        """
        axes: AxesChoice = "auto"
        chosen = self.images.chosen
        if chosen and (self.images.ndim == 3) != chosen[0].source.is_volume:
            axes = "volume" if self.images.ndim == 3 else "planes"  # chosen by the user
        return Settings(self.psf.settings(), self.methods.method(), self.options.value(), axes)

    def restore(self, record: Mapping[str, Any]) -> list[str]:
        """Set the fields to the settings in a record, except the image and the mask layer.

        Parameters
        ----------
        record : mapping
            The record of a result. It may come from a file, so it may be incomplete.

        Returns
        -------
        list of str
            A sentence for each setting that could not be restored, with the reason.
        """
        psf: Any = record.get("psf")
        parts: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Deblur as", lambda: self.images.restore(psf["ndim"])),
            ("Blur", lambda: self.psf.restore(psf)),
            ("Method", lambda: self.methods.restore(parse_requested_method(record))),
            *(
                (label, partial(self.options.restore, name, record))
                for name, label in self.options.labels().items()
            ),
        )
        failures = []
        for label, restore_part in parts:
            try:
                restore_part()
            except UserError as error:
                failures.append(f"'{label}' is not restored: {error}")
            except Exception:  # a record from a file may hold anything
                failures.append(f"'{label}' is not restored: the record does not contain it.")
        return failures

    def select(self, layer: Layer) -> None:
        """Choose the image that the user selects in napari's layer list, unless it is a result."""
        self.images.select(layer)

    def add(self, layer: Layer) -> None:
        """Choose an image that was added, unless the user has chosen another one in the dock."""
        self.images.add(layer)

    def reset_choices(self) -> None:
        """Offer the present layers; chosen layers stay chosen as long as they exist."""
        self.images.reset_choices()
        self.psf.reset_choices()
        self.ignore.mask.reset_choices()
        self.images.refresh()

    def unwatch(self) -> None:
        """Disconnect from the chosen image."""
        self.images.unwatch()
        self._saturation.end()

    def _on_images(self, *_: object) -> None:
        chosen = self.images.chosen
        self.ignore.set_source(chosen[0].source if chosen else None)
        self.psf.set_images(chosen, self.images.ndim)
        self._saturation.choose(chosen[0].source if chosen else None)

    def _on_sample(self, *_: object) -> None:
        sample = self.methods.sample.value
        self.psf.prefer_photograph(getattr(sample, "for_photographs", False))

    def _describe_axes(self) -> None:
        self.images.update_description(self.psf.chosen.ndim)
        self._describe_pieces()

    def _describe_pieces(self, *_: object) -> None:
        """Tell how an image that is larger than memory is deblurred; show nothing for others."""
        text = ""
        try:
            sources = [chosen.source for chosen in self.images.chosen]
            exist = all(source.layer() in self._viewer.layers for source in sources)
            if exist and any(is_lazy(source.data) for source in sources):
                text = describe_large_jobs(self.jobs())
        except UserError as error:
            text = str(error)
        self.pieces.set_message(text)

    def _psf_candidates(self) -> list[Image]:
        return [x for x in self.images.images() if not x.rgb and not is_own_layer(x)]

    def _masks(self) -> Sequence[Layer]:
        return [x for x in self._viewer.layers if isinstance(x, Labels | Shapes)]
