"""Deblur a sample through the API, without a window: what every platform must be able to do.

Exits with an error if a result is not nearer to the truth than the blurred picture.
"""

from __future__ import annotations

import sys

import numpy as np

from napari_tf_deblur import METHODS, GradientDescent, convolve, deconvolve, gaussian_psf


def main() -> str | int:
    rows, columns = np.indices((96, 80))
    truth = (
        100 + 50 * np.sin(rows / 5) * np.cos(columns / 7) + 80 * ((rows // 16 + columns // 16) % 2)
    )
    psf = gaussian_psf((2.0, 1.5))
    blurred = convolve(truth, psf, boundary="reflect")
    blurred += np.random.default_rng(0).normal(0, 1, truth.shape)
    before = np.std(blurred - truth)
    failed = []
    for method in METHODS:
        if method is not GradientDescent:
            after = np.std(deconvolve(blurred, psf, method()).image - truth)
            print(f"{method.__name__}: error {before:.1f} before, {after:.1f} after")
            failed += [method.__name__] * bool(after >= before)
    return f"Not sharper: {', '.join(failed)}." if failed else 0


if __name__ == "__main__":
    sys.exit(main())
