"""Compare results at the end of a run with those of many more iterations.

    python benchmarks/iterations.py [--scenes "nuclei*"] [--methods TotalVariation ...]
        [--vary admm.DATA_PENALTY=0.4 ...] [--save FILE] [--against FILE]

Each row has the number of iterations, the PSNR at the end of the run and after `MANY` iterations,
and the difference. ``--against`` adds the rows of another commit, which ``--save`` wrote there.
``--vary`` sets constants of the solvers for all numbers of axes. The scenes are not those of other
benchmarks and tests: penalties and the rule that ends a run are chosen on them.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from importlib import import_module
from pathlib import Path

from cases import Case, observed
from metrics import psnr
from scenes import filaments, nuclei, photograph

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    TotalVariation,
    calibrate,
    deconvolve,
    gaussian_psf,
)

MANY = 400

METHODS = (TotalVariation, Hessian, PoissonLikelihood)


def photo(name: str, picture: str, sigma: float, side: int, **noise: float) -> Case:
    scene = photograph(picture)
    return observed(name, scene, gaussian_psf(sigma), "camera", (side, side), **noise)


def volume(
    name: str, make: Callable, seed: int, count: int, sigma: tuple[float, ...], **noise: float
) -> Case:
    psf = gaussian_psf(sigma)
    shape = tuple(n + 2 * (m // 2) for n, m in zip((20, 64, 64), psf.shape))
    scene = make(shape, count=count, seed=seed)
    return observed(name, scene, psf, "camera", counts=True, **noise)


def plane(name: str, make: Callable, seed: int, sigma: float, **noise: float) -> Case:
    """Make an image of one plane of a volume."""
    psf = gaussian_psf(sigma)
    side = 160 + 2 * (len(psf) // 2)
    scene = make((24, side, side), seed=seed)[12]
    return observed(name, scene, psf, "camera", counts="photons" in noise, **noise)


PHOTOS = {
    "grass, noise 4": ("grass", 1.2, 320, {"noise": 4}),
    "tissue, noise 1": ("immunohistochemistry", 2, 320, {"noise": 1}),
    "retina, noise 0.5": ("retina", 3, 400, {"noise": 0.5}),
    "vessels, 200 photons": ("microaneurysms", 1.5, 80, {"photons": 200}),
    "tissue, 1000 photons": ("immunohistochemistry", 1.5, 320, {"photons": 1000}),
    "clock, noise 3": ("clock", 1.5, 280, {"noise": 3}),
}
PLANES = {
    "nuclei 2D, 100 photons": (nuclei, 21, 1.5, {"photons": 100}),
    "nuclei 2D, noise 0.5": (nuclei, 22, 2.0, {"noise": 0.5}),
    "filaments 2D, 30 photons": (filaments, 23, 1.5, {"photons": 30}),
    "filaments 2D, 1000 photons": (filaments, 24, 1.5, {"photons": 1000}),
}
VOLUMES = {
    "nuclei 3D, 20 photons": (nuclei, 13, 12, (2, 1.2, 1.2), {"photons": 20}),
    "nuclei 3D, 100 photons": (nuclei, 11, 12, (2.5, 1.4, 1.4), {"photons": 100}),
    "nuclei 3D, 1000 photons": (nuclei, 12, 12, (3, 1.6, 1.6), {"photons": 1000}),
    "nuclei 3D, noise 1": (nuclei, 16, 12, (1.8, 1.8, 1.8), {"noise": 1}),
    "filaments 3D, 50 photons": (filaments, 15, 10, (2, 1.2, 1.2), {"photons": 50}),
    "filaments 3D, 200 photons": (filaments, 14, 10, (2.5, 1.5, 1.5), {"photons": 200}),
    "filaments 3D, noise 3": (filaments, 17, 10, (3, 1.5, 1.5), {"noise": 3}),
    "filaments 3D, 2000 photons": (filaments, 18, 10, (2.2, 1.3, 1.3), {"photons": 2000}),
    "nuclei 3D, noise 0.3": (nuclei, 19, 12, (2, 1.3, 1.3), {"noise": 0.3}),
}
SCENES: dict[str, Callable[[], Case]] = {
    **{name: partial(photo, name, *how[:-1], **how[-1]) for name, how in PHOTOS.items()},
    **{name: partial(plane, name, *how[:-1], **how[-1]) for name, how in PLANES.items()},
    **{name: partial(volume, name, *how[:-1], **how[-1]) for name, how in VOLUMES.items()},
}


def set_constant(name: str, value: float) -> None:
    """Set a constant of a solver, such as ``admm.DATA_PENALTY``."""
    module, constant = name.split(".")
    solver = import_module(f"napari_tf_deblur._solvers.{module}")
    old = getattr(solver, constant)

    def replace_each(kept: object) -> object:
        if isinstance(kept, dict):
            return {axes: replace_each(one) for axes, one in kept.items()}
        return (value,) * len(kept) if isinstance(kept, tuple) else value

    setattr(solver, constant, replace_each(old))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", default="*", help="a pattern")
    parser.add_argument("--methods", nargs="*", default=[m.__name__ for m in METHODS])
    parser.add_argument("--vary", nargs="*", default=[], metavar="MODULE.NAME=VALUE")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    asked = parser.parse_args()
    for setting in asked.vary:
        name, _, value = setting.partition("=")
        set_constant(name, float(value))
    others = json.loads(asked.against.read_text()) if asked.against else {}
    rows = json.loads(asked.save.read_text()) if asked.save and asked.save.exists() else {}
    print("| scene | method | iterations | PSNR | after many | lost | before: iterations, PSNR |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name in (n for n in SCENES if fnmatch(n, asked.scenes)):
        case = SCENES[name]()

        def score(result, offset: float, case: Case = case) -> float:
            return psnr(result.image + offset, case.truth, case.peak, case.affine)

        for method in (m for m in METHODS if m.__name__ in asked.methods):
            known = calibrate(case.blurred, case.psf, method())
            offset = known.method.offset
            run = deconvolve(case.blurred, case.psf, known)
            key = f"{name} | {method.__name__}"
            before = others.get(key)
            longer = replace(known.method, iterations=MANY, tolerance=0.0)
            longer = replace(known, method=longer)
            end = score(deconvolve(case.blurred, case.psf, longer), offset)
            rows[key] = run.iterations, score(run, offset), end
            row = f"| {key} | {run.iterations} | {rows[key][1]:.2f} | {end:.2f} | "
            row += f"{rows[key][1] - end:+.2f} |"
            print(row, f"{before[0]}, {before[1]:.2f} |" if before else "|", flush=True)
    if asked.save:
        asked.save.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
