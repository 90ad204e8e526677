"""What a run does before its first iteration."""

from dataclasses import dataclass

from napari_tf_deblur._core.typing import PSF


@dataclass(frozen=True)
class Stage:
    """A part of a run that comes before its iterations.

    Attributes
    ----------
    name : str
        What the run does now, as a user reads it. Several stages may have the same name.
    fraction : float
        Finished part of this stage, 0 to 1.
    psf : ndarray, optional
        The PSF, once it is computed.
    """

    name: str
    fraction: float = 0.0
    psf: PSF | None = None
