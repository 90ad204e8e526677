"""Measure the peak memory of `TotalVariation` above the idle process, in float32 images.

Each case runs in its own process. The process is idle after TensorFlow was loaded and has run once.
"""

import subprocess
import sys

import numpy as np
from measure import CLEAR, kilobytes

CASES = {"2048 x 2048": ((2048, 2048), 1.6), "64 x 384 x 384": ((64, 384, 384), (2.0, 1.5, 1.5))}


def peak_in_images(name: str) -> float:
    """Measure in this process."""
    from napari_tf_deblur import TotalVariation, deconvolve, gaussian_psf

    shape, sigma = CASES[name]
    psf = gaussian_psf(sigma, ndim=len(shape))
    method = TotalVariation(iterations=10, tolerance=0.0)
    deconvolve(np.ones((24,) * len(shape)), gaussian_psf(1, ndim=len(shape)), method)
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    idle = kilobytes("VmRSS")
    CLEAR.write_text("5")  # reset the peak
    deconvolve(image, psf, method)
    return (kilobytes("VmHWM") - idle) * 1024 / image.nbytes


def main() -> None:
    if len(sys.argv) > 1:
        print(f"{peak_in_images(sys.argv[1]):.1f}")
        return
    print("## Peak memory of `TotalVariation` above idle\n")
    if not CLEAR.exists():
        print("Measured on Linux only.")
        return
    print("| image | float32 images |\n| --- | ---: |")
    for name in CASES:
        command = [sys.executable, __file__, name]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(f"| {name} | {answer.stdout.strip()} |")
    print()


if __name__ == "__main__":
    main()
