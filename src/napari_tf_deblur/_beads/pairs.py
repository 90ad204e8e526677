"""Look for spots that belong together: the images of one bead, or beads that the frame cuts."""

import numpy as np

from napari_tf_deblur._beads import spot_faults
from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.spot_faults import MIN_BEAD_DISTANCE, relative_distance
from napari_tf_deblur._beads.spot_fit import Spot

MIN_PAIRED_BEADS = 3
"""Least number of beads that tell pairs from chance. Guard: against neighbours by chance;
``tests/beads/test_pairs.py``."""

MIN_PAIRED_PART = 0.8
"""Least part of the beads that have a second spot at the same place. Guard: against neighbours by
chance; ``tests/beads/test_pairs.py``."""

MAX_PAIR_SPREAD = 1.0
"""Largest distance, in pixels, of the second spots from their common place. Derived: a pixel is the
error of a place at worst."""

MIN_PAIR_PEAK = 0.2
"""Least peak of a second spot, relative to that of the bead. Guard: against rings of a bead;
``tests/beads/test_pairs.py``."""


def describe_pairs(spots: Spots) -> list[str]:
    """Return a note if most beads have a second spot at the same distance and in one direction."""
    beads = spots.beads
    others = [
        s
        for s in (*beads, *spots.left_out)
        if s.fault not in (spot_faults.HOT_PIXEL, spot_faults.TOO_FAINT)
    ]
    steps = []
    for bead in beads:
        away = [
            s.centre - bead.centre
            for s in others
            if s.centre is not bead.centre and s.peak > MIN_PAIR_PEAK * bead.peak
        ]
        if away:
            steps.append(min(away, key=np.linalg.norm))
    if not steps:
        return []
    places = np.array(steps)
    # Each of two equal spots is the second one of the other: opposite directions are the same.
    longest = int(np.argmax(np.abs(places).max(axis=0)))
    places *= np.where(places[:, longest] < 0, -1, 1)[:, None]
    common = np.median(places, axis=0)
    alike = np.linalg.norm(places - common, axis=1) <= MAX_PAIR_SPREAD
    if np.count_nonzero(alike) < max(MIN_PAIRED_BEADS, MIN_PAIRED_PART * len(beads)):
        return []
    note = (
        f"most beads have a second spot {np.linalg.norm(common):.1f} pixels away, in one "
        "direction: if both are images of one bead, this PSF is wrong, and the size of a window "
        "that holds both must be given"
    )
    return [note]


def shows_cut_beads(spots: Spots) -> bool:
    """Whether three bright spots or more are cut by the frame and lie apart, as beads do."""
    cut = [s for s in spots.left_out if s.fault == spot_faults.CUT_BY_FRAME]
    top = max((s.peak for s in spots.left_out), default=0.0)
    apart: list[Spot] = []
    for spot in cut:
        if spot.peak > 0.3 * top and all(
            relative_distance(spot.centre, other) > MIN_BEAD_DISTANCE for other in apart
        ):
            apart.append(spot)
    return len(apart) >= MIN_PAIRED_BEADS
