"""Layers that are deblurred with a PSF that varies, and their records."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import (
    RichardsonLucy,
    Specimen,
    VaryingPSF,
    Wiener,
    convolve,
    deblur_layer,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
    measured_psf,
    microscope_psf_by_depth,
)
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import GaussianPSF, LayerPSF, MicroscopePSF, PlacedPSFs
from napari_tf_deblur._layers.record import describe_outcome, describe_settings
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json, record_to_json
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError

METHOD = Wiener(balance=0.01)
PSF = VaryingPSF([gaussian_psf(1), gaussian_psf(2.5)], [(0, 0), (39, 0)])


@pytest.fixture
def image():
    scene = np.zeros((40, 36))
    scene[8::12, 6::12] = 1000
    return np.random.default_rng(0).poisson(convolve(scene, gaussian_psf(1.6)) + 5)


def test_a_layer_comes_out_as_the_array_does(image):
    layer = Image(image, scale=(2, 2), translate=(5, 7), name="beads")
    result = deblur_layer(layer, PSF, METHOD)
    np.testing.assert_array_equal(result.data, deconvolve(image, PSF, METHOD).image)
    np.testing.assert_array_equal(result.scale, layer.scale)
    np.testing.assert_array_equal(result.translate, layer.translate)


def test_the_last_axes_of_a_stack_are_deblurred_plane_by_plane(image):
    layer = Image(np.stack([image, image]), axis_labels=("t", "y", "x"))
    result = deblur_layer(layer, PSF, METHOD)
    np.testing.assert_allclose(result.data[0], result.data[1])


def test_the_record_says_what_it_lacks_and_makes_no_script(image):
    result = deblur_layer(Image(image, name="beads"), PSF, METHOD)
    record = result.metadata[METADATA_KEY]
    assert "array" not in record["psf"]
    assert record["psf"]["places"] == ((0.0, 0.0), (39.0, 0.0))
    for one in (record, record_from_json(record_to_json(record))):
        assert "2 PSFs at different places" in describe_settings(one)
        assert "overlapping tiles" in describe_outcome(one)
        with pytest.raises(InvalidValueError, match="does not contain its PSF"):
            write_script(one)


def test_settings_say_what_they_lack(image):
    result = deblur_layer(Image(image, name="cells"), PSF, METHOD)
    with pytest.raises(InvalidValueError, match="only Python can give it"):
        Settings.from_record(result.metadata[METADATA_KEY])
    beads = bead_field()
    result = deblur_layer(Image(beads.data), beads, METHOD)
    with pytest.raises(InvalidValueError, match="has no file: save that image"):
        Settings.from_record(result.metadata[METADATA_KEY])


def test_a_result_in_a_file_is_refused_and_nothing_is_written(image, tmp_path):
    with pytest.raises(InvalidTypeError, match="image in memory"):
        deblur_layer(Image(image), PSF, METHOD, output=tmp_path / "deblurred.ome.zarr")
    assert not list(tmp_path.iterdir())


def test_a_psf_of_too_many_axes_is_refused(image):
    psf = VaryingPSF.along_z([gaussian_psf((1, 1, 1)), gaussian_psf((2, 1, 1))], [0, 9])
    with pytest.raises(InvalidValueError):
        deblur_layer(Image(image), psf, METHOD)


# ---------------------------------------------------------------- a PSF for each depth

WATER = Optics(1.2, 520.0, 1.515, specimen=Specimen(refractive_index=1.33, depth=3000.0))


@pytest.fixture
def stack():
    """A stack of points in water under oil, from the coverslip on."""
    psf = microscope_psf_by_depth(
        1.2,
        520,
        refractive_index=1.515,
        spacing=(400, 100, 100),
        planes=16,
        specimen=WATER.specimen,
        shape=(9, 15, 15),
    )
    scene = np.zeros((16, 32, 32), np.float32)
    scene[2::4, 4::8, 4::8] = 5000
    blurred = sum(
        convolve(scene * (np.arange(16) == plane)[:, None, None], psf.at((plane, 0, 0)))
        for plane in range(2, 16, 4)
    )
    image = np.random.default_rng(2).poisson(np.maximum(blurred, 0) + 3).astype(np.uint16)
    return Image(
        image, name="cells", scale=(0.4, 0.1, 0.1), units=("um",) * 3, axis_labels=("z", "y", "x")
    )


def by_depth(layer, **options):
    return Job(
        read_source(layer),
        MicroscopePSF(WATER, 3),
        RichardsonLucy(iterations=9),
        LayerOptions(varying_psf=True, **options),
    )


def test_a_volume_is_deblurred_with_a_psf_for_each_depth(stack):
    job = by_depth(stack)
    job.check()
    result = finish(job.steps())
    call = result.record["psf"]["call"]
    expected = deconvolve(
        stack.data,
        microscope_psf_by_depth(**call["arguments"]),
        RichardsonLucy(iterations=9),
        spacing=job.spacing,
    )
    np.testing.assert_array_equal(result.data, expected.image)
    assert "overlapping tiles" in result.record["pieces"]
    assert call["arguments"]["planes"] == 16
    words = describe_settings(result.record)
    assert "16 PSFs, one for each depth" in words
    assert "A PSF that varies" in words
    one = finish(replace(job, options=LayerOptions()).steps())
    assert not np.allclose(one.data, result.data)
    assert record_from_json(record_to_json(result.record))["varying_psf"] is True


def bead_field(pixel=1.0):
    """A picture of 36 beads that are wider towards the right."""
    rng = np.random.default_rng(7)
    y, x = np.indices((160, 160))
    picture = np.full((160, 160), 100.0)
    for row in np.arange(14, 160, 26):
        for column in np.arange(14, 160, 26):
            sigma = 1.2 + column / 100
            square = (y - row - rng.uniform(-2, 2)) ** 2 + (x - column - rng.uniform(-2, 2)) ** 2
            picture += 1500 * np.exp(-square / (2 * sigma**2))
    picture = rng.poisson(picture).astype(np.float32)
    return Image(picture, name="beads", scale=(pixel, pixel), units=("um",) * 2)


def test_beads_of_a_layer_are_measured_all_over_the_field():
    beads = bead_field()
    image = Image(beads.data.astype(np.uint16), name="cells", scale=(1, 1), units=("um",) * 2)
    result = deblur_layer(image, beads, RichardsonLucy(iterations=9), varying_psf=True)
    psf, notes = measured_psf(beads.data, places=True)
    expected = deconvolve(image.data, psf, RichardsonLucy(iterations=9))
    np.testing.assert_array_equal(result.data, expected.image)
    record = result.metadata[METADATA_KEY]
    assert notes[0] in record["psf"]["notes"]
    assert "varying_psf" in record
    one = deblur_layer(image, beads, RichardsonLucy(iterations=9))
    assert not np.allclose(one.data, result.data)
    fine = deblur_layer(
        image, bead_field(pixel=0.5), RichardsonLucy(iterations=9), varying_psf=True
    )
    assert "resampled" in describe_settings(fine.metadata[METADATA_KEY])


def test_a_part_of_the_field_has_the_psfs_of_its_own_place():
    beads, method = bead_field(), RichardsonLucy(iterations=9)
    options = {"scale": (1, 1), "units": ("um",) * 2}
    whole = read_source(Image(beads.data, **options))
    part = read_source(Image(beads.data[40:, 60:], translate=(40, 60), **options))
    psf = LayerPSF(read_source(beads))
    places, _ = psf.varying_array(whole)
    of_part, _ = psf.varying_array(part)
    np.testing.assert_allclose(np.subtract(places.places, of_part.places), [[40, 60]] * 36)
    fine = Image(beads.data.repeat(2, 0).repeat(2, 1)[80:], translate=(40, 0), scale=(0.5, 0.5))
    fine.units = ("um",) * 2
    of_fine, _ = psf.varying_array(read_source(fine))
    np.testing.assert_allclose(of_fine.places, 2 * np.subtract(places.places, (40, 0)), atol=0.51)
    far = Image(beads.data, translate=(0, 500), **options)
    with pytest.raises(InvalidValueError, match="another part of the field"):
        deblur_layer(far, beads, method, varying_psf=True)


@pytest.mark.parametrize(
    "method", [RichardsonLucy(iterations=5), RichardsonLucy(iterations=5, accelerate=False)]
)
def test_planes_of_a_stack_have_the_same_psfs(image, method):
    stack = np.stack([image, image, 2 * image])
    result = deconvolve(stack, PSF, method)
    np.testing.assert_allclose(result.image[0], result.image[1])
    layer = Image(stack, axis_labels=("t", "y", "x"))
    np.testing.assert_array_equal(deblur_layer(layer, PSF, method).data, result.image)


def test_standard_deviations_are_refused_before_the_run(image):
    psf = PlacedPSFs(PSF)
    job = Job(read_source(Image(image)), psf, METHOD, LayerOptions(), uncertainty=True)
    with pytest.raises(InvalidValueError, match="not available with a PSF that varies"):
        job.check()


@pytest.mark.parametrize("after", [0, 3])
def test_a_stopped_run_says_what_was_done(image, after):
    stop = threading.Event()
    steps = iter_deconvolve(image, PSF, RichardsonLucy(iterations=2000), stop=stop)
    for _ in range(after):
        next(steps, None)
    stop.set()
    result = finish(steps)
    assert result.pieces == ""
    said = " ".join(result.warnings)
    if not result.iterations:
        assert "unchanged" in said
        assert "tile" not in said
    else:
        assert "deblurred with the PSF of the middle" in said


def test_beads_that_are_not_round_have_no_places(image):
    psf = LayerPSF(read_source(bead_field()), window=21)
    job = Job(read_source(Image(image)), psf, METHOD, LayerOptions(varying_psf=True))
    with pytest.raises(InvalidValueError, match="This PSF cannot vary"):
        job.check()


@pytest.mark.parametrize(
    "psf",
    [
        GaussianPSF((1.0, 1.0, 1.0)),
        MicroscopePSF(Optics(1.2, 520.0, 1.515), 3),
        MicroscopePSF(WATER, 2),
    ],
)
def test_a_psf_that_does_not_change_with_depth_is_refused(stack, psf):
    job = replace(by_depth(stack), psf=psf)
    with pytest.raises(InvalidValueError, match="This PSF cannot vary"):
        job.check()
    with pytest.raises(InvalidValueError, match="This PSF cannot vary"):
        finish(job.steps())


def test_pieces_and_skewed_stacks_have_one_psf(stack, tmp_path):
    with pytest.raises(InvalidValueError, match="fits into memory as a whole"):
        replace(by_depth(stack), output=tmp_path / "deblurred.ome.zarr").check()
    with pytest.raises(InvalidValueError, match="skewed stack cannot vary"):
        by_depth(stack, skew_angle=30.0).check()
    assert not list(tmp_path.iterdir())
