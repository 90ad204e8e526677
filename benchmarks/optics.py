"""Compare the PSF widths of the package with those of other integrations, fits and formulas.

Emission 520 nm; the confocal microscope has a laser of 488 nm and a pinhole of one Airy unit, the
light sheet is as thick as three sigmas of the lens, and the laser of the multiphoton microscope
has 900 nm. The other route integrates with SciPy's adaptive quadrature, sums the light in the
pinhole point by point, and fits with MINPACK. ``python benchmarks/optics.py`` takes a minute.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import asdict

import numpy as np
from scipy import integrate, interpolate, optimize, special

from napari_tf_deblur._optics.microscope import microscope_psf, microscope_sigma
from napari_tf_deblur._optics.optics import Optics

APERTURES = (0.1, 0.3, 0.5, 0.8, 0.95, 1.2, 1.3, 1.4, 1.49)
INDICES = (1.0, 1.33, 1.515)
EMISSION = 520.0

Widths = tuple[float, float]
"""Sigmas across and along the optical axis."""


def microscopes(aperture: float, index: float) -> list[Optics]:
    """Return four microscopes with the same objective."""
    sheet = 3 * microscope_sigma(aperture, EMISSION, refractive_index=index)[0] * 2.355
    return [
        Optics(aperture, EMISSION, index),
        Optics(aperture, EMISSION, index, "confocal", excitation=488.0),
        Optics(aperture, EMISSION, index, "light sheet", sheet=sheet),
        Optics(aperture, EMISSION, index, "multiphoton", excitation=900.0),
    ]


def debye(optics: Optics, wavelength: float, radii: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Compute the vectorial intensity by adaptive quadrature; radii and depths are broadcast."""
    k = 2 * np.pi * optics.index / wavelength

    def integrand(angle: float) -> np.ndarray:
        sine, cosine = np.sin(angle), np.cos(angle)
        at = k * radii * sine
        rings = (
            (1 + cosine) / 2 * special.j0(at),
            sine / np.sqrt(2) * special.j1(at),
            (1 - cosine) / 2 * special.jv(2, at),
        )
        wave = np.sqrt(cosine) * sine * np.exp(1j * k * depths * (cosine - 1))
        return np.stack([ring * wave for ring in rings])

    edge = np.arcsin(optics.numerical_aperture / optics.index)
    field, _ = integrate.quad_vec(integrand, 0, edge, epsrel=1e-6)
    return np.sum(np.abs(field) ** 2, axis=0)


def profiles(optics: Optics, radii: np.ndarray, depths: np.ndarray) -> list[np.ndarray]:
    """Return the profiles of the image of a point, across in focus and along the axis."""
    places = ((radii, np.zeros(1)), (np.zeros(1), depths))
    light = [debye(optics, optics.wavelength, *p) for p in places]
    if optics.microscope == "multiphoton":
        return [part**2 for part in light]
    if optics.microscope == "light sheet":
        return [light[0], light[1] * np.exp(-4 * np.log(2) * (depths / optics.sheet) ** 2)]
    if optics.microscope == "confocal":
        passed = through_pinhole(optics, radii, depths)
        return [p * debye(optics, optics.excitation, *at) for p, at in zip(passed, places)]
    return light


def through_pinhole(optics: Optics, radii: np.ndarray, depths: np.ndarray) -> list[np.ndarray]:
    """Return the light that the pinhole passes, summed over points on rings about its centre."""
    pinhole = 0.61 * EMISSION / optics.numerical_aperture * optics.pinhole
    rings = pinhole * (np.arange(60) + 0.5) / 60
    angles = np.pi * (np.arange(60) + 0.5) / 60
    table = np.linspace(0, pinhole + radii.max(), 400)
    light = interpolate.CubicSpline(table, debye(optics, EMISSION, table, np.zeros(1)))
    square = radii[:, None, None] ** 2 + rings[:, None] ** 2
    distances = np.sqrt(square - 2 * radii[:, None, None] * rings[:, None] * np.cos(angles))
    across = np.einsum("rpa,p->r", light(distances), rings)
    along = rings @ debye(optics, EMISSION, rings[:, None], depths)
    return [across, along]


def fitted(places: np.ndarray, profile: np.ndarray) -> float:
    """Return the sigma of the Gaussian of any height that fits best."""

    def gaussian(x: np.ndarray, height: float, sigma: float) -> np.ndarray:
        return height * np.exp(-((x / sigma) ** 2) / 2)

    start = (1.0, places[np.argmax(profile < profile[0] / 2)])
    (_, sigma), _ = optimize.curve_fit(gaussian, places, profile / profile[0], start)
    return abs(sigma)


def independent(optics: Optics) -> Widths:
    """Return the sigmas by the other integration, fitted to 1.5 radii of the first dark ring."""
    zero = optics.unit / (1 - np.sqrt(1 - (optics.numerical_aperture / optics.index) ** 2))
    radii = np.linspace(0, 0.9 * optics.wavelength / optics.numerical_aperture, 101)
    depths = np.linspace(0, 1.5 * zero, 101)
    across, along = profiles(optics, radii, depths)
    return fitted(radii, across), fitted(depths, along)


def non_paraxial(optics: Optics) -> Widths:
    """Return the sigmas of a lens by Zhang, Zerubia and Olivo-Marin, Appl. Opt. 46(10), 2007."""
    c = np.sqrt(1 - (optics.numerical_aperture / optics.index) ** 2)
    k = 2 * np.pi / optics.unit
    across = np.sqrt(7 * (1 - c**1.5) / (4 - 7 * c**1.5 + 3 * c**3.5)) / k
    root = 4 * c**5 - 25 * c**3.5 + 42 * c**2.5 - 25 * c**1.5 + 4
    return across, 5 * np.sqrt(7) * (1 - c**1.5) / (np.sqrt(6) * k * np.sqrt(root))


def paraxial(optics: Optics) -> Widths:
    """Return the sigmas of a lens by the same authors, for small apertures."""
    k = 2 * np.pi / optics.wavelength
    aperture = optics.numerical_aperture
    return np.sqrt(2) / (k * aperture), 2 * np.sqrt(6) * optics.index / (k * aperture**2)


def seen(optics: Optics, lens: Widths) -> Widths | None:
    """Return the sigmas of a microscope from those of its lens, if there is a simple formula."""
    across, along = lens
    if optics.microscope == "multiphoton":
        return across / np.sqrt(2), along / np.sqrt(2)
    if optics.microscope == "light sheet":
        return across, 1 / np.hypot(1 / along, 2.355 / optics.sheet)
    return None if optics.microscope == "confocal" else lens


def in_cells(widths: Widths | None) -> str:
    return f"{widths[0]:.0f} | {widths[1]:.0f}" if widths else "| "


def seconds_of(run) -> float:
    """Return the shortest time of five runs, in seconds."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    print("## The PSF of a microscope, from its optics\n")
    print(
        "Sigmas in nm, across and along the axis: the package's, those of an independent fit, "
        "and closed formulas for a lens (Zhang et al. 2007), combined where a line does it.\n"
    )
    print(
        "| microscope | n | NA | ours | | fit | | off | | non-paraxial | | paraxial | | 0.21 λ/NA |"
    )
    print("| --- | ---: | ---: |" + " ---: |" * 11)
    off = defaultdict(list)
    for index in INDICES:
        for aperture in (na for na in APERTURES if na < index):
            for optics in microscopes(aperture, index):
                along, across, _ = microscope_sigma(**asdict(optics))
                fit = independent(optics)
                errors = (across / fit[0] - 1, along / fit[1] - 1)
                closed = [seen(optics, form(optics)) for form in (non_paraxial, paraxial)]
                short = seen(optics, (0.21 * optics.wavelength / aperture, 1.0))
                name = optics.microscope
                off[f"{name}: ours"].append(errors)
                for form, widths in zip(("non-paraxial", "paraxial"), closed):
                    if widths:
                        off[f"{name}: {form}"].append(np.divide(widths, fit) - 1)
                if short:
                    off[f"{name}: 0.21 λ/NA"].append((short[0] / fit[0] - 1, np.nan))
                print(
                    f"| {name} | {index:g} | {aperture:g} | {in_cells((across, along))} | "
                    f"{in_cells(fit)} | {errors[0]:+.2%} | {errors[1]:+.2%} | "
                    f"{in_cells(closed[0])} | {in_cells(closed[1])} | "
                    f"{f'{short[0]:.0f}' if short else ''} |",
                    flush=True,
                )
    print("\n| largest deviation from the fit | across | along |\n| --- | ---: | ---: |")
    for name, errors in off.items():
        most = [max(column, key=abs) for column in np.transpose(errors)]
        print(f"| {name} | {most[0]:+.1%} | {'' if np.isnan(most[1]) else f'{most[1]:+.1%}'} |")
    print("\n| time | sigmas, in ms | array of 31 x 101 x 101, in ms |\n| --- | ---: | ---: |")
    for optics in microscopes(1.4, 1.515):
        given = asdict(optics)
        others = iter(given | {"numerical_aperture": 1.305 + n / 100} for n in range(5))
        widths = seconds_of(lambda others=others: microscope_sigma(**next(others)))
        array = seconds_of(
            lambda g=given: microscope_psf(**g, spacing=(200, 65, 65), shape=(31, 101, 101))
        )
        print(f"| {optics.microscope} | {1e3 * widths:.1f} | {1e3 * array:.0f} |")
    print()


if __name__ == "__main__":
    main()
