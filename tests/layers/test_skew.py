"""Raw light-sheet stacks: the PSF is made in the coordinates of the stack, and the result stays."""

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage

from napari_tf_deblur import TotalVariation, deblur_layer, gaussian_psf, skew_psf
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import ArrayPSF, GaussianPSF, MicroscopePSF
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._layers.skew import find_skew
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

STEP, PIXEL, ANGLE = 0.4, 0.1, 30.0
DEPTH, ACROSS = STEP * np.sin(np.radians(ANGLE)), STEP * np.cos(np.radians(ANGLE))
SHAPE = (12, 40, 36)
QUICK = TotalVariation(0.01, iterations=5)


def affine(turn=0.0, mirror=1.0, across=ACROSS):
    """The place of each voxel of a stack in the specimen, which may be turned or mirrored."""
    matrix = np.array([[DEPTH, 0, 0], [across, PIXEL, 0], [0, 0, mirror * PIXEL]])
    c, s = np.cos(turn), np.sin(turn)
    whole = np.eye(4)
    whole[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ matrix
    whole[:3, 3] = 5, 6, 7
    return whole


def stack(**kwargs):
    data = ndimage.gaussian_filter(np.random.default_rng(0).uniform(size=SHAPE), 1) * 1000
    options = {"axis_labels": ("z", "y", "x"), "units": ["um"] * 3, "name": "raw"}
    return Image(data.astype(np.float32), **{**options, **kwargs})


def straight_stack(**kwargs):
    return stack(scale=(STEP, PIXEL, PIXEL), **kwargs)


def job(layer, psf=None, **options):
    return Job(
        read_source(layer), psf or GaussianPSF((0.75, 1.5, 1.5)), QUICK, LayerOptions(**options)
    )


def centres(psf):
    """Row and column of the centre of mass of each plane, from the middle."""
    _, rows, columns = np.indices(psf.shape)
    total = psf.sum(axis=(1, 2))
    return [
        (psf * (index - n // 2)).sum(axis=(1, 2)) / total
        for index, n in zip((rows, columns), psf.shape[1:])
    ]


@pytest.mark.parametrize("shift", [(3.46, 0.0), (-2.5, 0.7), (0.0, -1.3)])
def test_planes_of_a_skewed_psf_are_shifted_and_keep_their_light(shift):
    straight = gaussian_psf((1.5, 1.3, 1.6))
    skewed = skew_psf(straight, shift)
    depth = np.arange(len(straight)) - len(straight) // 2
    for found, one in zip(centres(skewed), shift):
        assert found == pytest.approx(-one * depth, abs=0.02)
    assert skewed.sum(axis=(1, 2)) == pytest.approx(straight.sum(axis=(1, 2)), abs=1e-4)
    assert skewed.min() >= 0
    assert skewed.dtype == np.float32
    back = skew_psf(skewed, tuple(-one for one in shift))
    middle = tuple(slice((b - n) // 2, (b + n) // 2) for b, n in zip(back.shape, straight.shape))
    assert back[middle] == pytest.approx(straight, abs=1e-3 * float(straight.max()))


def test_a_stack_sampled_from_a_blurred_point_shows_the_skewed_psf():
    """The reference samples a Gaussian at the place of each voxel in the specimen."""
    sigma = np.array([0.3, 0.15, 0.15])
    psf, notes = job(
        straight_stack(affine=None),
        GaussianPSF(tuple(sigma / (STEP, PIXEL, PIXEL))),
        skew_angle=ANGLE,
    ).make_psf()
    index = np.indices(psf.shape).reshape(3, -1).T - [n // 2 for n in psf.shape]
    place = index @ affine()[:3, :3].T
    expected = np.exp(-np.sum((place / sigma) ** 2, axis=1) / 2).reshape(psf.shape)
    expected /= expected.sum()
    assert psf == pytest.approx(expected, abs=0.01 * expected.max())
    assert "30 degrees" in notes[-1]


@pytest.mark.parametrize(
    ("make_layer", "options"),
    [
        (lambda: stack(affine=affine()), {}),
        (lambda: stack(affine=affine(turn=1.1)), {}),
        (lambda: straight_stack(), {"skew_angle": ANGLE}),
        (lambda: stack(affine=affine(across=-ACROSS)), {"skew_angle": 0.0}),
        (lambda: straight_stack(), {"skew_angle": -ANGLE}),
    ],
    ids=["affine", "turned", "angle", "other way", "negative angle"],
)
def test_the_skew_comes_from_the_layer_or_from_the_angle(make_layer, options):
    one = job(make_layer(), **options)
    is_backwards = options.get("skew_angle", 1.0) <= 0
    assert one.skew.angle == pytest.approx(ANGLE)
    assert one.skew.shift == pytest.approx(((-1 if is_backwards else 1) * ACROSS / PIXEL, 0))
    assert one.spacing == pytest.approx((DEPTH, PIXEL, PIXEL))
    assert [notice.kind for notice in one.warnings] == ["skewed stack"]


@pytest.mark.parametrize(
    ("make_layer", "options"),
    [
        (lambda: straight_stack(), {}),
        (lambda: stack(scale=(STEP, PIXEL, PIXEL), rotate=(10, 20, 30)), {}),
        (lambda: stack(affine=affine(across=0.05 * DEPTH)), {}),
        (lambda: stack(affine=affine(turn=1.1, mirror=-1, across=0)), {}),
        (lambda: stack(affine=affine()), {"skew_angle": 90.0}),
    ],
    ids=["upright", "turned", "slightly sheared", "mirrored", "told so"],
)
def test_other_stacks_are_not_skewed(make_layer, options):
    one = job(make_layer(), **options)
    assert one.skew is None
    assert one.make_psf()[0].shape == one.psf.make().shape
    assert not one.warnings


def test_planes_deblurred_each_by_itself_are_not_skewed():
    assert find_skew(read_source(stack(affine=affine())), 2) is None


def test_the_optics_are_sampled_at_the_distance_along_the_axis():
    optics = Optics(1.0, 520, 1.33, "widefield")
    skewed = job(stack(affine=affine()), MicroscopePSF(optics, 3)).make_psf()[0]
    upright = Image(np.zeros(SHAPE), scale=(DEPTH, PIXEL, PIXEL), units=["um"] * 3)
    straight = job(upright, MicroscopePSF(optics, 3)).make_psf()[0]
    assert skewed.sum(axis=(1, 2)) == pytest.approx(straight.sum(axis=(1, 2)), abs=2e-3)


def test_an_array_is_used_as_it_is_and_the_result_keeps_the_place():
    layer, psf = stack(affine=affine()), gaussian_psf((1, 1, 1))
    assert np.array_equal(job(layer, ArrayPSF(psf)).make_psf()[0], psf)
    result = deblur_layer(layer, psf, QUICK)
    assert result.affine.affine_matrix == pytest.approx(layer.affine.affine_matrix)
    record = result.metadata[METADATA_KEY]
    assert any("skewed stack" in words.lower() for words in record["warnings"])
    assert f"spacing=({DEPTH:.9g}"[:12] in record["python"]


def test_a_script_repeats_the_skewed_psf():
    from napari_tf_deblur._core.steps import finish

    one = job(straight_stack(), skew_angle=ANGLE)
    result = finish(one.steps())
    assert "call" not in result.record["psf"]
    assert "skew_angle=30.0" in write_script(result.record)
    assert result.record["psf"]["array"].shape[1] > one.psf.make().shape[1]


@pytest.mark.parametrize(
    ("psf", "shift"),
    [(np.ones((3, 3)), (1, 1)), (np.ones((3, 3, 3)), (1,)), (np.ones((3, 3, 3)), (np.nan, 1))],
)
def test_what_cannot_be_skewed_is_refused(psf, shift):
    with pytest.raises(UserError):
        skew_psf(psf, shift)


def test_a_psf_with_more_axes_than_the_layer_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="The PSF has 3 axes and the image has 2"):
        deblur_layer(Image(np.ones((40, 40))), gaussian_psf((1, 1, 1)))
