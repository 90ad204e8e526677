"""Build the settings of a batch from the options of the command line."""

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
    bead_window: int | None,
    pixel: float | None,
    step: float | None,
    axes: AxesChoice | None,
    method: str | None,
    assignments: tuple[str, ...],
    **given: Any,
) -> Settings:
    """Build settings from the options. Options replace the settings of a file.

    Parameters
    ----------
    settings_file, psf, bead, bead_window, pixel, step, axes, method, assignments, **given
        The options of the command line; None for those that are not given.

    Raises
    ------
    click.UsageError, ValueError, TypeError
        If the options contradict each other, or are out of bounds.
    """
    settings = Settings()
    if settings_file is not None:
        try:
            settings = Settings.from_json(settings_file.read_text("utf-8"))
        except UnicodeDecodeError:
            raise click.UsageError(f"'{settings_file}' is no text file.") from None
    changed: dict[str, Any] = {} if axes is None else {"axes": axes}
    changed["psf"] = _choose_psf_settings(
        settings.psf, psf, bead, bead_window, select_psf_values(given), pixel, step
    )
    options = {name: given[name] for name in parameters_of(LayerOptions) if given[name] is not None}
    changed["options"] = replace(settings.options, **options)
    if method is not None or assignments:
        base = settings.method if method is None else method
        if isinstance(base, str):
            changed["method"] = _build_method(base, assignments)
        else:
            changed["method"] = replace(base, **method_values(type(base), assignments))
    return replace(settings, **changed)


def _build_method(name: str, assignments: tuple[str, ...]) -> Any:
    """Return a method by its name, with the values of ``--set``."""
    if name == "auto":
        if assignments:
            raise click.UsageError("--set needs a method: give --method, too.")
        return "auto"
    method = next(one for one in METHODS if one.__name__ == name)
    return method(**method_values(method, assignments))


def _choose_psf_settings(
    base: PSFSettings,
    kind: str | None,
    bead: Path | None,
    bead_window: int | None,
    numbers: dict[str, Any],
    pixel: float | None,
    step: float | None,
) -> PSFSettings:
    """Return the PSF that the options describe; without such options, the one of `base`."""
    if bead is not None:
        if kind not in (None, LayerPSF.name) or numbers:
            raise click.UsageError(
                "--bead gives the whole PSF: leave out all other options of the PSF."
            )
        return psf_settings_from_record(
            {"kind": LayerPSF.name, "path": str(bead.absolute()), "window": bead_window}
        )
    if bead_window is not None:
        raise click.UsageError("--bead-window needs a picture of beads: --bead FILE.")
    if kind == LayerPSF.name:
        raise click.UsageError("--psf measured needs a picture of beads: --bead FILE.")
    sizes = {"pixel": pixel, "step": step}
    described_kind = kind or find_psf_kind(numbers)
    if described_kind is None:
        return with_numbers(base, {}, **sizes) if pixel or step else base
    check_psf_values(described_kind, numbers)
    if described_kind in (AUTOMATIC, MicroscopePSF.name):
        start = base if isinstance(base, MicroscopeSettings) and kind is None else AUTOMATIC_PSF
        return with_numbers(
            replace(start, estimate_if_incomplete=described_kind == AUTOMATIC), numbers, **sizes
        )
    record: dict[str, Any] = {"kind": described_kind}
    if described_kind == EstimatedPSF.name:
        return psf_settings_from_record(record)
    try:
        return psf_settings_from_record({**record, **numbers_of(described_kind, numbers)})
    except KeyError as missing:
        raise click.UsageError(f"--psf {described_kind} needs --{missing.args[0]}.") from None
