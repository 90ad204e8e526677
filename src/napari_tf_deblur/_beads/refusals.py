"""Why a picture cannot serve as PSF, in words."""

import numpy as np

from napari_tf_deblur._beads import finding
from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.spot_fit import Spot
from napari_tf_deblur._core.errors import InvalidValueError

BEAD_ADVICE = (
    "choose a layer that shows small bright beads, apart from each other, on a dark ground"
)


def refuse_structures(spots: Spots) -> None:
    """Refuse a picture in which what is no bead prevails."""
    peak = float(np.median([bead.peak for bead in spots.beads])) if spots.beads else 0.0
    others = sum(s.fault == finding.NOT_A_SPOT and s.peak > 0.3 * peak for s in spots.left_out)
    if others > 2 * len(spots.beads) > 0:
        raise InvalidValueError(
            f"The layer chosen as PSF shows {others} structures that are not shaped as a single "
            f"spot, and {len(spots.beads)} that are; it is no picture of beads: {BEAD_ADVICE}."
        )


def describe_unusable_spots(spots: Spots) -> str:
    """Say why no spot can be used, by the faults of the brightest."""
    left_out: tuple[Spot, ...] = tuple(s for s in spots.left_out if s.fault != finding.TOO_FAINT)
    if not left_out:
        return (
            "The layer chosen as PSF shows nothing brighter than its surroundings by "
            f"{finding.MIN_BEAD_SNR:.0f} times their noise; {BEAD_ADVICE}."
        )
    faults = [spot.fault for spot in left_out]
    most = max(set(faults), key=faults.count)
    if finding.CUT_BY_FRAME in faults and 2 * faults.count(finding.NOT_A_SPOT) < faults.count(
        finding.CUT_BY_FRAME
    ):
        most = finding.CUT_BY_FRAME
    if finding.SATURATED_SPOT in faults and left_out[0].fault == finding.SATURATED_SPOT:
        most = finding.SATURATED_SPOT
    return {
        finding.CUT_BY_FRAME: (
            "The bead in the layer chosen as PSF is cut by the frame; choose a layer or a part "
            "that shows a bead with dark pixels all around it, at least three sigma wide."
        ),
        finding.SATURATED_SPOT: (
            "The bead in the layer chosen as PSF is saturated: its brightest pixels all have the "
            "layer's highest value; record it again with less light or a shorter exposure."
        ),
        finding.HOT_PIXEL: (
            "The layer chosen as PSF shows only single bright pixels, such as a camera's hot "
            f"pixels, and no bead; {BEAD_ADVICE}."
        ),
        finding.CROWDED: (
            f"The beads in the layer chosen as PSF are too close together, none is alone; {BEAD_ADVICE}."
        ),
        finding.OTHER_WIDTH: (
            "The spots in the layer chosen as PSF are all of different width, so they are no "
            f"beads of one size; {BEAD_ADVICE}."
        ),
        finding.NOT_A_SPOT: (
            "What the layer chosen as PSF shows is not shaped as a single spot; it is no picture "
            f"of beads: {BEAD_ADVICE}."
        ),
    }[most]
