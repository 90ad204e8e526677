"""Compare the iterations of pieces, which samples determine, with those of the whole image.

    python benchmarks/piece_iterations.py [--scenes "*3D"]

The images are the six of ``pieces.py seams``, continued by mirroring to four times their size
(twice in volumes). Each row has three numbers of iterations: of the whole image; of its samples, if
each line of a sample must converge; and of its samples, if each sample must converge as a whole.
Pieces use the third number, in volumes the second. The row also has the loss of the whole image
with either number, compared with many iterations.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch

import numpy as np
from metrics import psnr
from pieces import seam_scenes

TIMES = {2: 4, 3: 2}
MANY = 200


def methods() -> Iterator[object]:
    from napari_tf_deblur import Hessian, PoissonLikelihood, TotalVariation

    yield from (TotalVariation(), Hessian(), PoissonLikelihood())


def main() -> None:
    from napari_tf_deblur import convolve, deconvolve
    from napari_tf_deblur._core.steps import finish
    from napari_tf_deblur._large.large_image import LargeImage
    from napari_tf_deblur._large.sample_calibration import build_sample_arguments, sample_image
    from napari_tf_deblur._preparation.arguments import (
        Arguments,
        ImagePart,
        PartArguments,
    )
    from napari_tf_deblur._run.whole_image import solve

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", default="*", help="a pattern")
    pattern = parser.parse_args().scenes
    print("| scene | method | whole | lines | samples | dB, whole | dB, lines | dB, samples |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, part, psf, channel in seam_scenes():
        if not fnmatch(name, pattern):
            continue
        times = TIMES[psf.ndim]
        wide = [(0, (times - 1) * n * (a != channel)) for a, n in enumerate(part.shape)]
        truth = np.pad(part, wide, mode="symmetric")
        light = np.clip(convolve(truth, psf, boundary="reflect", channel_axis=channel), 0, None)
        image = (np.random.default_rng(8).poisson(400 * light) / 400 + 0.01).astype(np.float32)
        for method in methods():
            arguments = Arguments(image, psf, method, channel_axis=channel)
            large = LargeImage(image, None, channel)
            asked = build_sample_arguments(arguments, large, sample_image(arguments, large))
            found = replace(finish(solve(asked)).calibration, global_values=None)
            lines = Arguments(asked.image, psf, found, channel_axis=asked.channel_axis)
            given = {"channel_axis": asked.channel_axis, "part": ImagePart(are_samples=True)}
            whole = PartArguments(asked.image, psf, found, **given)
            counts = [
                finish(solve(replace(arguments, method=found))).iterations,
                finish(solve(lines)).iterations,
                finish(solve(whole)).iterations,
            ]
            quality = []
            for count in (*counts, MANY):
                told = replace(found.method, iterations=count, tolerance=0.0)
                done = deconvolve(image, psf, replace(found, method=told), channel_axis=channel)
                quality.append(psnr(done.image, truth, 1.0, True))
            lost = " | ".join(f"{one - quality[-1]:+.3f}" for one in quality[:-1])
            print(
                f"| {name} | {type(method).__name__} | {' | '.join(map(str, counts))} | {lost} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
