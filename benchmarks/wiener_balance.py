"""Choose the least balance of the Wiener filter.

    python benchmarks/wiener_balance.py

Pictures of ``blur_choices.py``, which neither tests nor results use, are blurred, and deblurred by
`Wiener()` with its balance found; so are two volumes. Printed, for several ``MIN_BALANCE``: the
mean and the least gain in dB over the blurred image, for each standard deviation of the noise in
images up to 255; and the gain of each volume without noise.
"""

import warnings

import numpy as np
from blur_choices import scene_of
from blur_families import Blur, psf_of, seen_through
from metrics import psnr
from scenes import filaments, nuclei
from scipy.signal import fftconvolve

from napari_tf_deblur import Wiener, deconvolve, gaussian_psf
from napari_tf_deblur._preparation import wiener_balance

PICTURES = ("retina", "tissue", "text", "motorcycle", "leaves 21")
BLURS: tuple[Blur, ...] = (
    ("Gaussian", 1.0, 0.0),
    ("Gaussian", 2.0, 0.0),
    ("disc", 3.0, 0.0),
    ("line", 7.0, 30.0),
)
NOISES = (0.02, 0.1, 0.3, 1.0)
BALANCES = (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3)


def gain(image: np.ndarray, truth: np.ndarray, psf: np.ndarray) -> float:
    result = deconvolve(image, psf, Wiener()).image
    return float(psnr(result, truth, 1.0) - psnr(image, truth, 1.0))


def main() -> None:
    columns = [f"noise {noise:g}" for noise in NOISES] + ["nuclei", "filaments"]
    print("| balance | " + " | ".join(columns) + " |")
    print("| ---: |" + " ---: |" * len(columns))
    cases = {
        noise: [seen_through(n, scene_of(n), b, noise, False) for n in PICTURES for b in BLURS]
        for noise in NOISES
    }
    psf = gaussian_psf((2.5, 1.4, 1.4))
    rim = [n // 2 for n in psf.shape]
    scenes = [
        draw(tuple(n + 2 * k for n, k in zip((32, 96, 96), rim))) for draw in (nuclei, filaments)
    ]
    volumes = [
        (fftconvolve(s, psf, "valid") / s.max(), s[tuple(slice(k, -k) for k in rim)] / s.max())
        for s in scenes
    ]
    for balance in BALANCES:
        wiener_balance.MIN_BALANCE = balance
        cells = []
        for seen in cases.values():
            gains = [gain(one.image / 255, one.truth, psf_of(one.blur)) for one in seen]
            cells.append(f"{np.mean(gains):.2f} (least {min(gains):.2f})")
        cells += [f"{gain(image, truth, psf):.2f}" for image, truth in volumes]
        print(f"| {balance:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
