"""The public functions: check the arguments, then deblur at once or piece by piece."""

from collections.abc import Generator
from threading import Event

from napari_tf_deblur._core.parameters import with_arguments_of
from napari_tf_deblur._core.steps import Step, finish
from napari_tf_deblur._large.memory_budget import needs_pieces
from napari_tf_deblur._preparation.arguments import (
    Arguments,
    CalibrationArguments,
    StepArguments,
)
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.weight_search import search_weight
from napari_tf_deblur._run.whole_image import solve


@with_arguments_of(Arguments)
def deconvolve(arguments: Arguments) -> Deconvolution:
    """Undo the blur of a known point spread function.

    Returns
    -------
    Deconvolution
        With the deblurred image in the source's shape and intensity units.

    Raises
    ------
    TypeError
        If image, PSF or method are of the wrong type.
    ValueError
        If image or PSF are not usable, do not fit together, or do not fit into memory.
    ImportError
        If TensorFlow is missing or does not load.

    See Also
    --------
    iter_deconvolve : the same, step by step.
    calibrate : what this finds from an image, to deblur parts of it alike.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(np.eye(32), psf)
    >>> deconvolve(blurred, psf).image.shape
    (32, 32)
    """
    return finish(_deconvolve_steps(arguments))


@with_arguments_of(StepArguments)
def iter_deconvolve(arguments: StepArguments) -> Generator[Step, None, Deconvolution]:
    """Undo the blur of a known PSF, step by step.

    Nothing happens before the first ``next``. Takes what :func:`deconvolve` takes.

    Yields
    ------
    Step
        About ten times a second.

    Returns
    -------
    Deconvolution
        As the generator's return value.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf, iter_deconvolve
    >>> for step in iter_deconvolve(np.eye(32), gaussian_psf(1)):
    ...     fraction = step.fraction
    """
    return (yield from _deconvolve_steps(arguments, arguments.stop))


@with_arguments_of(CalibrationArguments)
def calibrate(arguments: CalibrationArguments) -> Calibration:
    """Find from an image what :func:`deconvolve` would find, and deblur nothing.

    Given to :func:`deconvolve` in place of a method, it makes a tile, a plane or a time point
    come out as in the whole image.

    Returns
    -------
    Calibration
        The scale of intensities, the method with every value filled in and, where no PSF is
        given, the blur that was found.

    Raises
    ------
    TypeError, ValueError
        As :func:`deconvolve`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import calibrate, convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(100 * np.eye(64), psf)
    >>> found = calibrate(blurred, psf)
    >>> deconvolve(blurred[:32, :32], psf, found).calibration == found
    True
    """
    return finish(search_weight(PreparedRun.from_arguments(arguments))).calibration


def _deconvolve_steps(
    arguments: Arguments, stop: Event | None = None
) -> Generator[Step, None, Deconvolution]:
    """Do what the arguments ask for, at once or piece by piece."""
    if needs_pieces(arguments):
        from napari_tf_deblur._large.run import solve_in_pieces

        return (yield from solve_in_pieces(arguments, stop))
    return (yield from solve(arguments, stop))
