"""Make blurred sample images for the plugin, without a download."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.gaussian_psf import gaussian_psf

LayerData = tuple[NDArray[Any], dict[str, Any], str]


def blurred_astronaut() -> list[LayerData]:
    """Make the image of the reference recipe.

    Returns
    -------
    list of layer data tuple
        A grey astronaut, 171 x 171 pixels, values 0 to 1, blurred by a Gaussian of sigma 1 pixel
        vertically and 3 pixels horizontally (``gaussian_psf((1, 3), 13)``), with zeros outside the
        frame.
    """
    from skimage.color import rgb2gray
    from skimage.data import astronaut
    from skimage.transform import rescale

    photo = astronaut()  # type: ignore[no-untyped-call]
    sharp = rescale(rgb2gray(photo), 1 / 3, mode="constant", anti_aliasing=False)
    psf = gaussian_psf((1, 3), 13)
    blurred = ndimage.convolve(sharp, psf.astype(float), mode="constant")
    return [_layer(blurred.astype(np.float32), "blurred astronaut", sigma=(1.0, 3.0), size=13)]


def blurred_coffee() -> list[LayerData]:
    """Make a blurred and noisy colour photograph.

    Returns
    -------
    list of layer data tuple
        A cup of coffee in uint8 colours, blurred by a Gaussian of sigma 2 pixels, with light from
        outside the frame and camera noise of 2 grey levels.
    """
    from skimage.data import coffee

    scene = coffee().astype(float)  # type: ignore[no-untyped-call]
    blurred = ndimage.gaussian_filter(scene, (2, 2, 0))[24:-24, 24:-24]
    noisy = blurred + np.random.default_rng(0).normal(0, 2, blurred.shape)
    colours = np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)
    return [_layer(colours, "blurred coffee", sigma=(2.0, 2.0), rgb=True)]


def blurred_cells() -> list[LayerData]:
    """Make a blurred and noisy volume of cells, as a microscope records them.

    Returns
    -------
    list of layer data tuple
        Bright cells with darker nuclei and a few point-like beads in 40 x 128 x 128 voxels
        of 0.4 x 0.2 x 0.2 micrometers, uint16, blurred by a Gaussian of sigma 2 voxels, with photon
        noise.
    """
    rng = np.random.default_rng(0)
    spacing = (0.4, 0.2, 0.2)
    shape = (40, 128, 128)
    zyx = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, spacing)), indexing="ij"))
    scene = np.zeros(shape)
    size = np.multiply(shape, spacing)
    for _ in range(14):
        centre = rng.uniform(0.1, 0.9, 3) * size
        radii = rng.uniform((1.5, 2.0, 2.0), (2.5, 4.0, 4.0))
        outside = ((zyx - centre[:, None, None, None]) / radii[:, None, None, None]) ** 2
        distance = np.sqrt(outside.sum(0))
        scene = np.maximum(scene, 60.0 * (distance < 1) - 35.0 * (distance < 0.5))
    scene[tuple(rng.integers(4, np.array(shape) - 4, (25, 3)).T)] += 6000.0
    photons = rng.poisson(ndimage.gaussian_filter(scene, 2) + 4)
    return [
        _layer(
            (20 * photons).astype(np.uint16),
            "blurred cells",
            sigma=(2.0, 2.0, 2.0),
            scale=spacing,
            units=("micrometer",) * 3,
            axis_labels=("z", "y", "x"),
        )
    ]


def _layer(
    data: NDArray[Any],
    name: str,
    sigma: tuple[float, ...],
    size: int | None = None,
    rgb: bool = False,
    **place: Any,
) -> LayerData:
    """Make a layer data tuple, with the true blur in its metadata."""
    truth = {"sigma in pixels": sigma, "size": size}
    return data, {"name": name, "rgb": rgb, "metadata": {"blur": truth}, **place}, "image"
