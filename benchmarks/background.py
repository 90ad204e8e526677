"""Measure the errors of the estimated background, with simulated cameras and haze.

    python benchmarks/background.py [--side 256] [--pictures others]

The true background is the offset of the camera plus the light of a haze over the whole field.
Errors are in units of the estimated error. *Too high* means by more than a hundredth of the
contrast. Constants are chosen on `--pictures development`; the documentation quotes the others.
"""

import argparse
from collections import defaultdict

import numpy as np
from noise_estimate import DARK, GAINS, PEAKS, PICTURES, READ_NOISES, SCENES, scene

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.background import estimate_background

HAZES = (0.0, 0.0, 0.05, 0.5)
"""Light of the haze, relative to that of the brightest structure."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pictures", choices=PICTURES, default="others")
    parser.add_argument("--cameras", type=int, default=300)
    arguments = parser.parse_args()
    first = 0 if arguments.pictures == "others" else 10_000
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for seed in range(first, first + arguments.cameras):
        random = np.random.default_rng(seed)
        kind, gain = str(random.choice(SCENES)), random.choice(GAINS)
        peak, dark = random.choice(PEAKS), random.choice(DARK)
        read, haze = gain * random.choice(READ_NOISES), peak * random.choice(HAZES)
        offset = random.choice([0.0, random.uniform(0, 1000)])
        light = peak * scene(kind, arguments.side, dark, random, arguments.pictures) + haze
        image = offset + gain * random.poisson(light) + random.normal(0, read or 1e-9, light.shape)
        if random.random() < 0.5:
            image = np.maximum(np.round(image), 0)
        level, _, error = estimate_background(Pixels(image.astype(np.float32)[None, None]))
        contrast = gain * peak
        off = offset + gain * haze - level
        for name in (kind, f"{100 * dark:.0f} % dark", "all"):
            found[name].append((off / contrast, error / contrast, abs(off) / max(error, 1e-9)))
    print("| | cases | within 1 | within 2 | too high | off, median | off, 9 of 10 | error said |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    for name, cases in sorted(found.items()):
        off, error, ratio = np.array(cases).T
        parts = (np.mean(ratio <= 1), np.mean(ratio <= 2), np.mean(off < -0.01))
        sizes = (np.median(np.abs(off)), np.quantile(np.abs(off), 0.9), np.median(error))
        print(
            f"| {name} | {len(cases)} | {' | '.join(f'{100 * part:.0f} %' for part in parts)} | "
            f"{' | '.join(f'{100 * size:.2g} %' for size in sizes)} |"
        )


if __name__ == "__main__":
    main()
