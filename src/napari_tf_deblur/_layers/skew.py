"""Finds out whether a stack is skewed: its planes are not moved along the optical axis.

In many light-sheet microscopes the stage moves at an angle to the planes of the camera. The raw
stack is then sheared in the specimen: each plane lies beside the one before it.
"""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.axes import convert_length, is_length

MIN_SKEW = 10.0
"""Least angle, in degrees, between the scan and the optical axis of a skewed stack. Guard: against
small shears from registration; ``tests/layers/test_skew.py``."""


@dataclass(frozen=True)
class Skew:
    """How the planes of a stack are placed.

    Attributes
    ----------
    angle : float
        Angle between the direction of the scan and the planes of the camera, in degrees, above 0
        and below 90.
    shift : tuple of float
        Shift from one plane to the next, in pixels along rows and columns.
    """

    angle: float
    shift: tuple[float, float]

    @property
    def depth_ratio(self) -> float:
        """Distance of planes along the optical axis, relative to that along the scan."""
        return float(np.sin(np.radians(self.angle)))

    def __str__(self) -> str:
        """Describe the stack."""
        shift = " and ".join(
            f"{pixels:.2f} px along {name}"
            for pixels, name in zip(self.shift, ("y", "x"))
            if abs(pixels) >= 0.005
        )
        return (
            f"skewed stack: scanned at {self.angle:.3g} degrees to its planes, each shifted by "
            f"{shift}"
        )


def find_skew(source: Source, ndim: int, angle: float = 0.0) -> Skew | None:
    """Return how the planes of a stack are placed; None if they follow the optical axis.

    The optical axis is the normal of the planes.

    Parameters
    ----------
    source : Source
        The image. Its pixel size along the first deblurred axis is the step of the scan.
    ndim : int
        Number of deblurred axes; only volumes are skewed.
    angle : float, optional
        Angle between the direction of the scan and the planes, in degrees. Planes are shifted
        towards larger rows; if it is negative, towards smaller ones. 0 takes the place of the
        planes from the layer.
    """
    if ndim != 3 or len((frame := source.frame(3)).indices) < 3:
        return None
    if angle:
        step, row = (
            convert_length(axis.spacing, axis.unit, "nm") if is_length(axis.unit) else axis.spacing
            for axis in frame.axes[:2]
        )
        across = float(np.sign(angle) * np.cos(np.radians(angle)) * step / row)
        skew = Skew(abs(angle), (across, 0.0))
    else:
        scan, *plane = source.world_transform.linear_matrix[:, list(frame.indices)].T
        across, *_ = np.linalg.lstsq(np.stack(plane, axis=1), scan)
        depth = np.linalg.norm(scan - across @ np.stack(plane))
        sine = float(depth / np.linalg.norm(scan))
        if not sine > 1e-6:
            return None  # no stack
        skew = Skew(
            float(np.degrees(np.arcsin(min(sine, 1.0)))), (float(across[0]), float(across[1]))
        )
    return skew if skew.angle < 90 - MIN_SKEW else None
