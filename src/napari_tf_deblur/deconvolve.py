"""Deconvolve images: the public functions, for whole images and for images in pieces."""

from collections.abc import Generator
from threading import Event

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.parameters import with_arguments_of
from napari_tf_deblur._core.steps import Step, finish
from napari_tf_deblur._core.varying_psf import VaryingPSF
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

NO_UNCERTAINTY_OF_PIECES = (
    "The standard deviations of the result are not available for an image that is deblurred in "
    "pieces or written to a file: crop the image, or leave out 'uncertainty'."
)

NO_UNCERTAINTY_OF_TILES = (
    "The standard deviations of the result are not available with a PSF that varies: leave out "
    "'uncertainty', or use the PSF of one place."
)


@with_arguments_of(Arguments)
def deconvolve(arguments: Arguments) -> Deconvolution:
    """Deblur an image, with a given or an estimated point spread function.

    Returns
    -------
    Deconvolution
        The deblurred image, in the shape and intensity units of the source, with its verdict.

    Raises
    ------
    TypeError
        If image, PSF or method have the wrong type.
    ValueError
        If image or PSF cannot be used, do not fit together, or do not fit into memory.
    ImportError
        If TensorFlow is missing or cannot be loaded.

    See Also
    --------
    iter_deconvolve : The same, step by step.
    calibrate : Estimate everything that is needed to deblur parts of an image in the same way.

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
    """Deblur an image step by step.

    The arguments are those of :func:`deconvolve`. Nothing is done before the first ``next``.

    Yields
    ------
    Step
        The progress, about ten times a second.

    Returns
    -------
    Deconvolution
        The result, as the return value of the generator.

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
    """Estimate all values that :func:`deconvolve` would estimate, without deblurring the image.

    Pass the result to :func:`deconvolve` in place of a method. A tile, a plane or a time point is
    then deblurred in the same way as the whole image.

    Returns
    -------
    Calibration
        The scale of intensities, the method with all its values and, if no PSF is given, the
        estimated blur.

    Raises
    ------
    TypeError, ValueError
        As for :func:`deconvolve`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import calibrate, convolve, deconvolve, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> blurred = convolve(100 * np.eye(64), psf)
    >>> calibration = calibrate(blurred, psf)
    >>> deconvolve(blurred[:32, :32], psf, calibration).calibration == calibration
    True
    """
    if isinstance(arguments.psf, VaryingPSF):
        from napari_tf_deblur._large.varying_run import calibrate_varying

        return calibrate_varying(arguments)
    return finish(search_weight(PreparedRun.from_arguments(arguments))).calibration


def _deconvolve_steps(
    arguments: Arguments, stop: Event | None = None
) -> Generator[Step, None, Deconvolution]:
    """Deblur the image as a whole, or in pieces if it is large or its PSF varies."""
    if isinstance(arguments.psf, VaryingPSF):
        if arguments.uncertainty:
            raise InvalidValueError(NO_UNCERTAINTY_OF_TILES)
        from napari_tf_deblur._large.varying_run import solve_varying

        return (yield from solve_varying(arguments, stop))
    if needs_pieces(arguments):
        if arguments.uncertainty:
            raise InvalidValueError(NO_UNCERTAINTY_OF_PIECES)
        from napari_tf_deblur._large.run import solve_in_pieces

        return (yield from solve_in_pieces(arguments, stop))
    return (yield from solve(arguments, stop))
