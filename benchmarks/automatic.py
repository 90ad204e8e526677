"""Compare results with automatic settings with the best results that the truth can choose.

Each case is deblurred by ``deconvolve(image, psf)`` as it stands, and by every method at weights
half an octave apart (or iterations, or balances); the best of these is chosen with the truth.
Then the case is deblurred again with a PSF that is 25 % too wide. ``python
benchmarks/automatic.py`` prints the table. The search for the best settings takes an hour, and its
results are kept in a file.
"""

import argparse
import fnmatch
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case, all_cases
from environments import data_folders
from further import further_cases
from metrics import psnr
from scipy import ndimage

from napari_tf_deblur import (
    Deconvolution,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur.methods import Auto, Method

HERE = Path(__file__).resolve().parent
KEPT = HERE / "automatic.json"
"""The best settings of each case, found with the truth."""

REACH = 12
"""Largest distance of the best weight from that of "auto", in steps of half an octave."""

MISSED = 2
"""Number of steps without a better result after which the search ends."""

TOO_WIDE = 1.25


def solve(case: Case, method: Method | Auto, psf: np.ndarray | None = None) -> Deconvolution:
    return deconvolve(
        case.blurred,
        case.psf if psf is None else psf,
        method,
        boundary="unknown" if case.boundary == "camera" else "periodic",
        channel_axis=case.channel_axis,
    )


def quality(case: Case, result: Deconvolution) -> float:
    """Compare a result with the truth; an estimated background is added to the truth."""
    return psnr(result.image + result.method.offset, case.truth, case.peak, case.affine)


def best_of(case: Case) -> tuple[float, str]:
    """Return the best result of any method and weight, and its settings."""
    found: list[tuple[float, str]] = []
    kinds: list[tuple[Method, str]] = [
        (TotalVariation(nonnegative=case.counts), "weight"),
        (Hessian(nonnegative=case.counts), "weight"),
        (PoissonLikelihood(), "weight"),
        (RichardsonLucy(), "iterations"),
        (Wiener(), "balance"),
    ]
    for method, name in kinds:
        start = solve(case, method).method
        tried: dict[int, float] = {}

        def tried_at(step: int, start: Any = start, name: str = name, tried: Any = tried) -> float:
            if step not in tried:
                tried[step] = quality(case, solve(case, changed(start, name, step)))
            return float(tried[step])

        tried_at(0)
        for way in (-1, 1):
            missed = 0
            for step in range(way, way * (REACH + 1), way):
                better = max(tried.values())
                missed = 0 if tried_at(step) > better else missed + 1
                if missed == MISSED:
                    break
        step = max(tried, key=lambda k: tried[k])
        found.append((tried[step], repr(changed(start, name, step))))
    return max(found)


def changed(method: Any, name: str, step: int) -> Any:
    """Return a method with one value raised by some half octaves, within its bounds."""
    value = getattr(method, name) * 2 ** (step / 2)
    if name == "iterations":
        return replace(method, iterations=max(1, round(value)))
    return replace(method, **{name: float(np.clip(value, *method.bounds(name)))})


def widened(psf: np.ndarray, times: float = TOO_WIDE) -> np.ndarray:
    """Return a PSF that is stretched by a factor along all axes about its middle."""
    middle = tuple(n // 2 for n in psf.shape)
    beside = [psf[(*middle[:a], m + 1, *middle[a + 1 :])] for a, m in enumerate(middle)]
    falls = np.clip(np.array(beside, float) / psf[middle], 1e-9, 0.99)
    sigma = np.sqrt(-0.5 / np.log(falls))
    same = gaussian_psf(sigma)
    if same.shape == psf.shape and np.allclose(same, psf, atol=1e-4 * psf.max()):
        return gaussian_psf(times * sigma)
    half = [int(np.ceil(times * (n // 2))) for n in psf.shape]
    grid = np.meshgrid(*(np.arange(-h, h + 1) for h in half), indexing="ij")
    at = [g / times + n // 2 for g, n in zip(grid, psf.shape)]
    wide = ndimage.map_coordinates(np.pad(psf, 1), [a + 1 for a in at], order=1)
    return (np.maximum(wide, 0) / wide.sum()).astype(np.float32)


def known_best(name: str, case: Case, kept: dict[str, Any]) -> tuple[float, str]:
    """Read the best settings from the file, or search and write them."""
    key = hashlib.sha1(case.blurred.tobytes()).hexdigest()[:12]
    if kept.get(name, {}).get("of") != key:
        score, settings = best_of(case)
        kept[name] = {"of": key, "psnr": score, "settings": settings}
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return kept[name]["psnr"], kept[name]["settings"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--environments", type=Path, default=HERE / ".environments")
    parser.add_argument("--cases", default="*", help="pattern of the cases' names")
    chosen = parser.parse_args()
    makers: dict[str, Callable[[], Case]] = {
        **all_cases(data_folders(chosen.environments)),
        **further_cases(),
    }
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    print("## Nothing told but the PSF\n")
    print("| case | blurred | best | lost | method | too wide: gain | verdict |")
    print("| --- | ---: | ---: | ---: | --- | ---: | --- |")
    rows = []
    for name, make in makers.items():
        if not fnmatch.fnmatch(name, chosen.cases):
            continue
        case = make()
        best, settings = known_best(name, case, kept)
        result = solve(case, "auto")
        wide = solve(case, "auto", widened(case.psf))
        blurred = psnr(case.blurred, case.truth, case.peak, case.affine)
        lost = best - quality(case, result)
        gain = quality(case, wide) - blurred
        rows.append((lost, best - lost - blurred, gain))
        print(
            f"| {name} | {blurred:.2f} | {best:.2f}, {settings.split('(')[0]} | {lost:.2f} "
            f"| {type(result.method).__name__} | {gain:+.2f} | {wide.verdict.kind} |",
            flush=True,
        )
    lost, better, gain = np.array(rows).T
    print(
        f"\nLost against the best of all methods and weights: {np.median(lost):.2f} dB in the "
        f"median, {np.quantile(lost, 0.9):.2f} at one in ten, {lost.max():.2f} at worst. "
        f"Worse than the blurred image: {np.sum(better < 0)} of {len(rows)}; with the PSF "
        f"{TOO_WIDE} times too wide {np.sum(gain < 0)}, by {max(0, -gain.min()):.2f} dB at most.\n"
    )


if __name__ == "__main__":
    main()
