"""Names of results: source and method stay visible where napari shortens a name in its middle."""

from collections.abc import Mapping, Sequence
from typing import Any

from napari_tf_deblur._preparation.layer_options import options_in_short
from napari_tf_deblur.methods import METHODS, Method

Record = Mapping[str, Any]


def format_result_name(
    source: str, method: type[Method] | None = None, settings: Sequence[str] = ()
) -> str:
    """Name a result after its source and, once they are known, its method and settings.

    Parameters
    ----------
    source : str
        Name of the source.
    method : type of Method, optional
        Its short name comes last.
    settings : sequence of str
        In words.

    Examples
    --------
    >>> from napari_tf_deblur import TotalVariation
    >>> result_name("cells", TotalVariation, ["smoothing x 2"])
    'cells deblurred, smoothing x 2 (TV)'
    """
    end = f" ({method.short_name})" if method else ""
    return ", ".join([f"{source} deblurred", *settings]) + end


def choose_distinct_name(record: Record, others: Sequence[Record]) -> str:
    """Name a result so that it differs from others of the same source by its settings.

    Parameters
    ----------
    record : mapping
        Of the result.
    others : sequence of mapping
        Records of the results that stay.

    Returns
    -------
    str
        With those settings in which it differs from the others that would be called the same.
    """
    method = next(one for one in METHODS if one.__name__ == record["method"]["name"])
    alike = [
        other for other in others if _get_source_and_method(other) == _get_source_and_method(record)
    ]
    own = list_settings(record)
    differing = [
        words
        for name, words in own.items()
        if any(list_settings(other).get(name) != words for other in alike)
    ]
    return format_result_name(record["source"], method, differing)


def _get_source_and_method(record: Record) -> tuple[object, object]:
    method = record.get("method")
    return record.get("source"), method.get("name") if isinstance(method, Mapping) else None


def list_settings(record: Record) -> dict[str, str]:
    """Say each setting of a run in a few words, as far as its record tells."""
    said = {**options_in_short(record, _format_value), "blur": _blur(record.get("psf"))}
    asked = record.get("asked")
    values = asked if isinstance(asked, Mapping) else {}
    for name, value in values.items():
        if name != "name":
            said[str(name)] = f"{str(name).replace('_', ' ')} {_format_value(value)}"
    said["method"] = "chosen by hand" if values else "automatic"
    return said


def _blur(psf: object) -> str:
    """Say the blur by what describes it: the numbers of its record, or its kind."""
    if not isinstance(psf, Mapping):
        return "another blur"
    optics = psf.get("optics")
    if isinstance(optics, Mapping):
        return f"NA {_format_value(optics.get('numerical_aperture'))}, {_format_value(optics.get('emission'))} nm"
    numbers = [name for name in ("sigma", "radius", "length", "angle") if psf.get(name)]
    words = [f"{name} {_format_value(psf[name])}" for name in numbers]
    return " ".join(words) or f"blur {psf.get('layer') or psf.get('kind')}"


def _format_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(dict.fromkeys(map(_format_value, value)))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.3g}" if is_number else str(value)
