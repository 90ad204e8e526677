"""Compare the PSF of a microscope in a specimen of another index with other programs.

    python benchmarks/aberrations.py widths [--environments FOLDER]
    python benchmarks/aberrations.py images [--development] [--cases PATTERN]

``widths`` prints the full widths at half maximum of our PSF and of psfmodels, psf and
microscPSF-py, for the same distance of the point from the coverslip. ``images`` blurs scenes by the
PSF of psfmodels, and deblurs them with three PSFs: the true one, that of `microscope_psf` with the
specimen, and that of the dock without it. The other programs are installed in an
environment of their own. Lengths are in nanometres.
"""

import argparse
import fnmatch
import json
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case, observed
from environments import python
from metrics import psnr
from napari.layers import Image
from peers.psf_programs import width_at_half
from scenes import filaments, nuclei

from napari_tf_deblur import Specimen, deconvolve, microscope_psf
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import MicroscopePSF
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics

HERE = Path(__file__).resolve().parent

EMISSION = 520.0

OBJECTIVES = (
    (0.3, 1.0),
    (0.8, 1.0),
    (0.95, 1.0),
    (1.2, 1.33),
    (1.3, 1.406),
    (1.3, 1.47),
    (1.4, 1.515),
    (1.49, 1.515),
)
"""Numerical aperture and refractive index of the immersion: air, water, silicone, glycerol, oil."""

MEDIA = {"water": 1.33, "glycerol 80 %": 1.443, "ProLong Gold": 1.46}

DEPTHS = (0.0, 5_000.0, 10_000.0, 30_000.0)

PROGRAMS = ("psfmodels vectorial", "psfmodels scalar", "psf", "microscPSF-py")

FINE = 5.0
"""Size of the pixels of profiles."""

SPACING = (200.0, 65.0, 65.0)
"""Size of a voxel of the images."""


def ask(requests: Sequence[dict[str, Any]], environments: Path) -> list[np.ndarray]:
    """Let the other programs answer requests; see ``peers/psf_programs.py``."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answers = Path(folder, "requests.json"), Path(folder, "answers.npz")
        asked.write_text(json.dumps(list(requests)))
        program = python("psf_programs", environments)
        script = HERE / "peers" / "psf_programs.py"
        subprocess.run([str(program), str(script), str(asked), str(answers)], check=True)
        with np.load(answers) as found:
            return [found[str(number)] for number in range(len(requests))]


@dataclass(frozen=True)
class Mounting:
    """An objective, and the specimen that it looks into; ``index`` None for what it expects."""

    aperture: float
    immersion: float
    index: float | None = None
    depth: float = 0.0

    @property
    def specimen(self) -> Specimen:
        return Specimen(refractive_index=self.index, depth=self.depth)

    @property
    def point(self) -> float:
        """Distance from the coverslip of the point that is in focus."""
        optics = Optics(self.aperture, EMISSION, self.immersion, specimen=self.specimen)
        return optics.focus_depth

    @property
    def reach(self) -> float:
        """Range along z that holds the middle of the PSF, to both sides."""
        return max(3000.0, 1.5 * EMISSION * self.immersion / self.aperture**2)

    def psf(self, shape: Sequence[int], spacing: Sequence[float]) -> np.ndarray:
        return microscope_psf(
            self.aperture,
            EMISSION,
            refractive_index=self.immersion,
            spacing=spacing,
            shape=shape,
            specimen=self.specimen,
        )

    def deblur_without_specimen(self, image: np.ndarray, spacing: Sequence[float]) -> Any:
        """Deblur an image as the dock does if it knows the objective alone."""
        layer = Image(image, scale=spacing, units=("nm",) * image.ndim)
        psf = MicroscopePSF(Optics(self.aperture, EMISSION, self.immersion), image.ndim)
        result = finish(Job(read_source(layer), psf, "auto").steps())
        return result.deconvolution

    def request(self, program: str, **wanted: Any) -> dict[str, Any]:
        return {
            "program": program,
            "aperture": self.aperture,
            "immersion": self.immersion,
            "sample": self.index or self.immersion,
            "point": self.point,
            "emission": EMISSION,
            **wanted,
        }


def mountings() -> Iterator[Mounting]:
    for aperture, immersion in OBJECTIVES:
        yield Mounting(aperture, immersion)
        for index in MEDIA.values():
            for depth in DEPTHS[1:]:
                if index != immersion:
                    yield Mounting(aperture, immersion, index, depth)


def width_of(light: np.ndarray) -> float:
    """Return the full width at half maximum of a profile with pixels of `FINE`."""
    return width_at_half(FINE * np.arange(len(light)), light)


def print_widths(environments: Path) -> None:
    """Print the widths of our PSF, and how much wider or narrower those of other programs are."""
    setups = list(mountings())
    asked = [(s, p) for s in setups for p in PROGRAMS if not (p == "psf" and s.index)]
    answers = ask([s.request(p, widths=True, reach=s.reach) for s, p in asked], environments)
    found = {(s, p): answer for (s, p), answer in zip(asked, answers)}
    print("| NA, immersion, mounted in, depth | focus at | across | along |", end="")
    print("".join(f" {p}: across, along |" for p in PROGRAMS))
    print("| --- | ---: | ---: | ---: |" + " ---: |" * len(PROGRAMS))
    worst = dict.fromkeys(PROGRAMS, (0.0, 0.0))
    for setup in setups:
        across = width_of(setup.psf((1, 201, 201), (FINE,) * 3)[0, 100])
        shape = (2 * round(setup.reach / FINE) + 1, 1, 1)
        along = width_of(setup.psf(shape, (FINE,) * 3)[:, 0, 0])
        mounted = f"{setup.index:g}, {setup.depth / 1000:g} µm" if setup.index else "as expected"
        row = f"| {setup.aperture:g}, {setup.immersion:g}, {mounted} | {setup.point:.0f} "
        row += f"| {across:.0f} | {along:.0f} |"
        for program in PROGRAMS:
            if (setup, program) not in found:
                row += " |"
                continue
            other_across, other_along, _ = found[setup, program]
            less = across / other_across - 1, along / other_along - 1
            worst[program] = tuple(np.fmax(worst[program], np.abs(less)))
            row += f" {100 * less[0]:+.1f} %, {100 * less[1]:+.1f} % |"
            # NaN: microscPSF-py knows no rays beyond the critical angle
        print(row)
    print()
    for program, (across, along) in worst.items():
        print(f"Largest difference from {program}: {across:.1%} across, {along:.1%} along.")
    started = time.perf_counter()
    Mounting(1.4, 1.515, 1.33, 10_000.0).psf((63, 255, 255), SPACING)
    print(f"63 x 255 x 255, in water at 10 µm: {time.perf_counter() - started:.2f} s.")


def scene_of(axes: int, development: bool) -> tuple[str, np.ndarray]:
    """Return a scene with room around the frame, by number of axes, and its name."""
    room = (64 + 24, 128 + 48, 128 + 48)
    if development:
        volume = filaments(room, seed=61) + nuclei(room, seed=62)
        return "filaments and nuclei", volume if axes == 3 else volume[40]
    volume = nuclei(room, seed=51) if axes == 3 else filaments((8, 400, 400), seed=52)
    return ("nuclei", volume) if axes == 3 else ("filaments", volume.max(0))


def images(development: bool) -> Iterator[tuple[str, Mounting, np.ndarray, int]]:
    """Yield name, mounting, scene and photons of each case."""
    for axes in (2, 3):
        kind, scene = scene_of(axes, development)
        for medium in ("water", "glycerol 80 %"):
            for depth in (5_000.0, 10_000.0):
                for photons in (100, 1000):
                    name = f"{kind} {axes}D, {medium}, {depth / 1000:g} µm, {photons} photons"
                    yield name, Mounting(1.4, 1.515, MEDIA[medium], depth), scene, photons


def print_images(development: bool, pattern: str, environments: Path) -> None:
    """Print what each PSF gains over the image, and the verdicts."""
    chosen = [one for one in images(development) if fnmatch.fnmatch(one[0], pattern)]
    shapes = {2: (1, 41, 41), 3: (31, 41, 41)}
    setups = sorted({(s, scene.ndim) for _, s, scene, _ in chosen}, key=str)
    wanted = [
        s.request("psfmodels vectorial", shape=shapes[axes], spacing=SPACING) for s, axes in setups
    ]
    true_psfs = dict(zip(setups, ask(wanted, environments)))
    print("| scene | image | true PSF | told | said | not told | said |")
    print("| --- | ---: | ---: | ---: | --- | ---: | --- |")
    lost_told, lost_fits = [], []
    for name, setup, scene, photons in chosen:
        axes = scene.ndim
        true = true_psfs[setup, axes].reshape(shapes[axes][3 - axes :])
        case = observed(name, scene, true, "camera", photons=photons, counts=True)
        told = setup.psf(shapes[axes], SPACING).reshape(true.shape)
        spacing = SPACING[3 - axes :]
        runs = [deconvolve(case.blurred, psf, spacing=spacing) for psf in (true, told)]
        runs.append(setup.deblur_without_specimen(case.blurred, spacing))
        quality = [score(case, run) for run in runs]
        lost_told.append(quality[0] - quality[1])
        if quality[0] - quality[2] > 0.5 and str(runs[2].verdict.kind) == "fits":
            lost_fits.append(name)
        said = [
            f"{run.verdict.kind}{', ' * bool(run.verdict.psf)}{run.verdict.psf or ''}"
            for run in runs
        ]
        image = psnr(case.blurred, case.truth, case.peak, case.affine)
        print(
            f"| {name} | {image:.2f} | {quality[0]:.2f} | {quality[1]:.2f} | {said[1]} "
            f"| {quality[2]:.2f} | {said[2]} |",
            flush=True,
        )
    print(f"\nLost at most {max(lost_told):.2f} dB if the specimen is told.")
    print(f"Not told, more than 0.5 dB lost and said to fit: {len(lost_fits)}.")


def score(case: Case, run: Any) -> float:
    return psnr(run.image + run.method.offset, case.truth, case.peak, case.affine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("widths", "images"))
    parser.add_argument("--development", action="store_true", help="other scenes")
    parser.add_argument("--cases", default="*", help="pattern of the cases' names")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    asked = parser.parse_args()
    if asked.what == "widths":
        print_widths(asked.environments)
    else:
        print_images(asked.development, asked.cases, asked.environments)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
