"""Impossible or suspicious PSFs cause errors and warnings before a large array is made."""

import re
import time
import tracemalloc

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import Wiener, convolve, deblur_layer, gaussian_psf, measured_psf
from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._layers.psf_kinds import (
    KINDS_BY_NAME,
    ArrayPSF,
    DefocusPSF,
    GaussianPSF,
    LayerPSF,
    MicroscopePSF,
    MotionPSF,
    PSFKind,
)
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur.errors import InvalidValueError

KEY = "napari_tf_deblur"


def layer(shape=(20, 64, 64), name="cells", **options):
    return read_source(Image(np.zeros(shape, np.float32), name=name, rgb=False, **options))


UM = {"units": ("um",) * 2, "scale": (0.2, 0.2)}


@pytest.mark.parametrize(
    ("psf", "image", "words"),
    [
        (GaussianPSF((300.0, 300.0, 300.0)), {"axis_labels": ("z", "y", "x")}, "'Sigma z' is 300"),
        (GaussianPSF((2.0, 300.0)), {}, "'Sigma x' is 300 pixels, but the image has only 64"),
        (GaussianPSF((2.0, 2.0), 99_999), {}, "99999 x 99999 pixels, which is too many"),
        (GaussianPSF((0.0, 0.0)), {}, "no blur at all"),
        (GaussianPSF((np.nan, 2.0)), {}, "sigma"),
        (
            LayerPSF(layer((31, 31), "bead", units=("mm",) * 2)),
            {"shape": (64, 64), **UM},
            "'bead' has pixels of 1 mm and the image 'cells' of 0.2 µm",
        ),
    ],
)
def test_what_is_too_large_is_refused_at_once_and_nothing_is_made(psf, image, words):
    source = layer(**image)
    tracemalloc.start()
    before = time.process_time()
    with pytest.raises(ValueError, match=words.replace("µ", ".")):
        psf.check(source)
    assert time.process_time() - before < 0.05
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("labels", "ndim", "is_refused"),
    [
        ("zyx", 3, False),
        ("zyx", 2, False),
        ("yxz", 3, True),
        ("xyz", 2, True),
        ("yzx", 3, True),
        (("-3", "-2", "-1"), 3, False),
    ],
)
def test_the_psf_of_a_microscope_needs_z_first(labels, ndim, is_refused):
    source = layer(axis_labels=tuple(labels), units=("um",) * 3, scale=(0.2, 0.1, 0.1))
    psf = MicroscopePSF(Optics(1.2, 520.0), ndim)
    if not is_refused:
        psf.check(source)
        return
    with pytest.raises(InvalidValueError, match=f"are {', '.join(labels)}, and the PSF of a"):
        psf.check(source)


@pytest.mark.parametrize(
    ("psf", "image", "words"),
    [
        ({}, UM, "'bead' has no pixel size: that of the image was assumed, 0.2"),
        (UM, {}, "'cells' has no pixel size: that of the PSF layer 'bead' was assumed"),
        (
            {"units": ("um",) * 2, "scale": (0.05, 0.05)},
            {"units": ("um",) * 2},  # left at 1 micrometer
            "'bead' has pixels of 0.05 .m and the image 'cells' of 1 .m",
        ),
        (UM, UM, None),
        ({"scale": (2, 2)}, {"scale": (2, 2)}, None),
        ({}, {}, None),
    ],
)
def test_pixel_sizes_that_are_assumed_or_look_wrong_are_warned_of(psf, image, words):
    kind = LayerPSF(layer((31, 31), "bead", **psf))
    warnings = kind.warnings(layer((64, 64), **image))
    if words is None:
        assert warnings == ()
    else:
        (warning,) = warnings
        assert re.search(words, warning)


@pytest.mark.parametrize(
    ("shape", "ndim"),
    [((1, 1, 5, 9, 9), 3), ((1, 9, 9), 2), ((5, 1, 9, 9), 3), ((1, 15), 2), ((9, 1), 2)],
)
def test_axes_of_length_1_before_the_last_two_are_dropped(shape, ndim):
    values = np.zeros(shape, np.float32)
    values[tuple(n // 2 for n in shape)] = 1
    psf = LayerPSF(read_source(Image(values, rgb=False)))
    assert psf.ndim == ndim
    array, _ = psf.array(layer())
    assert array.ndim == ndim


def test_the_image_itself_is_refused_as_its_own_psf_and_its_copy_is_not():
    bead = Image(10 + 500 * gaussian_psf(1.5, 15), name="bead")
    with pytest.raises(ValueError, match="'bead' is both the image and its PSF"):
        deblur_layer(bead, bead, Wiener())
    LayerPSF(read_source(bead)).check(read_source(Image(bead.data)))


def test_a_sigma_of_0_leaves_that_axis_as_it_is():
    array, notes = GaussianPSF((0.0, 2.0)).array(layer((64, 64)))
    np.testing.assert_allclose(array[array.shape[0] // 2], gaussian_psf(2.0, ndim=1), atol=1e-6)
    assert notes == ("no blur along y",)


@pytest.mark.parametrize(
    "psf",
    [
        GaussianPSF((1.0, 2.0)),
        DefocusPSF(2.5),
        MotionPSF(7.0, 30.0),
        ArrayPSF(gaussian_psf(1.0)),
        LayerPSF(layer((9, 9), "bead")),
    ],
    ids=lambda psf: psf.title,
)
def test_every_kind_keeps_the_protocol(psf):
    kind: PSFKind = psf
    source = layer((64, 64))
    kind.check(source)
    assert kind.title
    assert kind.hint
    assert kind.ndim == 2
    assert kind.warnings(source) == ()
    assert KINDS_BY_NAME[kind.record(source)["kind"]] is type(kind)


GOOD = {"layer": Image(np.eye(16), name="eye"), "psf": gaussian_psf(1.0), "method": Wiener()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer": np.eye(16)},
        {"layer": None},
        {"psf": "a"},
        {"psf": 3.0},
        {"psf": [[1, 2], ["a", 3]]},
        {"method": "tv"},
        {"method": Wiener},
        {"boundary": 3},
        {"mask": "a"},
        {"mask": object()},
        {"mask": np.ones((3, 3))},
    ],
    ids=lambda wrong: " ".join(f"{k} {type(v).__name__}" for k, v in wrong.items()),
)
def test_arguments_of_a_wrong_kind_end_in_words(wrong):
    with pytest.raises((TypeError, ValueError)) as caught:
        deblur_layer(**{**GOOD, **wrong})
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert len(sentence) > 30
    words = ("layer", "image", "PSF", "method", "boundary", "mask")
    assert any(word in sentence for word in words), sentence


@pytest.mark.parametrize("colours", [3, 4])
def test_a_grey_picture_that_was_saved_in_colour_is_one_intensity(colours):
    grey = np.rint(250 * gaussian_psf(2.0, 25) / gaussian_psf(2.0, 25).max()).astype(np.uint8)
    picture = np.repeat(grey[..., None], colours, -1)
    picture[..., 3:] = 255
    array, notes = LayerPSF(read_source(Image(picture, name="bead", rgb=True))).array(
        layer((64, 64))
    )
    expected, _ = LayerPSF(read_source(Image(grey, name="bead"))).array(layer((64, 64)))
    np.testing.assert_allclose(array, expected, atol=1e-6)
    assert any("colours" in note for note in notes)
    picture[..., 0] //= 2
    with pytest.raises(TypeError, match="'bead' is a colour picture"):
        LayerPSF(read_source(Image(picture, name="bead", rgb=True))).array(layer((64, 64)))


@pytest.mark.parametrize("off", [(0.0, -0.5, -0.5), (1.0, 0.0, 0.0), (-0.5, -0.67, -0.67)])
def test_a_layer_that_is_no_gaussian_is_centred_by_its_light(off):
    z, y, x = (i - n // 2 - o for i, n, o in zip(np.indices((16, 32, 32)), (16, 32, 32), off))
    square = 2.0 + 0.8 * z**2
    psf = np.exp(-(y**2 + x**2) / square) / square  # each plane holds the same light
    array, notes = LayerPSF(read_source(Image(psf, name="theory"))).array(layer())
    assert all(n % 2 for n in array.shape)
    np.testing.assert_allclose(light_centre(array), [n // 2 for n in array.shape], atol=0.03)
    assert array.min() >= 0
    assert array.sum() == pytest.approx(1, abs=1e-5)
    assert any("centred" in note for note in notes)


def test_beads_of_any_shape_are_measured_in_windows():
    spots = np.zeros((96, 96))
    spots[[20, 26, 60, 66], [24, 30, 70, 76]] = 500
    beads = Image(100 + convolve(spots, gaussian_psf(1.5)), name="beads")
    kind = LayerPSF(read_source(beads), 25)
    array, notes = kind.array(layer((64, 64)))
    assert "2 beads used, registered" in " ".join(notes)
    np.testing.assert_array_equal(array, measured_psf(beads.data, window=25)[0])
    settings = LayerPSF.read_settings({**kind.record(layer()), "path": "x"}, lambda path: beads)
    assert settings.choose_psf(layer(), 2)[1].window == 25
    assert "window" not in LayerPSF(read_source(beads)).record(layer())
