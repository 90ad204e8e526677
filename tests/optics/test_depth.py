"""PSFs of a stack in a specimen of another index: one for each of some depths."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tf_deblur import Specimen, microscope_psf, microscope_psf_by_depth
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError

OPTICS = {"spacing": (500, 100, 100), "shape": (9, 15, 15)}
WATER = Specimen(refractive_index=1.33, depth=10000)


def test_each_psf_is_that_of_its_plane():
    psf = microscope_psf_by_depth(1.4, 520, planes=41, specimen=WATER, **OPTICS)
    assert psf.places[0].tolist() == [0, 0, 0]
    assert psf.places[-1].tolist() == [40, 0, 0]
    for number in (0, len(psf.psfs) // 2, -1):
        depth = 500 * psf.places[number, 0]  # the middle plane, 20, is 10000 nm deep
        one = microscope_psf(
            1.4, 520, specimen={"refractive_index": 1.33, "depth": depth}, **OPTICS
        )
        np.testing.assert_allclose(psf.psfs[number], one, atol=1e-7)


def test_planes_before_the_coverslip_have_the_psf_of_its_surface():
    shallow = {"refractive_index": 1.33, "depth": 0.0}
    psf = microscope_psf_by_depth(1.4, 520, planes=5, specimen=shallow, **OPTICS)
    for one in psf.psfs[:3]:
        np.testing.assert_array_equal(one, psf.psfs[2])
    assert psf.psfs[4].max() < psf.psfs[2].max()


def test_in_the_medium_of_the_objective_the_psf_does_not_vary():
    psf = microscope_psf_by_depth(1.4, 520, planes=9, specimen=Specimen(depth=4000), **OPTICS)
    for one in psf.psfs:
        np.testing.assert_allclose(one, psf.psfs[0], atol=1e-6)


def test_the_unit_of_length_does_not_matter():
    psf = microscope_psf_by_depth(1.4, 520, planes=9, specimen=WATER, **OPTICS)
    micrometres = microscope_psf_by_depth(
        1.4,
        0.52,
        planes=9,
        specimen=Specimen(refractive_index=1.33, depth=10),
        spacing=(0.5, 0.1, 0.1),
        shape=OPTICS["shape"],
    )
    for one, other in zip(psf.psfs, micrometres.psfs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_stack_that_begins_at_its_deepest_plane_is_turned_round():
    psf = microscope_psf_by_depth(1.4, 520, planes=9, specimen=WATER, **OPTICS)
    deepest = replace(Specimen.from_value(WATER), first_plane="deepest")
    turned = microscope_psf_by_depth(1.4, 520, planes=9, specimen=deepest, **OPTICS)
    for one, other in zip(psf.psfs, turned.psfs[::-1], strict=True):
        np.testing.assert_allclose(one[::-1], other, atol=1e-7)


def test_sizes_that_differ_with_depth_become_one():
    psf = microscope_psf_by_depth(
        1.4, 520, planes=41, specimen=WATER, spacing=(500, 100, 100), within=(41, 33, 33)
    )
    assert len({one.shape for one in psf.psfs}) == 1
    assert all(one.sum() == pytest.approx(1, abs=1e-5) for one in psf.psfs)


def test_what_cannot_be_used_is_said():
    with pytest.raises(InvalidValueError, match="1 or more"):
        microscope_psf_by_depth(1.4, 520, planes=0, specimen=WATER, **OPTICS)
    with pytest.raises(InvalidTypeError, match="whole number"):
        microscope_psf_by_depth(1.4, 520, planes=2.5, specimen=WATER, **OPTICS)
    with pytest.raises(InvalidValueError, match="along z, y and x"):
        microscope_psf_by_depth(1.4, 520, planes=5, specimen=WATER, spacing=(100, 100))
