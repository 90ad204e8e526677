"""The settings of a batch: how each image is deblurred. They can be saved to and read from text."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.psf_settings import psf_settings_from_record
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import AUTOMATIC_PSF, PSFSettings
from napari_tf_deblur._layers.record import method_to_dict, parse_requested_method
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._preparation import record_check as check
from napari_tf_deblur._preparation.layer_options import LayerOptions, record_checks
from napari_tf_deblur._storage.record_file import MAX_TEXT_LENGTH, METADATA_KEY
from napari_tf_deblur.methods import Auto, Method

SETTINGS_KIND = "settings"
"""The kind of record that a file of settings holds."""

AxesChoice = Literal["auto", "planes", "volume"]
"""The axes along which an image is deblurred."""

AXIS_COUNTS = {"planes": 2, "volume": 3}
"""Number of deblurred axes for each word. Definition: of these words."""


@dataclass(frozen=True)
class Settings:
    """How each image of a batch is deblurred.

    Attributes
    ----------
    psf : PSFSettings
        The PSF of each image. By default it is computed from the optics in the file; without them,
        from the estimated blur.
    method : Method or "auto"
        The method; "auto" chooses one for each image.
    options : LayerOptions
        The options of a run.
    axes : {"auto", "planes", "volume"}
        Deblurred axes: as the file says, each plane separately, or whole volumes.

    Examples
    --------
    >>> from napari_tf_deblur import RichardsonLucy
    >>> settings = Settings(method=RichardsonLucy(iterations=10))
    >>> Settings.from_json(settings.as_json()) == settings
    True
    """

    psf: PSFSettings = AUTOMATIC_PSF
    method: Method | Auto = "auto"
    options: LayerOptions = field(default_factory=LayerOptions)
    axes: AxesChoice = "auto"

    def jobs(self, picture: FileImage) -> list[Job]:
        """Return the jobs of an image, one for each channel.

        Raises
        ------
        TypeError, ValueError
            If the settings do not fit the image; the message says why.
        """
        parts = picture.parts()
        jobs = []
        for number, layer in enumerate(parts):
            source = read_source(layer)
            ndim = AXIS_COUNTS.get(self.axes) or (3 if source.is_volume else 2)
            ndim = min(ndim, source.ndim)
            sized, psf = self.psf.choose_psf(source, ndim, number, len(parts))
            jobs.append(Job(sized, psf, self.method, self.options))
        return jobs

    def record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        method = self.method
        return {
            "kind": SETTINGS_KIND,
            "psf": self.psf.record(),
            "method": method if isinstance(method, str) else method_to_dict(method),
            "axes": self.axes,
            **self.options.record(),
        }

    def as_json(self) -> str:
        """Write the settings as text, for a file."""
        try:
            return json.dumps({METADATA_KEY: self.record()}, indent=2, allow_nan=False)
        except TypeError:
            raise InvalidValueError(
                "These settings hold a function that was given in Python, which no file can hold."
            ) from None

    def to_text(self) -> str:
        """Return the settings as text for a file, or the reason why they cannot be saved."""
        try:
            return self.as_json()
        except InvalidValueError as error:
            return str(error)

    @property
    def digest(self) -> str:
        """A short hash of all settings that change the result."""
        parameters = parameters_of(LayerOptions)
        omitted = {name for name, one in parameters.items() if options_of(one).get("same_result")}
        record = {name: value for name, value in self.record().items() if name not in omitted}
        text = json.dumps(record, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read settings from the text of a file, which may hold anything.

        Raises
        ------
        ValueError
            If the text holds no settings of this package, or one of them is invalid; the message
            says which.
        """
        try:
            record = json.loads(text[: MAX_TEXT_LENGTH + 1])[METADATA_KEY]
            check.require(record["kind"] == SETTINGS_KIND)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InvalidValueError(
                "The file holds no settings of napari-tf-deblur: copy them with 'Copy settings' in "
                "the dock, and paste them into a file."
            ) from None
        return cls._from_parts(record, record.get("axes", "auto"), record.get("method"))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read the settings of a result from its record, which may come from a file.

        Parameters that were "auto" stay "auto", so that each image determines its own values.

        Raises
        ------
        ValueError
            If an entry is missing or invalid; the message says which.
        """
        psf: Any = record.get("psf")
        ndim = psf.get("ndim") if isinstance(psf, Mapping) else None
        axes: dict[Any, AxesChoice] = {2: "planes", 3: "volume"}
        return cls._from_parts(record, axes.get(ndim, "auto"), None)

    @classmethod
    def _from_parts(cls, record: Mapping[str, Any], axes: Any, method: Any) -> Self:
        def psf(value: Any) -> PSFSettings:
            check.require(isinstance(value, Mapping))
            try:
                return psf_settings_from_record(value)
            except KeyError as missing:
                raise InvalidValueError(f"{missing} is missing.") from None

        options = record_checks()
        values = check.table(record, {"psf": psf, **options}, optional=tuple(options))
        psf_settings = values.pop("psf")
        try:
            requested = parse_requested_method({"method": method} if method is not None else record)
        except UserError as error:
            raise InvalidValueError(f"The record's 'method' cannot be used: {error}") from None
        except TypeError:
            raise InvalidValueError("The record's 'method' has an unknown entry.") from None
        check.require(axes in ("auto", *AXIS_COUNTS))
        return cls(psf_settings, requested, replace(LayerOptions(), **values), axes)
