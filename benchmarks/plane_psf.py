"""Compare the diffraction PSF and a Gaussian of its width for planes of microscopes.

    python benchmarks/plane_psf.py

Planes are blurred with a diffraction PSF that reaches farther than that of the dock, and deblurred
with it, with the PSF that `microscope_psf` makes without a shape, and with a Gaussian. No test and
no other benchmark uses these scenes.
"""

import warnings

import numpy as np
from further import leaves
from metrics import psnr
from scenes import filaments, nuclei
from scipy.signal import fftconvolve

from napari_tf_deblur import deconvolve, gaussian_psf, microscope_psf, microscope_sigma
from napari_tf_deblur._optics.microscope import pixel_sigma

ROOM, FRAME, BACKGROUND = 360, 300, 10.0

MICROSCOPES = (
    (0.5, 1.0, 160.0, "widefield"),
    (0.8, 1.0, 100.0, "widefield"),
    (1.4, 1.515, 65.0, "widefield"),
    (1.4, 1.515, 100.0, "widefield"),
    (1.2, 1.33, 65.0, "confocal"),
)
"""Numerical aperture, refractive index, pixel size in nanometres, kind."""


def main() -> None:
    scenes = {
        "filaments": filaments((8, ROOM, ROOM), seed=81).max(0),
        "nuclei": nuclei((64, ROOM, ROOM), seed=82)[32],
        "leaves": leaves(ROOM, 83)[:ROOM, :ROOM],
    }
    window = np.s_[(ROOM - FRAME) // 2 : (ROOM + FRAME) // 2]
    print("| microscope | scene, photons | image | true PSF | diffraction PSF | Gaussian |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for aperture, index, pixel, kind in MICROSCOPES:
        optics = {"refractive_index": index, "microscope": kind}
        size = {"spacing": (pixel, pixel)}
        far = microscope_psf(aperture, 520, **size, shape=(61, 61), **optics)
        near = microscope_psf(aperture, 520, **size, within=(FRAME, FRAME), **optics)
        sigma = microscope_sigma(aperture, 520, **optics)[1:]
        psfs = (far, near, gaussian_psf(pixel_sigma(sigma, (pixel, pixel))))
        for name, scene in scenes.items():
            light = fftconvolve(scene, far.astype(np.float64), mode="same")[window, window]
            for photons in (100, 1000):
                factor = photons / light.max()
                truth = scene[window, window] * factor
                mean = np.maximum(light * factor, 0) + BACKGROUND
                image = np.random.default_rng(photons).poisson(mean).astype(np.float32)
                cells = [f"{psnr(image - BACKGROUND, truth, truth.max()):.2f}"]
                for psf in psfs:
                    run = deconvolve(image, psf)
                    values = run.image + run.method.offset - BACKGROUND
                    cells.append(f"{psnr(values, truth, truth.max()):.2f}, {run.verdict.kind}")
                words = f"{kind}, NA {aperture:g}, {pixel:g} nm | {name}, {photons}"
                print(f"| {words} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
