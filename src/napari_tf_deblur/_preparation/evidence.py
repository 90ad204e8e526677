"""What a run finds out about its PSF and its weight."""

from typing import Literal

PSFEvidence = Literal["not too wide", "untested", "seems soft", "too wide", "too narrow"]
"""What an image says of its PSF. Untested is one of which neither spectrum nor trials tell; what
seems soft is a soft scene, or has a PSF that is too narrow."""

WeightEvidence = Literal["suits", "too large", "too small"]
"""What trials say of a weight."""
