"""The result of a run: the image, and what the run says of it."""

from dataclasses import dataclass, field

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array, Float64Array
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
        The deblurred image, in the shape and intensity units of the source.
    residual : ndarray of float32
        The source less the result blurred again, in intensity units. It should look like noise. It
        is 0 at ignored pixels, and in planes that were not deblurred. If there are `plane_factors`,
        they act after the blur.
    loss_history : ndarray of float32
        The objective at each iteration, for intensities scaled to a range of 1. It is the sum over
        planes that are solved one after another. With a PSF that varies it is, as `iterations`,
        that of the run with the PSF of the middle.
    iterations : int
        Number of iterations.
    converged : bool
        Whether the image stopped changing before the iterations ran out. It is always False for
        methods with a fixed number of iterations.
    calibration : Calibration
        What was estimated from the image. Pass it to :func:`deconvolve` in place of a method to
        deblur a part of the image, or a similar image, in the same way.
    blur : BlurEstimate or None
        The estimated blur from which the PSF was made; None if a PSF was given.
    seconds : float
        Duration in seconds, without the start of TensorFlow.
    verdict : Verdict
        Whether the result can be believed, and what is known of the PSF. ``str(verdict)`` says so
        in sentences.
    warnings : tuple of Notice
        What the user should know about the result: sentences, each with a `kind`.
    pieces : str
        The size of the pieces and the places of the samples, or the number of tiles, in sentences;
        empty if the image was deblurred as a whole.
    uncertainty : ndarray of float32 or None
        Standard deviation, at each pixel of `image`, of what the noise of the source does to it, in
        intensity units; in the shape of `residual`. It contains noise only: neither the bias of the
        method, which smooths detail away, nor the error of a wrong PSF. It is 0 in planes that were
        not deblurred. None if it was not asked for, or if the run was stopped.
    plane_factors : ndarray of float64 or None
        The brightness of the planes of each volume, by which the image was divided and the result
        multiplied: the leading axes of the image, then the planes. None if all planes counted as
        equally bright: see ``plane_brightness`` of :func:`deconvolve`.
    global_values : GlobalValues or None
        Values that depend on all pixels. A calibration that holds them makes pieces agree with the
        whole image.
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
    uncertainty: Float32Array | None = field(default=None, repr=False)
    plane_factors: Float64Array | None = None
    global_values: GlobalValues | None = field(default=None, repr=False)

    @property
    def method(self) -> Method:
        """The method, with all values that were used."""
        return self.calibration.method

    @property
    def background(self) -> float:
        """The background that was subtracted from the image, in intensity units."""
        return self.method.offset

    @property
    def background_error(self) -> float | None:
        """The error of `background`, see :class:`Calibration`; None if it was not estimated."""
        return self.calibration.background_error

    @property
    def reason(self) -> str:
        """Why the method was chosen; empty if it was given."""
        return self.calibration.reason
