"""Describes what a specimen of another refractive index than the immersion does to the focus."""

from dataclasses import replace

from napari_tf_deblur._optics.microscope import microscope_sigma
from napari_tf_deblur._optics.optics import FWHM, IMMERSIONS, Optics
from napari_tf_deblur._optics.specimen import Specimen

TYPICAL_DEPTH = 5_000.0
"""Depth of the focus, in nanometres, for which the effect of a medium is measured. Definition: of
`compare_widths`; about the thickness of a cell."""

MAX_ELONGATION = 1.2
"""Elongation from which a PSF depends on the mounting medium. Chosen by ``benchmarks/aberrations.py
images --development``: in glycerol it is 1.37, and images lose 0.9 dB or more there."""


def compare_widths(optics: Optics) -> tuple[float, float]:
    """Measure how much larger the PSF is in the mounting medium, 5 µm deep.

    Parameters
    ----------
    optics : Optics
        The microscope; lengths in nanometres. Without a medium, that of the specimen is water.

    Returns
    -------
    along, across : float
        The sigmas along z and in the plane, divided by those without a mismatch.
    """
    specimen = Specimen.from_value(optics.specimen)
    index = specimen.refractive_index or IMMERSIONS["water"]
    wanted = (Specimen(), Specimen(refractive_index=index, depth=TYPICAL_DEPTH))
    matched, mounted = (microscope_sigma(**vars(replace(optics, specimen=one))) for one in wanted)
    return mounted[0] / matched[0], mounted[-1] / matched[-1]


def needs_medium(optics: Optics) -> bool:
    """Whether the PSF depends on a mounting medium or a depth that is not given."""
    specimen = Specimen.from_value(optics.specimen)
    is_given = specimen.refractive_index is not None and (specimen.depth or optics.is_matched)
    return not is_given and compare_widths(optics)[0] > MAX_ELONGATION


def describe_focus(optics: Optics, planes: int = 1, step: float = 0.0) -> tuple[str, ...]:
    """Say where the focus is, and how far apart the planes of a stack are in the specimen.

    Light is refracted where it enters the specimen. So the point in focus does not lie as deep as
    the focus was moved, and planes are not as far apart as the drive says.

    Parameters
    ----------
    optics : Optics
        The microscope, with its specimen; lengths in nanometres.
    planes : int
        Number of planes of the stack.
    step : float
        Travel of the drive between two planes, in nanometres.

    Returns
    -------
    tuple of str
        Parts of a sentence; none if the objective is made for the specimen, or if a specimen that
        is not given changes little.
    """
    if optics.is_matched:
        if not needs_medium(optics):
            return ()
        along, across = compare_widths(optics)
        larger = f"{along:.1f} times as long and {across:.1f} times as wide"
        return (f"mounting medium not given: in water, 5 µm deep, the PSF is {larger}",)
    specimen = Specimen.from_value(optics.specimen)
    depth = specimen.depth
    if not depth:
        return ("depth 0: the focus is taken to lie at the coverslip",)
    place = f"the focus is {_micrometres(optics.focus_depth)} below the coverslip"
    notes: tuple[str, ...] = (f"{place}, not {_micrometres(depth)}",)
    if planes < 2:
        return notes
    half = (planes - 1) / 2 * step
    ends = (max(depth - half, 0.0), depth + half)
    first, last = (replace(optics, specimen=replace(specimen, depth=end)) for end in ends)
    ratio = (last.focus_depth - first.focus_depth) / (ends[1] - ends[0])
    notes += (f"distances along z are {ratio:.2f} times as large in the specimen",)
    low, high = (microscope_sigma(**vars(one))[0] * FWHM for one in (first, last))
    if high < low * MAX_ELONGATION:
        return notes
    return (
        *notes,
        f"the FWHM of the PSF along z grows from {_micrometres(low)} to {_micrometres(high)}",
    )


def _micrometres(length: float) -> str:
    """Format a length, given in nanometres."""
    return f"{length / 1000:.3g} µm"
