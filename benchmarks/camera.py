"""Measure quality and time of the default method on the camera case.

The image is scikit-image's camera, with a sigma of 1.6 pixels, noise 2 of 255, and a scene that is
larger than the frame. Times are medians of several warm runs, taken in turns in one process.
"""

import time
from collections.abc import Callable

import numpy as np
from cases import Case, canonical
from metrics import psnr
from ours import solve
from skimage.restoration import richardson_lucy

from napari_tf_deblur import TotalVariation

REPEATS = 5


def seconds(runs: dict[str, Callable[[], np.ndarray]]) -> dict[str, float]:
    """Time all runs in turns, so that other load on the machine affects all of them."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(REPEATS + 1):  # the first run compiles
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if repeat:
                taken[name].append(time.perf_counter() - started)
    return {name: float(np.median(times)) for name, times in taken.items()}


def main() -> None:
    case = canonical()
    image = case.blurred
    doubles = image.astype(np.float64), case.psf.astype(np.float64)
    runs: dict[str, Callable[[], np.ndarray]] = {
        "`TotalVariation()`": lambda: solve(case, TotalVariation()).image,
        "scikit-image, 10 iterations, float64": lambda: richardson_lucy(
            *doubles, num_iter=10, clip=False
        ),
        "scikit-image, 10 iterations, float32": lambda: richardson_lucy(
            image, case.psf, num_iter=10, clip=False
        ),
    }
    times = seconds(runs)
    ours = times["`TotalVariation()`"]
    print("## The camera at default settings\n")
    print(f"{case.name}; blurred {score(case, image):.2f} dB.\n")
    print("| method | PSNR | milliseconds | time, relative |\n| --- | ---: | ---: | ---: |")
    for name, run in runs.items():
        print(
            f"| {name} | {score(case, run()):.2f} | {1e3 * times[name]:.0f} | "
            f"{times[name] / ours:.2f} |"
        )


def score(case: Case, image: np.ndarray) -> float:
    return psnr(image, case.truth, case.peak)


if __name__ == "__main__":
    main()
