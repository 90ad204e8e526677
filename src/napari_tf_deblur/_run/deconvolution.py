"""The result of a run."""

from dataclasses import dataclass, field

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._run.verdict import UNKNOWN_VERDICT, Verdict
from napari_tf_deblur.methods import Method


@dataclass(frozen=True)
class Deconvolution:
    """The result of a deconvolution.

    Attributes
    ----------
    image : ndarray of float32
        Same shape and intensity units as the source.
    residual : ndarray of float32
        The source less the result blurred again, in the same units: what the result does not
        explain. Noise and nothing else, if all is well. 0 where nothing was compared: at
        ignored pixels, and in planes that were left as they are.
    loss_history : ndarray of float32
        The objective at each iteration, for intensities scaled to a range of 1; summed
        over planes that are solved one after another.
    iterations : int
        Number of iterations done.
    converged : bool
        Whether the image stopped changing before the iterations ran out. Methods that
        run for a set number of iterations never say so.
    calibration : Calibration
        What was found from the image: give it to :func:`deconvolve` in place of a method,
        and a part of the image, or another one like it, is deblurred alike.
    blur : BlurEstimate or None
        The blur that the PSF was made of, if it was found in an image.
    seconds : float
        Duration, TensorFlow's start not included.
    verdict : Verdict
        Whether to believe the result, and what is known of the PSF; ``str`` of it says so.
    warnings : tuple of Notice
        What the user should know about the result: sentences, each of a `kind`.
    pieces : str
        How it was cut into pieces and where samples were taken, in sentences; empty if it was not.
    global_values : GlobalValues or None
        What the run took from all pixels: in a calibration's place for it, pieces run alike.
    """

    image: Float32Array
    residual: Float32Array
    loss_history: Float32Array
    iterations: int
    converged: bool
    calibration: Calibration
    blur: BlurEstimate | None
    seconds: float
    verdict: Verdict = UNKNOWN_VERDICT
    warnings: tuple[Notice, ...] = ()
    pieces: str = ""
    global_values: GlobalValues | None = field(default=None, repr=False)

    @property
    def method(self) -> Method:
        """The method, with every value that was used."""
        return self.calibration.method

    @property
    def background(self) -> float:
        """What was subtracted before the run and is not in the image, in its units."""
        return self.method.offset

    @property
    def background_error(self) -> float | None:
        """How sure that is: see :class:`Calibration`; None where the image did not say it."""
        return self.calibration.background_error

    @property
    def reason(self) -> str:
        """Why the method was picked, if it was left to the image; else empty."""
        return self.calibration.reason
