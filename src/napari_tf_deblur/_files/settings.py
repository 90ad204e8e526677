"""What is done with every image of a batch; written into a file, and read from one."""

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
"""What the file says that it is."""

AxesChoice = Literal["auto", "planes", "volume"]
"""Along which axes an image is deblurred."""

AXIS_COUNTS = {"planes": 2, "volume": 3}
"""Deblurred axes of each kind of image. Definition: of these words."""


@dataclass(frozen=True)
class Settings:
    """What is done with every image.

    Attributes
    ----------
    psf : PSFSettings
        Which PSF each image has; by default by what its file says, or else by the image.
    method : Method or "auto"
        What to do; "auto" picks a method from each image.
    options : LayerOptions
        The options of a run.
    axes : {"auto", "planes", "volume"}
        Along which axes: as the file says, each plane by itself, or as a volume.

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
        """Return what is to be done with an image: one job for each channel.

        Raises
        ------
        TypeError, ValueError
            If it cannot be done; says why.
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
        """Return the text of a file of these settings; why there is none, if no file holds them."""
        try:
            return self.as_json()
        except InvalidValueError as error:
            return str(error)

    @property
    def digest(self) -> str:
        """A short name of the settings: those that make another result have another."""
        own = parameters_of(LayerOptions)
        same = {name for name, one in own.items() if options_of(one).get("same_result")}
        record = {name: value for name, value in self.record().items() if name not in same}
        text = json.dumps(record, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read settings from text that may hold anything.

        Raises
        ------
        ValueError
            If it is no settings of this package, or some are not what is ever written; says which.
        """
        try:
            record = json.loads(text[: MAX_TEXT_LENGTH + 1])[METADATA_KEY]
            check.require(record["kind"] == SETTINGS_KIND)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InvalidValueError(
                "The file holds no settings of napari-tf-deblur: copy them by 'Copy settings' in "
                "the dock, and paste them into a file."
            ) from None
        return cls._from_parts(record, record.get("axes", "auto"), record.get("method"))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Take the settings that made a result from its record, which may come out of a file.

        What was left for the image to say is left to each image again.

        Raises
        ------
        ValueError
            If the record lacks something, or holds what no run writes; says what.
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
        found = values.pop("psf")
        try:
            asked = parse_requested_method({"method": method} if method is not None else record)
        except UserError as error:
            raise InvalidValueError(f"The record's 'method' cannot be used: {error}") from None
        except TypeError:
            raise InvalidValueError("The record's 'method' has an entry too many.") from None
        check.require(axes in ("auto", *AXIS_COUNTS))
        return cls(found, asked, replace(LayerOptions(), **values), axes)
