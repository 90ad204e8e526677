"""The operator H in TensorFlow: convolution of a scene with a PSF, and its adjoint.

Tensors have the shape (planes, channels, *scene); transforms run over the scene's axes.
"""

from typing import Any

from napari_tf_deblur._tensorflow import tensorflow


def rfft(values: Any, axes: int) -> Any:
    """Half spectrum over the last 1 to 3 axes."""
    signal = tensorflow().signal
    return (signal.rfft, signal.rfft2d, signal.rfft3d)[axes - 1](values)


def irfft(spectrum: Any, shape: tuple[int, ...]) -> Any:
    """Inverse of :func:`rfft`, for real values of a given shape over those axes."""
    signal = tensorflow().signal
    inverse = (signal.irfft, signal.irfft2d, signal.irfft3d)[len(shape) - 1]
    return inverse(spectrum, fft_length=shape)


class Blur:
    """Periodic convolution with a PSF.

    Parameters
    ----------
    scene : tuple of int
        Shape of the scene's grid.
    spectrum : Tensor of complex64
        The optical transfer function: :func:`napari_tf_deblur.forward.transfer_function`.
    """

    def __init__(self, scene: tuple[int, ...], spectrum: Any) -> None:
        self._scene = scene
        self._spectrum = spectrum
        self._conjugate = tensorflow().math.conj(spectrum)

    def forward(self, scene: Any) -> Any:
        """Blur: H x."""
        return self._filter(scene, self._spectrum, self._conjugate)

    def adjoint(self, blurred: Any) -> Any:
        """Correlate with the PSF: H' y."""
        return self._filter(blurred, self._conjugate, self._spectrum)

    def _filter(self, values: Any, spectrum: Any, of_gradient: Any) -> Any:
        """Filter, differentiably in 3D too, where TensorFlow's transforms are not."""

        def apply(x: Any, factor: Any) -> Any:
            return irfft(factor * rfft(x, len(self._scene)), self._scene)

        @tensorflow().custom_gradient  # type: ignore[untyped-decorator]
        def filtered(x: Any) -> tuple[Any, Any]:
            return apply(x, spectrum), lambda upstream: apply(upstream, of_gradient)

        return filtered(values)
