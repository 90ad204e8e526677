"""Settings survive a file unchanged, and all text of a file is checked."""

import json

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import (
    METHODS,
    GradientDescent,
    PoissonLikelihood,
    TotalVariation,
    Wiener,
    deblur_layer,
    gaussian_psf,
)
from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.psf_settings import open_layer, with_numbers
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import (
    AUTOMATIC_PSF,
    ArrayPSF,
    BeadPSFSettings,
    DefocusPSF,
    EstimatedPSF,
    EstimatedPSFSettings,
    FixedPSFSettings,
    GaussianPSF,
    MicroscopePSF,
    MicroscopeSettings,
    MotionPSF,
)
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY

UM = {"scale": (0.1, 0.1), "units": ("um", "um")}
PSFS = {
    "automatic": AUTOMATIC_PSF,
    "given": with_numbers(AUTOMATIC_PSF, {"emission": (450.0, 520.0)}, pixel=65.0, step=200.0),
    "usual": MicroscopeSettings(
        defaults={"numerical_aperture": 1.4, "emission": 520.0, "microscope": "confocal"},
        default_spacing=(200.0, 65.0, 65.0),
    ),
    "nothing known": MicroscopeSettings(
        defaults={"microscope": "widefield"}, estimate_if_incomplete=True
    ),
    "gaussian": FixedPSFSettings(GaussianPSF((1.5, 1.0), 9, 10.0)),
    "defocus": FixedPSFSettings(DefocusPSF(2.5)),
    "motion": FixedPSFSettings(MotionPSF(7.0, 30.0)),
    "bead": BeadPSFSettings("beads.tif", open_layer),
    "bead of any shape": BeadPSFSettings("beads.tif", open_layer, 41),
    "found": EstimatedPSFSettings(),
}


@pytest.mark.parametrize("psf", PSFS.values(), ids=PSFS)
def test_every_psf_is_the_same_after_it_was_in_a_file(psf):
    settings = Settings(psf, axes="volume")
    assert Settings.from_json(settings.as_json()) == settings


@pytest.mark.parametrize("method", ["auto", *(method() for method in METHODS)], ids=str)
def test_every_method_and_option_is_the_same_after_it_was_in_a_file(method):
    options = LayerOptions(boundary="zero", smoothing=2.5, ignore_nan=True, ignore_saturated=True)
    settings = Settings(method=method, options=options)
    again = Settings.from_json(settings.as_json())
    assert again == settings
    assert again.digest == settings.digest
    assert Settings(method=method).digest != settings.digest


def test_an_array_is_the_same_after_it_was_in_a_file():
    array = gaussian_psf(1.0)
    again = Settings.from_json(Settings(FixedPSFSettings(ArrayPSF(array))).as_json())
    np.testing.assert_array_equal(again.psf.kind.values, array)


def test_a_function_is_refused_in_words():
    with pytest.raises(InvalidValueError, match="no file can hold"):
        Settings(method=GradientDescent(prior=lambda image: 0)).as_json()


ATTACK = "__import__('os').abort()"
WRONG = [
    "",
    "words",
    "[]",
    "{}",
    '{"napari_tf_deblur": 3}',
    '{"napari_tf_deblur": {"kind": "result"}}',
    "[" * 100_000,
    "1" * 200_000,
]


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_what_are_no_settings_is_said(text):
    with pytest.raises(InvalidValueError, match="holds no settings of napari-tf-deblur"):
        Settings.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"psf": None},
        {"psf": {"kind": "gaussian"}},
        {"psf": {"kind": ATTACK}},
        {"psf": {"kind": "gaussian", "sigma": ["a"], "size": None, "angle": 0}},
        {"psf": {"kind": "microscope", "optics": {"lens": 3}}},
        {"psf": {"kind": "microscope", "optics": {"numerical_aperture": -1, "emission": 500}}},
        {"psf": {"kind": "measured"}},
        {"psf": {"kind": "measured", "path": "beads.tif", "window": "wide"}},
        {"method": {"name": ATTACK}},
        {"method": {"name": "TotalVariation", "weight": 1e9}},
        {"method": {"name": "TotalVariation", "wait": 1}},
        {"method": 3},
        {"boundary": "open"},
        {"smoothing": 0},
        {"smoothing": "2"},
        {"ignore_nan": 1},
        {"axes": "t"},
    ],
    ids=str,
)
def test_a_wrong_entry_is_refused_in_a_sentence(change):
    record = {**json.loads(Settings().as_json())[METADATA_KEY], **change}
    with pytest.raises(UserError) as caught:
        Settings.from_json(json.dumps({METADATA_KEY: record}))
    assert str(caught.value).endswith(".")


def test_what_a_file_leaves_out_is_as_usual():
    text = json.dumps(
        {METADATA_KEY: {"kind": "settings", "psf": {"kind": "estimated"}, "method": "auto"}}
    )
    assert Settings.from_json(text) == Settings(EstimatedPSFSettings())


@pytest.mark.parametrize(
    "psf",
    [
        GaussianPSF((1.5, 1.5)),
        DefocusPSF(2.0),
        MotionPSF(5.0, 20.0),
        EstimatedPSF(2),
        ArrayPSF(gaussian_psf(1.0)),
        MicroscopePSF(Optics(1.4, 520.0), 2),
        MicroscopePSF(Optics(1.4, 520.0, specimen=Specimen(1.33, 2000.0)), 2),
    ],
    ids=lambda psf: psf.name,
)
def test_the_settings_of_a_result_make_the_same_job_again(psf, blurred):
    layer = Image(blurred * 100, name="cells", **UM)
    asked = PoissonLikelihood(iterations=3, background=0.0)
    job = Job(read_source(layer), psf, asked, LayerOptions(smoothing=2.0, ignore_nan=True))
    record = finish(job.steps()).record
    settings = Settings.from_json(Settings.from_record(record).as_json())
    (again,) = settings.jobs(FileImage(layer))
    assert again.method == asked  # as it was asked for: its weight is found in each image
    assert again.options == job.options
    if isinstance(psf, ArrayPSF):
        np.testing.assert_array_equal(again.psf.values, psf.values)
    elif isinstance(psf, MicroscopePSF):
        assert again.psf.optics == psf.optics
    else:
        assert again.psf == psf
    first, second = finish(job.steps()), finish(again.steps())
    np.testing.assert_array_equal(first.data, second.data)


def test_settings_of_a_result_leave_no_pixel_size_and_no_wavelength_of_a_file_aside(blurred):
    layer = Image(blurred, name="cells", **UM)
    psf = MicroscopePSF(Optics(1.4, 520.0), 2)
    record = finish(Job(read_source(layer), psf, Wiener(balance=0.1)).steps()).record
    settings = Settings.from_record(record)
    other = Image(blurred, name="others", scale=(0.2, 0.2), units=("um", "um"))
    other.metadata["ome_metadata"] = ome("610")
    (job,) = settings.jobs(FileImage(other))
    assert job.psf.optics.emission == 610.0
    assert job.psf.optics.numerical_aperture == 1.4  # 1.1, says the file
    assert job.source.axes[-1].spacing == 0.2
    unsized = Image(blurred, name="without a size")
    (job,) = settings.jobs(FileImage(unsized))
    assert (job.source.axes[-1].spacing, job.source.axes[-1].unit) == (100.0, "nanometer")


def test_numbers_that_are_given_come_before_all_others(blurred):
    layer = Image(blurred, name="cells", **UM)
    layer.metadata["ome_metadata"] = ome("610")
    given = {"emission": (450.0,), "numerical_aperture": (0.8,)}
    settings = Settings(with_numbers(AUTOMATIC_PSF, given, pixel=50.0))
    (job,) = settings.jobs(FileImage(layer))
    assert (job.psf.optics.emission, job.psf.optics.numerical_aperture) == (450.0, 0.8)
    assert job.source.axes[-1].spacing == 50.0
    (told,) = Settings().jobs(FileImage(layer))
    assert (told.psf.optics.emission, told.psf.optics.numerical_aperture) == (610.0, 1.1)


def test_without_numbers_the_blur_is_found_unless_a_microscope_was_asked_for(blurred):
    layer = Image(blurred, name="cells")
    (job,) = Settings().jobs(FileImage(layer))
    assert job.psf == EstimatedPSF(2)
    asked = Settings(MicroscopeSettings(given={"emission": (520.0,)}))
    with pytest.raises(UserError, match="needs the numerical aperture and the size of a pixel"):
        asked.jobs(FileImage(layer))


def test_one_sigma_is_that_of_every_axis(blurred):
    settings = Settings(FixedPSFSettings(GaussianPSF((1.5,))), axes="volume")
    (plane,) = settings.jobs(FileImage(Image(blurred)))
    (volume,) = settings.jobs(FileImage(Image(np.stack([blurred] * 4))))
    assert plane.psf.sigma == (1.5, 1.5)
    assert volume.psf.sigma == (1.5, 1.5, 1.5)
    assert Settings.from_json(settings.as_json()) == settings


def test_a_result_and_its_settings_have_the_same_axes(blurred):
    layer = Image(np.stack([blurred] * 4), name="stack")
    done = deblur_layer(layer, gaussian_psf(1.0, ndim=3), TotalVariation(iterations=2, weight=0.01))
    settings = Settings.from_record(done.metadata[METADATA_KEY])
    assert settings.axes == "volume"


def ome(emission):
    return {
        "images": [
            {
                "pixels": {
                    "size_x": 40,
                    "size_y": 32,
                    "channels": [
                        {"name": "A", "emission_wavelength": float(emission)},
                    ],
                },
                "objective_settings": {"id": "Objective:0"},
            }
        ],
        "instruments": [{"objectives": [{"id": "Objective:0", "lens_na": 1.1}]}],
    }
