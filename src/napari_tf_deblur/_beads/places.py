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

MAX_PLACES = 64
"""Largest number of places at which a PSF is measured. Limit: of time."""


def average_by_place(
    picture: Float32Array, spots: Spots
) -> tuple[list[Float64Array], Float64Array, list[str]]:
    """Average neighbouring beads of a picture, in several parts of it.

    Each bead is averaged with its nearest neighbours; of many beads, some that are far apart. Beads
    must be as wide as their neighbours, not as those at the other end of the picture.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes.
    spots : Spots
        Its beads and its other spots.

    Returns
    -------
    psfs : list of ndarray
        One PSF for each place, with its peak at the middle pixel; not normalised.
    places : ndarray of float64
        Shape (PSFs, axes): the mean place of the beads of each PSF.
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
    groups = _group_neighbours(beads)
    alike_groups = [split_by_width(group)[0] for group in groups]
    used = [alike for alike, group in zip(alike_groups, groups) if 2 * len(alike) > len(group)]
    distinct = {frozenset(id(bead.centre) for bead in alike): alike for alike in used}
    for own, alike in distinct.items():
        others = tuple(s for s in (*beads, *spots.left_out) if id(s.centre) not in own)
        psfs.append(average_beads(picture, Spots(tuple(alike), others, spots.noise))[0])
        places.append(np.mean([bead.centre for bead in alike], axis=0))
        counts.append(len(alike))
    if len(psfs) < 2 or 2 * len(used) < len(groups):
        raise InvalidValueError(
            "Neighbouring beads have different widths, so that they do not tell how the PSF varies "
            "from place to place. Measure one PSF that does not vary."
        )
    most, least = max(counts), min(counts)
    each = f"{least} to {most}" if least < most else f"{most}"
    notes = [f"{len(psfs)} places, with {each} beads each"]
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
            "fewer, measure one PSF that does not vary."
        )


def _group_neighbours(beads: list[Spot]) -> list[list[Spot]]:
    """Group some beads, all over the field, with their nearest neighbours; each group once.

    The beads are given from bright to faint. So their order does not depend on directions.
    """
    centres = np.array([bead.centre for bead in beads])
    count = max(MIN_BEADS_PER_PLACE, len(beads) // MAX_PLACES)
    groups: dict[tuple[int, ...], None] = {}
    farness = np.full(len(beads), np.inf)  # distance from the nearest bead that was chosen
    for _ in range(min(len(beads), MAX_PLACES)):
        distance = np.linalg.norm(centres - centres[farness.argmax()], axis=1)
        groups[tuple(sorted(map(int, np.argsort(distance, kind="stable")[:count])))] = None
        farness = np.minimum(farness, distance)
    return [[beads[k] for k in group] for group in groups]
