"""The settings that a command line asks for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from napari_tf_deblur._core.parameters import parameters_of
from napari_tf_deblur._files.command_options import (
    check_psf_values,
    find_psf_kind,
    method_values,
    numbers_of,
    select_psf_values,
)
from napari_tf_deblur._files.psf_settings import psf_settings_from_record, with_numbers
from napari_tf_deblur._files.settings import AxesChoice, Settings
from napari_tf_deblur._layers.psf_kinds import (
    AUTOMATIC,
    AUTOMATIC_PSF,
    EstimatedPSF,
    LayerPSF,
    MicroscopePSF,
    MicroscopeSettings,
    PSFSettings,
)
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur.methods import METHODS


def build_settings(
    settings_file: Path | None,
    psf: str | None,
    bead: Path | None,
    pixel: float | None,
    step: float | None,
    axes: AxesChoice | None,
    method: str | None,
    assignments: tuple[str, ...],
    **given: Any,
) -> Settings:
    """Make settings of the options; those of a file are changed by what else is given.

    Parameters
    ----------
    settings_file, psf, bead, pixel, step, axes, method, assignments, **given
        As the command line has them; None is what is not given.

    Raises
    ------
    click.UsageError, ValueError, TypeError
        If they do not go together, or are out of bounds.
    """
    settings = Settings()
    if settings_file is not None:
        try:
            settings = Settings.from_json(settings_file.read_text("utf-8"))
        except UnicodeDecodeError:
            raise click.UsageError(f"'{settings_file}' is no text file.") from None
    changed: dict[str, Any] = {} if axes is None else {"axes": axes}
    changed["psf"] = _choose_psf_settings(
        settings.psf, psf, bead, select_psf_values(given), pixel, step
    )
    told = {name: given[name] for name in parameters_of(LayerOptions) if given[name] is not None}
    changed["options"] = replace(settings.options, **told)
    if method is not None or assignments:
        known = settings.method if method is None else method
        if isinstance(known, str):
            changed["method"] = _build_method(known, assignments)
        else:
            changed["method"] = replace(known, **method_values(type(known), assignments))
    return replace(settings, **changed)


def _build_method(name: str, assignments: tuple[str, ...]) -> Any:
    if name == "auto":
        if assignments:
            raise click.UsageError("--set needs a method: give --method, too.")
        return "auto"
    found = next(one for one in METHODS if one.__name__ == name)
    return found(**method_values(found, assignments))


def _choose_psf_settings(
    known: PSFSettings,
    kind: str | None,
    bead: Path | None,
    numbers: dict[str, Any],
    pixel: float | None,
    step: float | None,
) -> PSFSettings:
    """The PSF that is given; the known one where nothing is."""
    if bead is not None:
        if kind not in (None, LayerPSF.name) or numbers:
            raise click.UsageError("--bead shows the PSF: give nothing else of it.")
        return psf_settings_from_record({"kind": LayerPSF.name, "path": str(bead.absolute())})
    if kind == LayerPSF.name:
        raise click.UsageError("--psf measured needs a picture of beads: --bead FILE.")
    sizes = {"pixel": pixel, "step": step}
    optical = (AUTOMATIC, MicroscopePSF.name)
    kind_given = kind or find_psf_kind(numbers)
    if kind_given is None:
        return with_numbers(known, {}, **sizes) if pixel or step else known
    check_psf_values(kind_given, numbers)
    if kind_given in optical:
        begun = known if isinstance(known, MicroscopeSettings) and kind is None else AUTOMATIC_PSF
        return with_numbers(
            replace(begun, estimate_if_incomplete=kind_given == AUTOMATIC), numbers, **sizes
        )
    if kind_given == EstimatedPSF.name:
        return psf_settings_from_record({"kind": kind_given})
    try:
        return psf_settings_from_record({"kind": kind_given, **numbers_of(kind_given, numbers)})
    except KeyError as missing:
        raise click.UsageError(f"--psf {kind_given} needs --{missing.args[0]}.") from None
