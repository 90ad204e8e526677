"""The command ``napari-tf-deblur``, which deblurs files and folders from the command line."""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from threading import Event
from typing import Any, get_args

import click

from napari_tf_deblur import __version__
from napari_tf_deblur._beads.bead_windows import MIN_WINDOW_SIDE
from napari_tf_deblur._core.durations import format_duration
from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._files.batch import run_batch
from napari_tf_deblur._files.batch_options import BatchOptions, BatchStep
from napari_tf_deblur._files.command_options import (
    METHOD_NAMES,
    PSF_KINDS,
    add_psf_options,
    add_run_options,
    describe_methods,
)
from napari_tf_deblur._files.command_settings import build_settings
from napari_tf_deblur._files.cost import START_SECONDS
from napari_tf_deblur._files.saving import FormatName
from napari_tf_deblur._files.settings import AxesChoice, Settings
from napari_tf_deblur._files.table import BatchTable, Row

EXIT_FAILED = 1
"""Exit status if some files have no result. Definition: 0 means that all have one, and 2 means
wrong usage, as in argparse."""


@click.command(epilog=describe_methods(), context_settings={"max_content_width": 100})
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results, of summary.csv and of report.html; created if it does not exist.",
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with settings that were copied in the dock. Other options replace single settings.",
)
@click.option(
    "--psf",
    type=click.Choice(PSF_KINDS),
    help="Kind of PSF. [default: computed from the optics that are given or in the file; without "
    "them, from the blur that is estimated from each image]",
)
@add_psf_options
@click.option(
    "--bead",
    type=click.Path(exists=True, path_type=Path),
    help="Picture of beads, from which the PSF is measured (--psf measured).",
)
@click.option(
    "--bead-window",
    type=click.IntRange(min=MIN_WINDOW_SIDE),
    help="Side, in pixels, of a square that holds one bead, if beads are not single round spots "
    "(double helix, biplane).",
)
@click.option("--pixel-size", "pixel", type=float, help="Size of a pixel in nanometres.")
@click.option("--z-step", "step", type=float, help="Distance between planes in nanometres.")
@click.option(
    "--axes",
    type=click.Choice(get_args(AxesChoice)),
    help="Deblur each plane separately, or whole volumes. [default: as the file says]",
)
@click.option("--method", type=click.Choice(METHOD_NAMES), help="The method. [default: auto]")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter of the method, such as --set weight=0.001; can be used several times.",
)
@add_run_options
@click.option(
    "--format",
    "file_format",
    type=click.Choice(get_args(FormatName)),
    default="ome-tiff",
    show_default=True,
    help="Format of the results.",
)
@click.option("--max-projection", is_flag=True, help="Save the maximum of volumes along z, too.")
@click.option(
    "--resume",
    is_flag=True,
    help="Keep results that were made from the same file with the same settings.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only list what would be done, with estimates of time and memory.",
)
@click.option("--reader", help="Name of the napari plugin that reads the files.")
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context, /, inputs: tuple[str, ...], output: Path, **given: Any) -> None:
    """Deblur images: files, folders, patterns such as "*.tif", OME-Zarr.

    Files are opened by the readers that are installed for napari. Pixel size and optics are read
    from the files. Wavelengths can be given for each channel: --emission 520,610.
    """
    options = BatchOptions(**{field.name: given.pop(field.name) for field in fields(BatchOptions)})
    try:
        settings = build_settings(**given)
        with _stop_on_interrupt() as stop:
            table = _run_and_report(inputs, output, settings, options, stop)
    except UserError as error:
        raise click.UsageError(str(error)) from None
    click.echo(table.summarize())
    if options.dry_run:
        seconds = START_SECONDS + sum(row.seconds for row in table.rows)
        most = max((row.gigabytes for row in table.rows), default=0.0)
        click.echo(f"In all {format_duration(seconds)}, at most about {most:.1f} GB of memory.")
    else:
        click.echo(f"{table.summary}\n{table.report}")
    ctx.exit(0 if table.has_all_results else EXIT_FAILED)


@contextmanager
def _stop_on_interrupt() -> Iterator[Event]:
    """Make Ctrl-C end the batch after its current step; a second Ctrl-C ends it at once."""
    stop = Event()

    def on_interrupt(_number: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("Stopping after this step. Finished results stay.", err=True)

    try:
        previous = signal.signal(signal.SIGINT, on_interrupt)
    except ValueError:  # not in the main thread
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


def _run_and_report(
    inputs: tuple[str, ...], output: Path, settings: Settings, options: BatchOptions, stop: Event
) -> BatchTable:
    """Run the batch, and print a line for each image."""
    steps = run_batch(inputs, output, settings, options, stop)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            _clear_line()
            table: BatchTable = end.value
            return table
        if step.row is None:
            _show(step)
        else:
            _clear_line()
            click.echo(_format_row(step, step.row), err=not step.row.is_success)


def _format_row(step: BatchStep, row: Row) -> str:
    """Return the line that is printed for a finished image."""
    image = f", {row.image}" if row.image else ""
    parts = [f"{step.number}/{step.count} {row.file}{image}: {row.status}"]
    if row.status == "planned":
        parts.append(
            f"as {row.result}, {row.shape}, {format_duration(row.seconds)}, "
            f"{row.gigabytes:.1f} GB, {row.blur}."
        )
    elif row.status == "done":
        parts.append(f"in {row.seconds:.1f} s as {row.result}. {row.sentence}")
    else:
        parts[0] += ":"
        parts.append(row.sentence)
    return " ".join((*parts, *row.warnings))


def _show(step: BatchStep) -> None:
    """Show the progress on one line of a terminal, which is overwritten each time."""
    if not sys.stderr.isatty():
        return
    left = step.seconds_left
    ends = "" if left is None else f", {format_duration(left)} left"
    text = f"{step.number}/{step.count} {step.file.name}: {step.message}, {step.fraction:.0%}{ends}"
    width = shutil.get_terminal_size().columns - 1
    click.echo(f"\r{text[:width]:<{width}}", nl=False, err=True)


def _clear_line() -> None:
    """Clear the line of the progress."""
    if sys.stderr.isatty():
        click.echo(f"\r{'':<{shutil.get_terminal_size().columns - 1}}\r", nl=False, err=True)


if __name__ == "__main__":
    main()
