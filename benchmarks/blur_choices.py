"""Choose the constants in ``_blur`` and ``blur_estimate.py``.

    python benchmarks/blur_choices.py [--families] [--used] [--jpeg]

The pictures, or parts of them, are used neither by the tests nor by ``blur_families.py``.
``--families`` prints how much the spectra of scenes bend, and the odds of a disc and of a line
against a Gaussian: for Gaussians, for discs, and for beads, whose shape resembles a disc.
``--used`` prints the errors of sigmas between the narrowest and the most likely one. ``--jpeg``
prints the blurs that are found in compressed pictures with different noise. Without an option, all
are printed.
"""

import argparse
import warnings

import numpy as np
from blur_families import JPEG_BLURS, QUALITIES, SIZE, Blur, blurred, compressed, seen_through
from further import grey, leaves, picture
from scenes import filaments, nuclei
from scipy.signal import fftconvolve
from verdicts import noisy, plane

from napari_tf_deblur import disc_psf, estimate_blur
from napari_tf_deblur._blur import estimation
from napari_tf_deblur._blur.batch_scene_model import BatchSceneModel
from napari_tf_deblur._blur.gaussian_fit import (
    PIXEL_BLUR_VARIANCE,
    fit_anisotropic,
    fit_isotropic,
)
from napari_tf_deblur._blur.shape_fit import (
    fit_disc,
    fit_line,
    gaussian_negative_log_posterior,
)
from napari_tf_deblur._blur.spectrum import measure_spectrum
from napari_tf_deblur._blur.spectrum_model import SpectrumModel
from napari_tf_deblur._blur.spectrum_patches import extract_patches
from napari_tf_deblur._core.pixels import Pixels

PICTURES = {
    "retina": ("retina.jpg", 2, (200, 200)),
    "tissue": ("ihc.png", 1.5, (0, 0)),
    "microaneurysms": ("microaneurysms.png", 1, (0, 0)),
    "text": ("text.png", 1.5, (0, 0)),
    "motorcycle": ("motorcycle_left.png", 2, (0, 0)),
    "motorcycle, right": ("motorcycle_right.png", 1.5, (30, 190)),
    "logo": ("logo.png", 1.5, (0, 0)),
}
"""File in scikit-image, factor by which it is made smaller, first row and column of the part."""

LEAVES = (21, 22)
"""Seeds of drawn scenes."""

NAMES = (*PICTURES, *(f"leaves {seed}" for seed in LEAVES))

BLURS: tuple[Blur, ...] = (
    *(("Gaussian", sigma, 0.0) for sigma in (0.7, 1.5, 2.5)),
    *(("disc", radius, 0.0) for radius in (2.0, 3.0, 4.5)),
)


def scene_of(name: str) -> np.ndarray:
    if name.startswith("leaves"):
        return leaves(SIZE + 40, int(name.split()[1]))
    file, times, (row, column) = PICTURES[name]
    whole = picture(file, times)
    whole = grey(whole) if whole.ndim == 3 else whole
    return whole[row : row + SIZE + 40, column : column + SIZE + 40]


def show(words: str, image: np.ndarray) -> None:
    """Print the table of families."""
    pieces = extract_patches(Pixels(image[None, None].astype(np.float32)))
    model = SpectrumModel(measure_spectrum(pieces, (1.0, 1.0)))
    equal, _ = fit_isotropic(model)
    scenes = BatchSceneModel(model, equal.slope)
    disc, line = fit_disc(scenes), fit_line(scenes)
    gaussian = gaussian_negative_log_posterior(model, [equal, fit_anisotropic(model, equal)])
    print(
        f"{words}: Gaussian {np.sqrt(max(equal.blur[0] - PIXEL_BLUR_VARIANCE, 0)):.2f}, bending "
        f"{equal.spectral_bending:.1f}; odds of disc "
        f"{gaussian - disc.negative_log_posterior:.1f}, radius {disc.parameters[0]:.2f}, bending "
        f"{disc.spectral_bending:.1f}, slope {disc.slope:.2f}; odds of line "
        f"{gaussian - line.negative_log_posterior:.1f}",
        flush=True,
    )


def choose_families() -> None:
    for name in NAMES:
        scene = scene_of(name)
        for blur in BLURS:
            for noise in (0.5, 2.0):
                seen = seen_through(name, scene, blur, noise, False)
                show(f"{name}, {blur[0]} {blur[1]:g}, noise {noise:g}", seen.image)
    random = np.random.default_rng(5)
    dots = np.zeros((256, 256))
    dots[tuple(random.integers(0, 256, (2, 80)))] = 1
    lit = {"nuclei": plane(nuclei), "filaments": plane(filaments), "points": dots}
    lit |= {
        f"beads of radius {r:g}": fftconvolve(dots, disc_psf(r), "same") for r in (2, 3, 4.5, 6)
    }
    for name, scene in lit.items():
        for sigma in (0.3, 0.7, 1.2, 1.8, 2.5):
            for photons in (100, 1000):
                light = blurred(scene, ("Gaussian", sigma, 0.0), False)
                light = np.maximum(light / light.max(), 0) + 0.01
                image = noisy(light, random, {"photons": photons})
                show(f"{name}, Gaussian {sigma}, {photons} photons", image)


def choose_used() -> None:
    pairs = []
    for name in NAMES:
        scene = scene_of(name)
        for sigma in (0.7, 1.0, 1.5, 2.2, 3.0):
            for noise in (0.5, 2.0, 5.0):
                seen = seen_through(name, scene, ("Gaussian", sigma, 0.0), noise, False)
                found = estimate_blur(seen.image)
                if found.family == "Gaussian" and found.confident:
                    least = np.mean([low for low, _ in found.interval])
                    pairs.append((least / sigma, np.mean(found.sigma) / sigma))
    least, likely = np.array(pairs).T
    print(f"{len(pairs)} Gaussians that are told; part of the way from least to most likely:")
    for part in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        errors = np.log(least + part * (likely - least))
        print(
            f"{part:g}: root mean square {np.sqrt(np.mean(errors**2)):.3f}, median "
            f"{np.median(errors):+.3f}, widest {errors.max():+.3f}",
            flush=True,
        )


def choose_noise_of_jpeg() -> None:
    cases = []
    for name in NAMES:
        scene = scene_of(name)
        for blur in JPEG_BLURS:
            seen = seen_through(name, scene, blur, 0.7, False)
            cases += [(blur, compressed(seen.image, quality)) for quality in QUALITIES]
    kept = estimation.JPEG_NOISE_FACTOR
    for times in (5.0, 8.0, 12.0, 18.0):
        estimation.JPEG_NOISE_FACTOR = times
        found = [(blur, estimate_blur(image)) for blur, image in cases]
        right = [
            (one.radius or float(np.mean(one.sigma))) / size
            for (family, size, _), one in found
            if one.family == family
        ]
        near = sum(abs(ratio - 1) < 0.15 for ratio in right)
        told = sum(one.confident for _, one in found)
        print(
            f"{times:g}: family right in {len(right)} of {len(cases)}, within 15 % {near}, size "
            f"over the true one {np.median(right):.3f}, median error "
            f"{np.median(np.abs(np.array(right) - 1)):.3f}, told {told}",
            flush=True,
        )
    estimation.JPEG_NOISE_FACTOR = kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parts = {"families": choose_families, "used": choose_used, "jpeg": choose_noise_of_jpeg}
    for name in parts:
        parser.add_argument(f"--{name}", action="store_true")
    asked = vars(parser.parse_args())
    for name, choose in parts.items():
        if asked[name] or not any(asked.values()):
            choose()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
