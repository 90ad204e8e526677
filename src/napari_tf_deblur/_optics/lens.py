"""Describe a lens, the specimen in front of it, and the path of light between them.

Lengths are in wavelengths in the immersion, refractive indices relative to that of the immersion.
The sine of the angle of a ray in the immersion names the ray: by Snell's law, the product of index
and sine is the same in all layers.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._optics.quadrature import quadrature

Rays = NDArray[np.complex128]

FOCUS_STEP = 0.1
"""Step of the search for the focus, in depths of field. Limit: of time."""

FOCUS_MARGIN = 3.0
"""How far it searches beyond the foci of central and outermost rays, in depths of field. Limit: of
time."""

MAX_FOCUS_STEPS, FOCUS_TOLERANCE = 20, 1e-6
"""Largest number of steps to find the point that is in focus, and the relative change after which
it is found. Limit: of time."""

MAX_FOCUS_TERMS = 2**21
"""Largest product of the numbers of places and of oscillations in the search for the focus. Limit:
of time and memory."""

CHECKED_RAYS = 512
"""Number of rays whose paths are compared to count oscillations. Set by eye."""

NEAR_CRITICAL = 0.98
"""Sine in the specimen of the outermost ray whose focus bounds the search. Guard: against a focus
at infinity; ``tests/optics/test_specimen.py``."""


@dataclass(frozen=True)
class Lens:
    """A lens, and the layers that light passes on its way to it.

    Attributes
    ----------
    sine : float
        Numerical aperture divided by the refractive index of the immersion.
    sample : float
        Refractive index of the specimen, relative to the immersion.
    place : float
        Distance of the point from the coverslip.
    layers : tuple of (float, float)
        Thickness and relative index of layers that lengthen the path of light; a negative
        thickness shortens it. Layers that the lens is made for count negatively.
    focus : float
        Travel of the focus, from coverslip into specimen, that images the point sharply.
    glass : float
        Relative index of the coverslip, which reflects a part of oblique light at both sides.
    """

    sine: float
    sample: float = 1.0
    place: float = 0.0
    layers: tuple[tuple[float, float], ...] = ()
    focus: float = 0.0
    glass: float = 1.0

    @property
    def is_symmetric(self) -> bool:
        """Whether the image is the same on both sides of the focus."""
        return self.sample == 1.0 and not self.layers

    @property
    def cone(self) -> float:
        """One minus the cosine of the half angle of the cone of light: one over depth of field."""
        return float(2 * np.sin(np.arcsin(self.sine) / 2) ** 2)

    def with_wavelength(self, factor: float) -> Self:
        """Return the lens in units of a wavelength that is longer by a factor."""
        return replace(
            self,
            place=self.place / factor,
            layers=tuple((thickness / factor, index) for thickness, index in self.layers),
            focus=self.focus / factor,
        )

    def rays(self, cycles: float) -> tuple[Float64Array, Float64Array]:
        """Return sines of rays, and weights to integrate over their angles in the immersion.

        Parameters
        ----------
        cycles : float
            Number of oscillations of what is integrated.
        """
        nodes, weights = quadrature(cycles)
        # Angles in the thinner medium: there, the path of light is a smooth function of them.
        index = min(self.sample, 1.0)
        widest = float(np.arcsin(min(self.sine / index, 1.0)))
        sines, steps = index * np.sin(widest * nodes), index * np.cos(widest * nodes)
        weights = widest * weights
        if self.sine > index:  # rays that the specimen sends out only next to the coverslip
            beyond = float(np.arccosh(self.sine / index))
            sines = np.concatenate([sines, index * np.cosh(beyond * nodes)])
            steps = np.concatenate([steps, index * np.sinh(beyond * nodes)])
            weights = np.concatenate([weights, beyond * weights / widest])
        return sines, weights * steps / np.sqrt(1 - sines**2)

    def path(self, sines: Float64Array) -> Rays:
        """Return the length of the path of rays from the point, with the focus at the coverslip."""
        length = self.place * cosine_in(self.sample, sines)
        for thickness, index in self.layers:
            length += thickness * cosine_in(index, sines)
        return length

    def count_cycles(self) -> float:
        """Return how often the phase of rays goes round between axis and edge, in focus."""
        sines = np.linspace(0, self.sine, CHECKED_RAYS)
        path = np.real(self.path(sines) - self.focus * cosine_in(1.0, sines))
        return float(np.abs(np.diff(path)).sum())

    def amplitudes(self, sines: Float64Array) -> tuple[Rays, Rays, Rays]:
        """Return the amplitudes of rays in the integrals over J0, J1 and J2.

        They are those of Richards and Wolf, for the mean over all directions of a dipole, with the
        transmission of both sides of the coverslip (Török et al., JOSA A 12, 325, 1995; Török &
        Varga, Applied Optics 36, 2305, 1997).
        """
        cosines = np.sqrt(1 - sines**2)
        inside = cosine_in(self.sample, sines)
        outer, inner = _transmit(1.0, self.glass, sines), _transmit(self.glass, self.sample, sines)
        across, along = outer[0] * inner[0], outer[1] * inner[1]
        lens = np.sqrt(cosines) * sines
        tilted = along * inside / self.sample
        return (
            lens * (across + tilted) / 2,
            lens * along * (sines / self.sample) / np.sqrt(2),
            lens * (across - tilted) / 2,
        )


def cosine_in(index: float, sines: Float64Array) -> Rays:
    """Return index times cosine of rays in a layer; imaginary for light that does not enter it."""
    return np.sqrt(np.asarray(index**2 - sines**2, np.complex128))


def _transmit(before: float, after: float, sines: Float64Array) -> tuple[Rays, Rays]:
    """Return Fresnel's transmission into a layer, of light polarised across and in its plane."""
    first, second = cosine_in(before, sines), cosine_in(after, sines)
    ratio = after / before
    return 2 * first / (first + second), 2 * first / (ratio * first + second / ratio)


def find_focus(lens: Lens) -> float:
    """Return the travel of the focus at which the image of the point is brightest on the axis."""
    steepest = min(lens.sine, NEAR_CRITICAL * lens.sample)
    ends = np.array([1e-3 * steepest, steepest])
    # A ray is in focus where a step of its sine does not change the length of its path.
    slope = np.real(lens.path(ends * 1.0001) - lens.path(ends))
    foci = slope / np.real(cosine_in(1.0, ends * 1.0001) - cosine_in(1.0, ends))
    margin = FOCUS_MARGIN / lens.cone
    first, last, step = foci.min() - margin, foci.max() + margin, FOCUS_STEP / lens.cone
    cycles = max(replace(lens, focus=float(end)).count_cycles() for end in (first, last))
    if cycles * (last - first) > MAX_FOCUS_TERMS * step:
        raise InvalidValueError(
            "The focus is so deep in a specimen of another refractive index that its PSF cannot be "
            "computed: check the depth and its unit, or measure the PSF at that depth."
        )
    travels = np.arange(first, last, step)
    sines, weights = lens.rays(cycles)
    path = lens.path(sines)
    amplitudes = weights * lens.amplitudes(sines)[0] * np.exp(2j * np.pi * (path - path[0].real))
    # The wave after a travel is the product of two waves, after coarse and after fine steps.
    fine = int(np.sqrt(len(travels)))
    turns = -2j * np.pi * np.sqrt(1 - sines**2)
    coarse_waves = amplitudes * np.exp(np.outer(travels[::fine], turns))
    fine_waves = np.exp(np.outer(travels[:fine] - travels[0], turns))
    light = np.abs(coarse_waves @ fine_waves.T).ravel()[: len(travels)] ** 2
    best = int(np.clip(light.argmax(), 1, len(light) - 2))
    left, middle, right = light[best - 1 : best + 2]
    shift = (left - right) / (2 * (left - 2 * middle + right))
    return float(travels[best] + shift * (travels[1] - travels[0]))


@lru_cache(maxsize=256)
def focus_lens(lens: Lens, travel: float) -> Lens:
    """Return the lens with the point that is in focus after some travel from the coverslip."""
    if lens.is_symmetric:
        return replace(lens, place=travel, focus=travel)
    start = find_focus(replace(lens, sample=1.0)) if lens.layers else 0.0
    place = travel * lens.sample
    for _ in range(MAX_FOCUS_STEPS if travel else 0):
        change = travel / (find_focus(replace(lens, place=place)) - start)
        place *= change
        if abs(change - 1) < FOCUS_TOLERANCE:
            break
    lens = replace(lens, place=place)
    return replace(lens, focus=find_focus(lens))
