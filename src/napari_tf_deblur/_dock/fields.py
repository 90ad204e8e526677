"""The fields of the dock, and the jobs that they describe."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

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


class Fields:
    """Everything that can be set, for the image that is chosen.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer whose layers are offered.

    Attributes
    ----------
    widget : QWidget
        What shows the fields.
    form : Form
        What holds those that most runs need.
    images : ImageFields
        Which images, and along which axes.
    pieces : Words
        How an image that is larger than memory is cut into pieces, and where its result goes.
    psf : PSFFields
        The PSF.
    methods : MethodFields
        The sample, the method and its parameters.
    smoothing : Smoothing
        More or less than suits the image.
    ignore : IgnoreFields
        Pixels to ignore.
    advanced : Fold
        What is seldom needed.
    options : OptionFields
        All options of a run, by name.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.widget = QWidget()
        self.form = form = Form()
        self.advanced = CollapsibleSection(
            "Advanced", "The method and its numbers, and the loss curve"
        )
        self.images = ImageFields(viewer, form)
        self.pieces = WrappingLabel()
        form.add_wide(self.pieces)
        self.psf = PSFFields(form, self.advanced.form, self._psf_candidates)
        self.methods = MethodFields(form, self.advanced.form)
        self.smoothing = SmoothingSlider()
        form.add_wide(self.smoothing)
        self.ignore = IgnoreFields(self._masks)
        own: dict[str, ValueField] = {
            "smoothing": self.smoothing,
            "ignore_nan": self.ignore.not_a_number,
            "ignore_saturated": self.ignore.saturated,
        }
        self.options = OptionFields(self.advanced.form, own)
        column = QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (form, self.ignore.section, self.advanced):
            column.addWidget(part)
        column.addStretch(1)
        self.images.changed.connect(self._fit)
        self.psf.changed.connect(self._describe_axes)
        self.methods.sample.changed.connect(self._suit_sample)
        for field in (self.methods.choice, *self.options.made):
            field.changed.connect(self._describe_pieces)
        self._saturation = SaturationCounter(self.ignore.show_saturated_count)
        self.images.refresh()

    def source(self) -> Source:
        """Read the image that is chosen, as the fields describe it.

        Raises
        ------
        ValueError
            If there is none.
        """
        return self.psf.chosen.apply_to(self.images.source())

    def jobs(self) -> list[Job]:
        """Return what the fields say: one job for each image.

        Raises
        ------
        TypeError, ValueError
            If they say something impossible.
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
        """Return what the fields say for images of files.

        A layer that marks pixels is not among it.

        Raises
        ------
        TypeError, ValueError
            If they say something impossible.
        """
        axes: AxesChoice = "auto"
        chosen = self.images.chosen
        if chosen and (self.images.ndim == 3) != chosen[0].source.is_volume:
            axes = "volume" if self.images.ndim == 3 else "planes"  # as the user has said
        return Settings(self.psf.settings(), self.methods.method(), self.options.value(), axes)

    def restore(self, record: Mapping[str, Any]) -> list[str]:
        """Put back the settings that a record tells, but for the image and a layer of marks.

        Parameters
        ----------
        record : mapping
            Of a result; it may come out of a file.

        Returns
        -------
        list of str
            What could not be put back, and why, in sentences.
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
        missed = []
        for label, put_back in parts:
            try:
                put_back()
            except UserError as error:
                missed.append(f"'{label}' is not put back: {error}")
            except Exception:  # a record that comes out of a file may hold anything
                missed.append(f"'{label}' is not put back: the record does not say it.")
        return missed

    def select(self, layer: Layer) -> None:
        """Choose the image that the user selects in napari's list, unless it was made here."""
        self.images.select(layer)

    def add(self, layer: Layer) -> None:
        """Choose an image that was added, unless the user has chosen another by hand."""
        self.images.add(layer)

    def reset_choices(self) -> None:
        """Offer the layers that there are now; the chosen ones stay while they are there."""
        self.images.reset_choices()
        self.psf.reset_choices()
        self.ignore.mask.reset_choices()
        self.images.refresh()

    def unwatch(self) -> None:
        """Let go of the image that was chosen."""
        self.images.unwatch()
        self._saturation.end()

    def _fit(self, *_: object) -> None:
        chosen = self.images.chosen
        self.ignore.set_source(chosen[0].source if chosen else None)
        self.psf.fit(chosen, self.images.ndim)
        self._saturation.choose(chosen[0].source if chosen else None)

    def _suit_sample(self, *_: object) -> None:
        sample = self.methods.sample.value
        self.psf.prefer_photograph(getattr(sample, "for_photographs", False))

    def _describe_axes(self) -> None:
        self.images.update_description(self.psf.chosen.ndim)
        self._describe_pieces()

    def _describe_pieces(self, *_: object) -> None:
        """Say how an image that is larger than memory is deblurred; nothing of others."""
        words = ""
        try:
            sources = [chosen.source for chosen in self.images.chosen]
            there = all(source.layer() in self._viewer.layers for source in sources)
            if there and any(is_lazy(source.data) for source in sources):
                words = describe_large_jobs(self.jobs())
        except UserError as error:
            words = str(error)
        self.pieces.set_message(words)

    def _psf_candidates(self) -> list[Image]:
        return [x for x in self.images.images() if not x.rgb and not is_own_layer(x)]

    def _masks(self) -> Sequence[Layer]:
        return [x for x in self._viewer.layers if isinstance(x, Labels | Shapes)]
