"""Declare the options of a run on a layer, and write options in words and as arguments."""

# No "from __future__ import annotations": magicgui would lose the bounds.
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Self

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.parameters import check_value, options_of, parameters_of
from napari_tf_deblur._preparation.record_check import Check
from napari_tf_deblur._preparation.run_options import RunOptions


@dataclass(frozen=True, kw_only=True)
class LayerOptions(RunOptions):
    """Options of a run on a layer: of :func:`napari_tf_deblur.deblur_layer`.

    Parameters
    ----------
    ignore_nan : bool, optional
        Ignore pixels that are NaN or infinite instead of refusing them.
    ignore_saturated : bool, optional
        Ignore pixels that have the largest value of the camera.
    skew_angle : float, optional
        For a raw light-sheet stack: angle in degrees between the direction of the scan and the
        planes of the camera. Planes are shifted towards larger rows; towards smaller ones if it is
        negative. The PSF of a microscope, and a Gaussian, are then made in the coordinates of the
        stack. 0: what the transform of the layer says (its shear). 90: the stack is not skewed.
    varying_psf : bool, optional
        Use several PSFs, in overlapping tiles: of a microscope, in a volume whose mounting medium
        has another refractive index than the immersion, a PSF for each depth; of a picture of beads
        that shows the same field as the image, a PSF for each part of the field. It takes several
        times as long.

    Examples
    --------
    >>> LayerOptions(smoothing=2.0).record()["smoothing"]
    2.0
    """

    ignore_nan: Annotated[bool, {"label": "NaN and infinite pixels"}] = False
    ignore_saturated: Annotated[
        bool,
        {
            "label": "Saturated pixels",
            "in_name": {True: "saturated ignored", False: "all pixels"},
            "in_words": "Saturated pixels ignored",
        },
    ] = False
    skew_angle: Annotated[
        float,
        {
            "min": -90.0,
            "max": 90.0,
            "step": 1.0,
            "meaning": "degrees between the scan and the planes of a raw light-sheet stack; 0 is "
            "what the layer says",
            "label": "Skew of the stack (°)",
            "in_name": "skew {}°",
            "in_words": "Skewed stack, {:.3g}°",
        },
    ] = 0.0
    varying_psf: Annotated[
        bool,
        {
            "label": "Varying PSF",
            "in_name": {True: "varying PSF", False: "one PSF"},
            "in_words": "A PSF that varies",
        },
    ] = False

    @classmethod
    def from_object(cls, values: Any) -> Self:
        """Read the options from the attributes of an object."""
        return cls(**{field.name: getattr(values, field.name) for field in fields(cls)})

    def run_arguments(self) -> dict[str, Any]:
        """Return the options that :func:`napari_tf_deblur.deconvolve` takes, by name."""
        return {field.name: getattr(self, field.name) for field in fields(RunOptions)}

    def record(self) -> dict[str, Any]:
        """Return all options by name, as they are recorded."""
        return asdict(self)


def record_checks() -> dict[str, Check]:
    """Return for each option a function that checks its value in a record from a file."""
    return {
        name: _make_check(annotation) for name, annotation in parameters_of(LayerOptions).items()
    }


def format_run_arguments(options: Mapping[str, Any], declaration: type[RunOptions]) -> list[str]:
    """Write options as arguments of a call; leave out those that the method's values contain.

    Parameters
    ----------
    options : mapping
        Checked values by name.
    declaration : type
        Declaration of the options that the called function has.
    """
    names = (
        name
        for name, annotation in parameters_of(declaration).items()
        if not options_of(annotation).get("in_method")
        and options[name] is not False
        and options[name] != ""
    )
    return [f"{name}={options[name]!r}" for name in names]


def options_in_short(
    record: Mapping[str, Any], number: Callable[[object], str] = str
) -> dict[str, str]:
    """Return short words for options of a record, for the name of a result.

    Options without ``in_name`` in their declaration are left out.

    Parameters
    ----------
    record : mapping
        Record of a run; it may come from a file. Options that it lacks have their default.
    number : callable, optional
        Function that writes a value.
    """
    words_by_name = {}
    for name, annotation in parameters_of(LayerOptions).items():
        words = options_of(annotation).get("in_name")
        value = record.get(name, getattr(_DEFAULTS, name))
        if isinstance(words, str):
            words_by_name[name] = words.format(number(value))
        elif words:
            words_by_name[name] = words[value is True]
    return words_by_name


def options_in_words(record: Mapping[str, Any]) -> list[str]:
    """Return sentences for options that differ from their defaults and declare ``in_words``."""
    sentences = []
    for name, annotation in parameters_of(LayerOptions).items():
        words, value = options_of(annotation).get("in_words"), record.get(name)
        try:
            check_value(name, value, annotation)
        except UserError:  # the record may come from a file
            continue
        if words and value != getattr(_DEFAULTS, name):
            sentences.append(words.format(value))
    return sentences


_DEFAULTS = LayerOptions()


def _make_check(annotation: Any) -> Check:
    def checked(value: Any) -> Any:
        check_value("The option", value, annotation)
        return tuple(value) if isinstance(value, list) else value

    return checked
