"""Says where the focus lies in a specimen of another refractive index than the immersion."""

from dataclasses import replace

from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen


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
        Parts of a sentence; none if the objective is made for the specimen.
    """
    if optics.is_matched:
        return ()
    specimen = Specimen.from_value(optics.specimen)
    depth = specimen.depth
    if not depth:
        return ("depth 0: the focus is taken to lie at the coverslip",)
    place = f"the focus is {_micrometres(optics.focus_depth)} below the coverslip"
    notes = (f"{place}, not {_micrometres(depth)}",)
    if planes < 2:
        return notes
    half = (planes - 1) / 2 * step
    ends = (max(depth - half, 0.0), depth + half)
    first, last = (
        replace(optics, specimen=replace(specimen, depth=end)).focus_depth for end in ends
    )
    ratio = (last - first) / (ends[1] - ends[0])
    return (*notes, f"distances along z are {ratio:.2f} times as large in the specimen")


def _micrometres(length: float) -> str:
    """Format a length, given in nanometres."""
    return f"{length / 1000:.3g} µm"
