"""Builds the names of results. The method comes last: napari shortens names in the middle."""

from collections.abc import Mapping, Sequence
from typing import Any

from napari_tf_deblur._preparation.layer_options import options_in_short
from napari_tf_deblur.methods import METHODS, Method

Record = Mapping[str, Any]


def format_result_name(
    source: str, method: type[Method] | None = None, settings: Sequence[str] = ()
) -> str:
    """Build the name of a result from its source, its settings and its method.

    Parameters
    ----------
    source : str
        Name of the source.
    method : type of Method, optional
        The method; its short name comes last. It is not known before a run.
    settings : sequence of str
        Settings in words.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> from napari_tf_deblur import TotalVariation
    >>> format_result_name("cells", TotalVariation, ["smoothing x 2"])
    'cells deblurred, smoothing x 2 (TV)'
    """
    end = f" ({method.short_name})" if method else ""
    return ", ".join([f"{source} deblurred", *settings]) + end


def choose_distinct_name(record: Record, others: Sequence[Record]) -> str:
    """Build a name for a result that differs from the names of other results.

    Parameters
    ----------
    record : mapping
        The record of the result.
    others : sequence of mapping
        The records of the other results.

    Returns
    -------
    str
        The name. It contains the settings that differ from those of other results with the same
        source and method.
    """
    method = next(method for method in METHODS if method.__name__ == record["method"]["name"])
    same_name = [
        other for other in others if _get_source_and_method(other) == _get_source_and_method(record)
    ]
    differing = [
        words
        for name, words in list_settings(record).items()
        if any(list_settings(other).get(name) != words for other in same_name)
    ]
    return format_result_name(record["source"], method, differing)


def _get_source_and_method(record: Record) -> tuple[object, object]:
    """Return the names of the source and the method, as the record contains them."""
    method = record.get("method")
    return record.get("source"), method.get("name") if isinstance(method, Mapping) else None


def list_settings(record: Record) -> dict[str, str]:
    """Return each setting of a run in a few words, as far as its record contains them."""
    settings = {**options_in_short(record, _format_value), "blur": _blur(record.get("psf"))}
    request = record.get("asked")
    values = request if isinstance(request, Mapping) else {}
    for name, value in values.items():
        if name != "name":
            settings[str(name)] = f"{_words(name)} {_format_value(value)}"
    settings["method"] = "chosen by hand" if values else "automatic"
    return settings


def _blur(psf: object) -> str:
    """Describe the blur by the numbers in its record; without numbers, by its kind."""
    if not isinstance(psf, Mapping):
        return "another blur"
    optics = psf.get("optics")
    if isinstance(optics, Mapping):
        aperture, emission = (optics.get(name) for name in ("numerical_aperture", "emission"))
        specimen = optics.get("specimen")
        entries = specimen.items() if isinstance(specimen, Mapping) else ()
        described = [f"NA {_format_value(aperture)}", f"{_format_value(emission)} nm"]
        return ", ".join([*described, *(f"{_words(k)} {_format_value(v)}" for k, v in entries)])
    numbers = [name for name in ("sigma", "radius", "length", "angle") if psf.get(name)]
    words = [f"{name} {_format_value(psf[name])}" for name in numbers]
    return " ".join(words) or f"blur {psf.get('layer') or psf.get('kind')}"


def _words(name: object) -> str:
    """Return the name of a setting in words."""
    return str(name).replace("_", " ")


def _format_value(value: object) -> str:
    """Format a value in short; a list as its different values."""
    if isinstance(value, list | tuple):
        return " ".join(dict.fromkeys(map(_format_value, value)))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.3g}" if is_number else str(value)
