"""Repeat the reference recipe, and print its losses beside the published ones.

    python examples/reference_recipe.py

Plain gradient descent on ``sqrt(l2(Hx - y)) + 0.2 sqrt(l2(differences of x))``, with a
learning rate of 0.5 and 500 steps from random noise, on scikit-image's astronaut blurred by a
Gaussian of sigma 1 and 3 pixels. Then the same picture by the other methods.
"""

from __future__ import annotations

import numpy as np
from skimage.color import rgb2gray
from skimage.data import astronaut
from skimage.transform import rescale

from napari_tf_deblur import (
    GradientDescent,
    RichardsonLucy,
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
)

PUBLISHED = {1: 65.5996, 2: 65.3099, 102: 37.6846, 202: 14.9893, 302: 3.0613, 402: 2.2865}


def peak_signal_to_noise(image: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in decibels, for a truth between 0 and 1."""
    return float(-10 * np.log10(np.mean((image - truth) ** 2)))


def main() -> None:
    grey = rgb2gray(astronaut())
    truth = rescale(grey, 1 / 3, mode="constant", anti_aliasing=False)
    psf = gaussian_psf((1, 3), 13)
    blurred = convolve(truth, psf, boundary="zero")

    recipe = deconvolve(blurred, psf, GradientDescent(), boundary="zero")
    print("| evaluation | published | here | difference |")
    print("|---:|---:|---:|---:|")
    for evaluation, published in PUBLISHED.items():
        loss = recipe.loss_history[evaluation - 1]
        difference = 100 * (loss / published - 1)
        print(f"| {evaluation} | {published:.4f} | {loss:.4f} | {difference:+.2f} % |")

    print("\n| method | iterations | PSNR |")
    print("|---|---:|---:|")
    print(f"| blurred | | {peak_signal_to_noise(blurred, truth):.2f} dB |")
    others = (GradientDescent(optimizer="lbfgs"), TotalVariation(), RichardsonLucy())
    results = [recipe, *(deconvolve(blurred, psf, m, boundary="zero") for m in others)]
    for result in results:
        name = type(result.method).__name__
        if isinstance(result.method, GradientDescent):
            name += f"(optimizer={result.method.optimizer!r})"
        psnr = peak_signal_to_noise(result.image, truth)
        print(f"| `{name}` | {result.iterations} | {psnr:.2f} dB |")


if __name__ == "__main__":
    main()
