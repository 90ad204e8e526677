"""Blur scenes in TensorFlow: the operator H, a convolution with a PSF, and its adjoint.

Tensors have the shape (planes, channels, *scene). Transforms run over the axes of the scene.
"""

from functools import lru_cache
from typing import Any

from napari_tf_deblur._solvers.load import fused, tensorflow


def rfft(values: Any, axes: int) -> Any:
    """Return the half spectrum over the last `axes` axes, 1 to 3."""
    signal = tensorflow().signal
    return (signal.rfft, signal.rfft2d, signal.rfft3d)[axes - 1](values)


def irfft(spectrum: Any, shape: tuple[int, ...]) -> Any:
    """Invert :func:`rfft`: return real values of the given shape over the last axes."""
    signal = tensorflow().signal
    inverse = (signal.irfft, signal.irfft2d, signal.irfft3d)[len(shape) - 1]
    return inverse(spectrum, fft_length=shape)


class BlurOperator:
    """Periodic convolution with a PSF.

    Parameters
    ----------
    scene : tuple of int
        Shape of the grid of the scene.
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum:
        :func:`napari_tf_deblur._core.forward.transfer_function`.
    """

    def __init__(self, scene: tuple[int, ...], spectrum: Any) -> None:
        self._scene = scene
        self._spectrum = spectrum
        self._times, self._times_conjugate = _products()

    def forward(self, scene: Any) -> Any:
        """Blur a scene: return H x."""
        return self._filter(scene, self._times, self._times_conjugate)

    def adjoint(self, blurred: Any) -> Any:
        """Correlate an image with the PSF: return H' y."""
        return self._filter(blurred, self._times_conjugate, self._times)

    def _filter(self, values: Any, product: Any, gradient_product: Any) -> Any:
        """Filter with a gradient of its own: TensorFlow has none for its transforms in 3D."""

        def apply(x: Any, product: Any) -> Any:
            return irfft(product(self._spectrum, rfft(x, len(self._scene))), self._scene)

        @tensorflow().custom_gradient  # type: ignore[untyped-decorator]
        def filtered(x: Any) -> tuple[Any, Any]:
            return apply(x, product), lambda upstream: apply(upstream, gradient_product)

        return filtered(values)


@lru_cache(maxsize=1)
def _products() -> tuple[Any, Any]:
    """Compile the product of two spectra, and that with the conjugate of the first."""
    conjugate = tensorflow().math.conj
    return fused(lambda s, x: s * x), fused(lambda s, x: conjugate(s) * x)
