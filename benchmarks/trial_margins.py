"""Compare results for margins of trials that hold more or less of the light of a large PSF.

    python benchmarks/trial_margins.py [--cases PATTERN] [--light 0.9 0.8 0.7]

Volumes of 32 x 96 x 96 voxels are blurred with the PSF of a microscope that reaches twice as far as
the volume, and deblurred with the PSF that the dock makes. The first row of each volume has margins
for all of the light. The time is that of a run whose code is compiled; no other uses these scenes.
"""

import argparse
import fnmatch
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from metrics import psnr
from scenes import filaments, nuclei
from scipy.signal import fftconvolve

from napari_tf_deblur import Specimen, deconvolve, microscope_psf
from napari_tf_deblur._run import trial_preparation

FRAME, ROOM, REACH = (32, 96, 96), (64, 160, 160), (63, 191, 191)
SPACING = (200.0, 65.0, 65.0)
BACKGROUND = 5.0

MICROSCOPES: dict[str, dict[str, Any]] = {
    "widefield in water": {"specimen": Specimen(refractive_index=1.33, depth=6000.0)},
    "widefield": {},
    "confocal": {"microscope": "confocal"},
}


def make_psf(microscope: str, **size: Any) -> np.ndarray:
    options = MICROSCOPES[microscope] | size
    return microscope_psf(1.4, 520, refractive_index=1.515, spacing=SPACING, **options)


def volumes(pattern: str) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield name, microscope, truth and image of each volume."""
    window = tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(ROOM, FRAME))
    for microscope in MICROSCOPES:
        far = make_psf(microscope, shape=REACH).astype(np.float64)
        for scene_name, make in (("nuclei", nuclei), ("filaments", filaments)):
            thin = make((3 * ROOM[0], *ROOM[1:]), seed=91)  # as long along z as across, in nm
            scene = thin.reshape(ROOM[0], 3, *ROOM[1:]).mean(1)
            light = fftconvolve(scene, far, mode="same")[window]
            for photons in (100, 1000):
                name = f"{microscope}, {scene_name}, {photons} photons"
                if fnmatch.fnmatch(name, pattern):
                    factor = photons / light.max()
                    mean = np.maximum(light * factor, 0) + BACKGROUND
                    image = np.random.default_rng(photons).poisson(mean).astype(np.float32)
                    yield name, microscope, scene[window] * factor, image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", default="*", help="pattern of the volumes' names")
    parser.add_argument("--light", type=float, nargs="+", default=[0.9, 0.8, 0.7])
    asked = parser.parse_args()
    print("| volume | light | seconds | weight | dB | said |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for name, microscope, truth, image in volumes(asked.cases):
        psf = make_psf(microscope, within=FRAME)
        for light in (1.0, *asked.light):
            trial_preparation.MAX_SCENE_RATIO = np.inf if light == 1 else 4.0
            trial_preparation.LARGE_PSF_LIGHT_KEPT = light
            for _ in range(2):  # the first compiles
                start = time.perf_counter()
                run = deconvolve(image, psf, spacing=SPACING)
                seconds = time.perf_counter() - start
            quality = psnr(run.image + run.method.offset - BACKGROUND, truth, truth.max())
            said = f"{run.verdict.kind}, {run.verdict.psf}"
            weight = getattr(run.method, "weight", float("nan"))
            print(f"| {name} | {light:g} | {seconds:.1f} | {weight:.4g} | {quality:.2f} | {said} |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
