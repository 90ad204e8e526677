"""Measure how a PSF varies, from beads in several parts of a picture."""

from dataclasses import replace

import numpy as np

from napari_tf_deblur._beads.averaging import average_beads
from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.spot_faults import OTHER_WIDTH, split_by_width
from napari_tf_deblur._beads.spot_fit import Spot
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.typing import Float32Array, Float64Array

MIN_BEADS_PER_PLACE = 4
"""Least number of beads for the PSF of a place. Guard: against the noise and the faults of single
beads; ``tests/beads/test_places.py``."""


def average_by_place(
    picture: Float32Array, spots: Spots
) -> tuple[list[Float64Array], Float64Array, list[str]]:
    """Average neighbouring beads of a picture, in several parts of it.

    The beads are halved at the median along the axis on which they spread most, relative to the
    picture, and so on, as long as each half has enough. A bead in the middle belongs to both
    halves. Beads must be as wide as others of their own part, not of the whole picture.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes.
    spots : Spots
        Its beads and its other spots.

    Returns
    -------
    psfs : list of ndarray
        One PSF for each part, with its peak at the middle pixel; not normalised.
    places : ndarray of float64
        Shape (PSFs, axes): the mean place of the beads of each part.
    notes : list of str
        What was done, in words.

    Raises
    ------
    InvalidValueError
        If there are too few beads.
    """
    other_width = [spot for spot in spots.left_out if spot.fault == OTHER_WIDTH]
    beads = [*spots.beads, *(replace(spot, fault="") for spot in other_width)]
    beads.sort(key=lambda bead: -bead.peak)
    _refuse_few(len(beads))
    psfs, places, counts = [], [], []
    for group in _halve(beads, picture.shape):
        alike, _ = split_by_width(group)
        if len(alike) < MIN_BEADS_PER_PLACE / 2:
            continue
        own = {id(bead.centre) for bead in alike}
        others = tuple(s for s in (*beads, *spots.left_out) if id(s.centre) not in own)
        psfs.append(average_beads(picture, Spots(tuple(alike), others, spots.noise))[0])
        places.append(np.mean([bead.centre for bead in alike], axis=0))
        counts.append(len(alike))
    if len(psfs) < 2:
        raise InvalidValueError(
            "Neighbouring beads have different widths, so that they do not tell how the PSF varies "
            "from place to place. Measure one PSF: leave out 'places'."
        )
    notes = [f"{len(psfs)} places, with {min(counts)} to {max(counts)} beads each"]
    left_out = len(spots.left_out) - len(other_width)
    if left_out:
        notes.append(f"{left_out} spots left out")
    return psfs, np.array(places), notes


def _refuse_few(count: int) -> None:
    """Raise an error if there are too few beads for two places."""
    if count < 2 * MIN_BEADS_PER_PLACE:
        raise InvalidValueError(
            f"The picture shows {count} bead{'s' * (count != 1)} that can be used. To measure how "
            f"the PSF varies it needs at least {2 * MIN_BEADS_PER_PLACE}, all over the field; with "
            "fewer, measure one PSF: leave out 'places'."
        )


def _halve(beads: list[Spot], shape: tuple[int, ...]) -> list[list[Spot]]:
    """Halve beads, given from bright to faint, as long as each half has enough of them."""
    if len(beads) < 2 * MIN_BEADS_PER_PLACE:
        return [beads]
    centres = np.array([bead.centre for bead in beads])
    axis = int(np.argmax(np.ptp(centres, axis=0) / np.array(shape)))
    order, n = np.argsort(centres[:, axis], kind="stable"), len(beads)
    halves = (sorted(order[: (n + 1) // 2]), sorted(order[n // 2 :]))
    return [group for half in halves for group in _halve([beads[int(k)] for k in half], shape)]
