"""The run of a trial is what `PreparedRun.from_arguments` makes of its patches."""

import numpy as np
import pytest

from napari_tf_deblur import PoissonLikelihood, convolve, gaussian_psf
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.trial_preparation import prepare_trial

PSF = gaussian_psf(1.5)
METHOD = PoissonLikelihood(weight=1.0, gain=1.0, background=5.0)


@pytest.mark.parametrize("hidden", ["nothing", "a pixel", "an area"])
@pytest.mark.parametrize("width", [1.0, 0.8])
def test_it_measures_nothing_and_is_the_same(hidden, width):
    random = np.random.default_rng(0)
    light = np.stack([convolve(100 * random.random((60, 64)), PSF) for _ in range(2)])[:, None]
    image = random.poisson(light).astype(np.float32)
    prepared = PreparedRun.from_arguments(Arguments(image[0, 0], PSF, METHOD))
    valid = None
    if hidden != "nothing":
        valid = np.ones(image.shape, bool)
        valid[0, 0, 9, 9] = False
        if hidden == "an area":
            valid[1, 0, 20:25, 30:35] = False
    calibration = Calibration(METHOD, prepared.calibration.scale, psf_width=width)
    trial = prepare_trial(prepared, image - np.float32(5), valid, "unknown", calibration)
    mask = None if valid is None else ~valid[:, 0]
    whole = PreparedRun.from_arguments(
        Arguments(image, PSF, calibration, channel_axis=1, mask=mask)
    )
    for name in ("values", "valid", "psf"):
        assert np.array_equal(getattr(trial, name), getattr(whole, name)), name
    for name in ("batches", "grid", "boundary", "spacing", "hides_areas", "calibration", "gap"):
        assert getattr(trial, name) == getattr(whole, name), name
    assert np.array_equal(trial.original_image(), whole.original_image())
