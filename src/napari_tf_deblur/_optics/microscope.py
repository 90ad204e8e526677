"""Compute the PSF of a microscope from the numbers on its objective, filter and laser."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._optics.arrays import check_psf_shape, check_voxel_sizes, format_sizes
from napari_tf_deblur._optics.optics import IMMERSIONS, Microscope, Optics
from napari_tf_deblur._optics.pixel_integration import choose_shape, integrate_pixels
from napari_tf_deblur._optics.sampling import nyquist_spacing
from napari_tf_deblur._optics.specimen import MOUNTING_MEDIA, Specimen
from napari_tf_deblur._optics.widths import fit_sigmas

__all__ = [
    "IMMERSIONS",
    "MOUNTING_MEDIA",
    "Microscope",
    "Optics",
    "Specimen",
    "microscope_psf",
    "microscope_sigma",
    "pixel_sigma",
    "undersampling",
]

MAX_PSF_VOXELS = 2**26
"""Largest number of voxels of a PSF whose shape is not given. Limit: of memory."""

PIXEL_VARIANCE = 1 / 12
"""Variance that the size of a pixel adds to a PSF, in squared pixels. Derived: a uniform
distribution of width 1 has 1/12."""

SAMPLING_TOLERANCE = 1.15
"""Pixels larger than this times the Nyquist size give a warning. Derived: the frequencies that are
lost have less than 6 % contrast."""


def microscope_sigma(
    numerical_aperture: float,
    emission: float,
    *,
    refractive_index: float | None = None,
    microscope: Microscope = "widefield",
    excitation: float | None = None,
    pinhole: float = 1.0,
    sheet: float | None = None,
    specimen: Specimen | Mapping[str, Any] | None = None,
) -> tuple[float, float, float]:
    """Return the width of the PSF of a microscope, as the sigmas of a Gaussian.

    Parameters
    ----------
    numerical_aperture, emission, refractive_index, microscope, excitation, pinhole, sheet, specimen
        See :class:`Optics`; lengths in any unit.

    Returns
    -------
    tuple of float
        Sigmas along z, y and x, in the unit of `emission`.

    Raises
    ------
    TypeError, ValueError
        As :class:`Optics`.

    Notes
    -----
    Gaussians of any height are fitted by least squares to profiles of the diffraction PSF through
    the focus, across and along the optical axis. The PSF is the vectorial Debye integral of
    Richards and Wolf (Proc. R. Soc. A 253, 358, 1959) for molecules that turn freely, with the
    apodization of a lens that images without coma::

        light = |I0|^2 + 2 |I1|^2 + |I2|^2,
        I0 = sum over angles of (ts + tp cos s) J0 w,  I1: tp sin s J1 w,  I2: (ts - tp cos s) J2 w,

    where s is the angle of a ray in the specimen, ts and tp are the transmissions of the interface
    to the immersion, and w has the phase of the path (Török et al., JOSA A 12, 325, 1995; Gibson
    and Lanni, JOSA A 9, 154, 1992). A specimen of another index widens the PSF and makes it
    lopsided. The focus is where the image of a point is brightest on the axis. The model leaves out
    other aberrations.

    The size of a pixel is not included: see :func:`pixel_sigma`.

    Examples
    --------
    >>> [round(s) for s in microscope_sigma(1.4, 520)]
    [209, 87, 87]
    >>> water = Specimen(refractive_index=1.33, depth=5000)
    >>> [round(s) for s in microscope_sigma(1.4, 520, specimen=water)]
    [428, 104, 104]
    """
    optics = Optics(
        numerical_aperture,
        emission,
        refractive_index,
        microscope,
        excitation,
        pinhole,
        sheet,
        specimen,
    )
    across, along = (sigma * optics.unit for sigma in fit_sigmas(optics.normalised))
    return along, across, across


def microscope_psf(
    numerical_aperture: float,
    emission: float,
    *,
    spacing: Sequence[float],
    refractive_index: float | None = None,
    microscope: Microscope = "widefield",
    excitation: float | None = None,
    pinhole: float = 1.0,
    sheet: float | None = None,
    specimen: Specimen | Mapping[str, Any] | None = None,
    shape: Sequence[int] | None = None,
    within: Sequence[int] | None = None,
) -> PSF:
    """Make the diffraction PSF of a microscope.

    Parameters
    ----------
    numerical_aperture, emission, refractive_index, microscope, excitation, pinhole, sheet, specimen
        See :class:`Optics`; lengths in any unit.
    spacing : sequence of float
        Pixel size along y and x, or along z, y and x, in the unit of `emission`.
    shape : sequence of int, optional
        Odd number of pixels along each axis. By default large enough for deblurring; see the
        notes.
    within : sequence of int, optional
        Upper limit of the number of pixels along each axis if `shape` is not given, such as the
        shape of the image.

    Returns
    -------
    ndarray of float32
        The PSF, of sum 1, with its origin at the middle pixel. With two axes it is the PSF of
        the focal plane.

    Raises
    ------
    TypeError, ValueError
        As :class:`Optics`, or if `spacing` or `shape` cannot be used.

    Notes
    -----
    The light of a point is integrated over the area of each pixel, as a camera does. Along z, it
    is sampled at each plane, not integrated. See :func:`microscope_sigma` for the model. In a
    specimen of another index, planes are ordered from the coverslip into the specimen unless
    `Specimen.first_plane` says otherwise, and the point that is in focus after the travel
    `Specimen.depth` is in the middle plane. Distances of planes are those of the drive; in the
    specimen they are about `Optics.focus_depth` divided by the depth times as long.

    A widefield PSF has no end: it spreads as a cone, and each plane carries the same light. By
    default, the array reaches 8 sigmas of the fitted Gaussian along z, but at most 4 sigmas of a
    light sheet, and as far across as is needed for 95 % of the light of each plane. More planes
    would improve only the level of the haze.

    Examples
    --------
    >>> microscope_psf(1.4, 520, spacing=(200, 65, 65)).shape
    (19, 135, 135)
    >>> microscope_psf(1.4, 520, spacing=(200, 65, 65), within=(12, 64, 200)).shape
    (11, 63, 135)
    """
    optics = Optics(
        numerical_aperture,
        emission,
        refractive_index,
        microscope,
        excitation,
        pinhole,
        sheet,
        specimen,
    )
    sizes = check_voxel_sizes(optics, spacing)
    lengths = tuple(size / optics.unit for size in sizes)
    if shape is None:
        pixels = choose_shape(optics.normalised, lengths)
        if within is not None:
            pixels = tuple(min(n, 2 * ((m + 1) // 2) - 1) for n, m in zip(pixels, within))
        if np.prod(pixels, dtype=float) > MAX_PSF_VOXELS:
            raise InvalidValueError(
                f"The PSF would have {' x '.join(map(str, pixels))} pixels: with an emission of "
                f"{optics.emission:g}, pixels of {format_sizes(sizes)} are too small. Give both in "
                "the same unit, or give the shape of the PSF."
            )
    else:
        pixels = check_psf_shape(shape, len(sizes))
    light = integrate_pixels(optics.normalised, lengths, pixels)
    if len(pixels) == 3 and Specimen.from_value(specimen).first_plane == "deepest":
        light = light[::-1]
    return np.asarray(light / light.sum(), dtype=np.float32)


def pixel_sigma(sigma: Sequence[float], spacing: Sequence[float]) -> tuple[float, ...]:
    """Convert the sigmas of a PSF to pixels, and add the blur by the area of a pixel.

    Parameters
    ----------
    sigma : sequence of float
        Along z, y and x, as :func:`microscope_sigma` returns them.
    spacing : sequence of float
        Pixel size along y and x, or along z, y and x, in the same unit.

    Returns
    -------
    tuple of float
        One sigma for each value of `spacing`, for :func:`napari_tf_deblur.gaussian_psf`. A
        pixel adds 1/12 to the variance along each axis.

    Examples
    --------
    >>> [round(s, 2) for s in pixel_sigma((204, 75, 75), (65, 65))]
    [1.19, 1.19]
    """
    sizes = [float(size) for size in spacing]
    pixels = [float(s) / size for s, size in zip(sigma[-len(sizes) :], sizes)]
    return tuple(float(np.sqrt(p**2 + PIXEL_VARIANCE)) for p in pixels)


def undersampling(optics: Optics, spacing: Sequence[float], unit: str = "nm") -> str:
    """Return a warning if pixels are too large to sample the detail that a microscope resolves.

    Parameters
    ----------
    optics : Optics
        The microscope.
    spacing : sequence of float
        Pixel size along y and x, or along z, y and x, in the unit of the emission.
    unit : str
        Name of that unit.

    Returns
    -------
    str
        A sentence; empty if the pixels are small enough.

    Examples
    --------
    >>> undersampling(Optics(1.4, 520), (65, 65))
    ''
    """
    sizes = check_voxel_sizes(optics, spacing)
    step, pixel = nyquist_spacing(optics)
    parts = []
    if max(sizes[-2:]) > SAMPLING_TOLERANCE * pixel:
        parts.append(
            f"the pixels of {max(sizes[-2:]):.4g} {unit} are larger than the {_two_digits(pixel)} "
            f"{unit} that record all detail of this objective"
        )
    if len(sizes) == 3 and sizes[0] > SAMPLING_TOLERANCE * step:
        parts.append(
            f"the planes are {sizes[0]:.4g} {unit} apart, and recording all detail along z needs "
            f"a distance of {_two_digits(step)} {unit}"
        )
    if not parts:
        return ""
    words = "; ".join(parts)
    return (
        f"{words[0].upper()}{words[1:]}. Finer detail is lost or makes false patterns, and "
        "deblurring does not restore it."
    )


def _two_digits(value: float) -> str:
    """Format a number with two significant digits."""
    return f"{float(f'{value:.2g}'):g}"
