"""Explain why no PSF can be measured from a picture."""

import numpy as np

from napari_tf_deblur._beads import finding, spot_faults
from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.spot_fit import Spot
from napari_tf_deblur._core.errors import InvalidValueError

BEAD_ADVICE = (
    "choose a layer that shows small bright beads, apart from each other, on a dark background"
)

WINDOW_ADVICE = (
    "If the beads are not round, as with a double helix, give the size of a window that holds one "
    "whole bead ('Bead window', or `window` in Python)."
)


def refuse_structures(spots: Spots) -> None:
    """Raise an error if a picture shows many more structures than beads."""
    peak = float(np.median([bead.peak for bead in spots.beads])) if spots.beads else 0.0
    others = sum(s.fault == spot_faults.NOT_A_SPOT and s.peak > 0.3 * peak for s in spots.left_out)
    if others > 2 * len(spots.beads) > 0:
        raise InvalidValueError(
            f"The layer chosen as PSF shows {others} structures that are not single spots, and "
            f"only {len(spots.beads)} single spots; it is not a picture of beads: {BEAD_ADVICE}. "
            f"{WINDOW_ADVICE}"
        )


def describe_unusable_spots(spots: Spots) -> str:
    """Return a message why no spot can be used: the most frequent fault and what to do."""
    left_out: tuple[Spot, ...] = tuple(
        s for s in spots.left_out if s.fault != spot_faults.TOO_FAINT
    )
    if not left_out:
        return (
            "The layer chosen as PSF shows nothing brighter than its surroundings by "
            f"{finding.MIN_BEAD_SNR:.0f} times their noise; {BEAD_ADVICE}."
        )
    faults = [spot.fault for spot in left_out]
    most = max(set(faults), key=faults.count)
    if spot_faults.CUT_BY_FRAME in faults and 2 * faults.count(
        spot_faults.NOT_A_SPOT
    ) < faults.count(spot_faults.CUT_BY_FRAME):
        most = spot_faults.CUT_BY_FRAME
    if spot_faults.SATURATED_SPOT in faults and left_out[0].fault == spot_faults.SATURATED_SPOT:
        most = spot_faults.SATURATED_SPOT
    return {
        spot_faults.CUT_BY_FRAME: (
            "The bead in the layer chosen as PSF is cut by the frame; choose a layer or a part "
            "that shows a bead with dark pixels all around it, at least three sigma wide."
        ),
        spot_faults.SATURATED_SPOT: (
            "The bead in the layer chosen as PSF is saturated: its brightest pixels all have the "
            "layer's highest value; record it again with less light or a shorter exposure."
        ),
        spot_faults.HOT_PIXEL: (
            "The layer chosen as PSF shows only single bright pixels, such as a camera's hot "
            f"pixels, and no bead; {BEAD_ADVICE}."
        ),
        spot_faults.CROWDED: (
            f"All beads in the layer chosen as PSF are too close to a neighbour; {BEAD_ADVICE}. "
            f"{WINDOW_ADVICE}"
        ),
        spot_faults.OTHER_WIDTH: (
            "The spots in the layer chosen as PSF all have different widths, so they are not "
            f"beads of one size; {BEAD_ADVICE}."
        ),
        spot_faults.NOT_A_SPOT: (
            "The layer chosen as PSF shows structures that are not single spots; it is not a "
            f"picture of beads: {BEAD_ADVICE}. {WINDOW_ADVICE}"
        ),
    }[most]


def describe_unusable_windows(faults: list[str], sides: tuple[int, ...]) -> str:
    """Return a message why no bead of any shape can be used, from the faults of those found."""
    if not faults:
        return (
            "The layer chosen as PSF shows nothing brighter than its surroundings by "
            f"{finding.MIN_BEAD_SNR:.0f} times their noise; {BEAD_ADVICE}."
        )
    window = f"{' x '.join(map(str, sides))} pixels"
    return {
        spot_faults.CUT_BY_FRAME: (
            "All beads in the layer chosen as PSF are cut by the frame, or are brightest in its "
            "first or last plane; choose a part that shows a bead with dark pixels all around it, "
            "and with its focus inside the stack."
        ),
        spot_faults.SATURATED_SPOT: (
            "All beads in the layer chosen as PSF are saturated: their brightest pixels have the "
            "layer's highest value; record them again with less light or a shorter exposure."
        ),
        spot_faults.CROWDED: (
            f"All beads in the layer chosen as PSF are closer to a neighbour than their window of "
            f"{window}. Choose a smaller window if a bead fits into it; else take a picture with "
            "fewer beads. If these are the spots of one bead, choose a window that holds all of "
            "them."
        ),
    }[max(set(faults), key=faults.count)]
