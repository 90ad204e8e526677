"""Name the findings of a run about its PSF and its weight."""

from typing import Literal

PSFEvidence = Literal[
    "not too wide", "untested", "seems soft", "too wide", "too narrow", "short along z"
]
"""Finding about the PSF. "untested": neither the spectrum nor trials gave evidence. "seems soft":
the scene is soft, or the PSF is too narrow. "short along z": a PSF that is longer along z explains
a volume better."""

WeightEvidence = Literal["suits", "too large", "too small"]
"""Finding of trials about the weight."""
