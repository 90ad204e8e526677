"""Fit the power spectrum of an image with its PSF, and with narrower and wider ones."""

import numpy as np

from napari_tf_deblur._blur.gaussian_fit import POINT_SCENE_SLOPE, fit_known_psf
from napari_tf_deblur._blur.spectrum import measure_spectrum
from napari_tf_deblur._blur.spectrum_model import SpectrumModel
from napari_tf_deblur._blur.spectrum_patches import extract_patches
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.psf_resizing import hardly_blurs, passes_zero, power_passed, resize_psf
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._noise.slabs import select_valid
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.psf_width import (
    MAX_ODDS_AGAINST_NARROWER,
    MIN_SPECTRUM_EVIDENCE,
    NARROWER,
    NOISY,
    SOFTENING_BIAS,
    UNKNOWN_WIDTH,
    WIDER,
    PSFWidthTest,
)

HALF_AS_WIDE, TWICE_AS_WIDE = 0.5, 2.0
"""Widths for a PSF that is far from right, relative to it: if a disc is twice too wide, one that is
a fifth narrower is no better. Chosen by ``benchmarks/claims.py --development --confusion``."""

LONGER = (1.4, 1.0, 1.0)
"""Factors of the widths of a PSF that is longer along z: a specimen of another refractive index
makes it 1.3 to 2.5 times as long. Chosen by ``benchmarks/aberrations.py images --development``:
with 2, an exact PSF and a wrong one differ less."""

MAX_SATURATED_PART = 0.03
"""Part of the pixels that may be saturated. With more, the spectrum does not count, as the edges of
saturated areas are sharp. Chosen by ``benchmarks/claims.py --development --saturated 0.2``: trials
alone called none of 16 exact PSFs too wide."""


def fit_psf_width(prepared: PreparedRun, times: float = 1.0) -> PSFWidthTest:
    """Fit the spectrum of an image with its PSF and those of other widths.

    Parameters
    ----------
    prepared : PreparedRun
        The run, with image and PSF.
    times : float
        Factor by which the PSF is widened first.
    """
    psf = resize_psf(prepared.psf, times)
    if hardly_blurs(psf):
        return UNKNOWN_WIDTH
    valid, is_saturated = prepared.valid, False
    if np.isfinite(level := find_saturation_level(Pixels(prepared.values, valid))):
        is_saturated = bool(
            np.mean(select_valid(Pixels(prepared.values, valid)) >= level) > MAX_SATURATED_PART
        )
        below = prepared.values < level
        valid = below if valid is None else below & valid
    patches = extract_patches(Pixels(prepared.values, valid))
    if not patches:
        return UNKNOWN_WIDTH

    factors: list[float | tuple[float, ...]] = [1.0, NARROWER, WIDER, HALF_AS_WIDE, TWICE_AS_WIDE]
    if psf.ndim == 3:
        factors.append(LONGER)
    model = SpectrumModel(
        measure_spectrum(patches, prepared.spacing, [resize_psf(psf, f) for f in factors])
    )
    own_fit = fit_known_psf(model)
    fits = [fit_known_psf(model, number, own_fit) for number in range(1, len(factors))]
    narrower, wider, half, double, *longer = (
        0.0 if is_saturated else own_fit.negative_log_posterior - fit.negative_log_posterior
        for fit in fits
    )
    far_narrower = half > MIN_SPECTRUM_EVIDENCE >= narrower
    far_wider = double > max(wider, narrower, half) + MAX_ODDS_AGAINST_NARROWER
    softens_edges = prepared.calibration.method.softens_edges
    power = power_passed(psf, tuple(2 * n for n in psf.shape))
    return PSFWidthTest(
        narrower_log_odds=half if far_narrower else narrower,
        wider_log_odds=double if far_wider else wider,
        is_noisy=_is_noisy(prepared),
        longer_log_odds=longer[0] if longer else 0.0,
        equivalent_sigma=float(np.sqrt(power ** (-2 / psf.ndim) / (4 * np.pi))),
        has_zeros=passes_zero(psf),
        trials_are_biased=own_fit.slope == POINT_SCENE_SLOPE or softens_edges,
        trial_bias=SOFTENING_BIAS if softens_edges else 0.0,
        slope=float(own_fit.scene_coefficients[1]),
        narrower_factor=HALF_AS_WIDE if far_narrower else NARROWER,
        wider_factor=TWICE_AS_WIDE if far_wider else WIDER,
    )


def _is_noisy(prepared: PreparedRun) -> bool:
    """Whether the noise in bright parts is above `NOISY`."""
    scale, (_, line) = prepared.calibration.scale, prepared.noise
    return max(line.slope * scale + line.intercept, 0.0) > (NOISY * scale) ** 2
