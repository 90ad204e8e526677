"""The operator H in TensorFlow: convolution of a scene with a PSF, and its adjoint.

Tensors have the shape (planes, channels, *scene); transforms run over the scene's axes.
"""

from functools import lru_cache
from typing import Any

from napari_tf_deblur._solvers.load import fused, tensorflow


def rfft(values: Any, axes: int) -> Any:
    """Half spectrum over the last 1 to 3 axes."""
    signal = tensorflow().signal
    return (signal.rfft, signal.rfft2d, signal.rfft3d)[axes - 1](values)


def irfft(spectrum: Any, shape: tuple[int, ...]) -> Any:
    """Inverse of :func:`rfft`, for real values of a given shape over those axes."""
    signal = tensorflow().signal
    inverse = (signal.irfft, signal.irfft2d, signal.irfft3d)[len(shape) - 1]
    return inverse(spectrum, fft_length=shape)


class BlurOperator:
    """Periodic convolution with a PSF.

    Parameters
    ----------
    scene : tuple of int
        Shape of the scene's grid.
    spectrum : Tensor of complex64
        The optical transfer function: :func:`napari_tf_deblur._core.forward.transfer_function`.
    """

    def __init__(self, scene: tuple[int, ...], spectrum: Any) -> None:
        self._scene = scene
        self._spectrum = spectrum
        self._times, self._times_conjugate = _products()

    def forward(self, scene: Any) -> Any:
        """Blur: H x."""
        return self._filter(scene, self._times, self._times_conjugate)

    def adjoint(self, blurred: Any) -> Any:
        """Correlate with the PSF: H' y."""
        return self._filter(blurred, self._times_conjugate, self._times)

    def _filter(self, values: Any, product: Any, of_gradient: Any) -> Any:
        """Filter, differentiably in 3D too, where TensorFlow's transforms are not."""

        def apply(x: Any, product: Any) -> Any:
            return irfft(product(self._spectrum, rfft(x, len(self._scene))), self._scene)

        @tensorflow().custom_gradient  # type: ignore[untyped-decorator]
        def filtered(x: Any) -> tuple[Any, Any]:
            return apply(x, product), lambda upstream: apply(upstream, of_gradient)

        return filtered(values)


@lru_cache(maxsize=1)
def _products() -> tuple[Any, Any]:
    """A spectrum's product with another, and that of its conjugate."""
    conjugate = tensorflow().math.conj
    return fused(lambda s, x: s * x), fused(lambda s, x: conjugate(s) * x)
