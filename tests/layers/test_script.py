import subprocess
import sys
from dataclasses import replace
from threading import Event

import imageio.v3 as iio
import napari
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes
from npe2 import DynamicPlugin

from napari_tf_deblur import (
    GradientDescent,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    calibrate,
    convolve,
    deblur_layer,
    gaussian_psf,
)
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._layers.file_scale import split_channels
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.psf_kinds import (
    ArrayPSF,
    EstimatedPSF,
    GaussianPSF,
    LayerPSF,
    MicroscopePSF,
)
from napari_tf_deblur._layers.result import make_result_layer
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._layers.script_text import (
    Script,
    format_call,
    format_literal,
    wrap_expression,
)
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.record_file import METADATA_KEY

PSF = gaussian_psf(1.5)
QUICK = Wiener(balance=0.02)


@pytest.fixture
def viewer(monkeypatch):
    """The current viewer, without a window."""
    model = ViewerModel()
    monkeypatch.setattr(napari, "current_viewer", lambda: model)
    return model


@pytest.fixture
def grey(blurred):
    return (1000 * blurred).astype(np.uint16)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Write an image to a file and open it as napari does; scripts write to the same folder."""
    monkeypatch.chdir(tmp_path)

    def opened(pixels, name="cells.tif"):
        iio.imwrite(tmp_path / name, pixels)
        (layer,) = ViewerModel().open(str(tmp_path / name), plugin="napari")
        return layer

    return opened


def run(record):
    """Run a script, after the lines that the user has to run; return its names and its text."""
    text = write_script(record)
    names = {"viewer": napari.current_viewer()}
    by_hand = [line[6:] for line in text.splitlines() if line.startswith("#     ")]
    if "np.save" in text:
        exec(compile("\n".join(by_hand), "by hand", "exec"), names)
    exec(compile(text, "script", "exec"), names)
    return names, text


def assert_repeats(result, at_hand=None):
    """Check that the script of a result computes it again; return the text of the script."""
    names, text = run(result.metadata[METADATA_KEY])
    again = names["result"].data
    assert again.dtype == result.data.dtype
    data = result.data[0] if result.multiscale else result.data
    np.testing.assert_allclose(again, data, rtol=0, atol=1e-5 * np.ptp(data))
    return text


def job_result(job):
    done = finish(job.steps())
    layer = make_result_layer(job.source, done.data)
    layer.metadata = {METADATA_KEY: done.record}
    return layer


def test_a_script_runs_by_itself(saved, grey, tmp_path):
    layer = saved(grey)
    result = job_result(
        Job(read_source(layer), GaussianPSF((1.5, 1.0)), QUICK, LayerOptions(boundary="zero"))
    )
    text = write_script(result.metadata[METADATA_KEY])
    assert "psf = gaussian_psf(sigma=(1.5, 1.0), size=None, angle=0.0)" in text
    assert "image = Image(layer.data, name='cells', rgb=False, multiscale=False)\n" in text
    (tmp_path / "script.py").write_text(text, "utf-8")
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "cells deblurred again.tif"
    assert done.stdout.strip() == f"Saved as {path}"
    again = iio.imread(path)
    assert again.dtype == np.float32
    np.testing.assert_allclose(again, result.data, rtol=0, atol=1e-5 * np.ptp(result.data))


def test_a_script_makes_the_psf_of_a_specimen_again(saved, grey):
    layer = saved(grey)
    layer.scale, layer.units = (80, 80), ("nm", "nm")
    psf = MicroscopePSF(Optics(1.2, 520.0, 1.515, specimen=Specimen(1.33, 5000.0)), 2)
    result = job_result(Job(read_source(layer), psf, QUICK, LayerOptions()))
    text = " ".join(assert_repeats(result).split())
    assert "psf = microscope_psf( numerical_aperture=1.2," in text
    assert "specimen={'refractive_index': 1.33, 'depth': 5000.0}," in text


def test_a_script_makes_the_psf_of_each_depth_again(saved):
    layer = saved(np.random.default_rng(5).poisson(20, (12, 24, 20)).astype(np.uint16))
    layer.scale, layer.units = (300, 100, 100), ("nm",) * 3
    layer.axis_labels = ("z", "y", "x")
    psf = MicroscopePSF(Optics(1.2, 520.0, 1.515, specimen=Specimen(1.33, 5000.0)), 3)
    job = Job(read_source(layer), psf, QUICK, LayerOptions(varying_psf=True))
    text = " ".join(assert_repeats(job_result(job)).split())
    assert "psf = microscope_psf_by_depth( numerical_aperture=1.2," in text
    assert "planes=12" in text


@pytest.fixture
def beads():
    """25 beads without noise that are wider towards the right."""
    picture = np.full((120, 120), 50.0)
    y, x = np.indices(picture.shape)
    for row in range(12, 120, 24):
        for column in range(12, 120, 24):
            square = (y - row) ** 2 + (x - column) ** 2
            picture += 900 * np.exp(-square / (2 * (1.2 + column / 100) ** 2))
    return picture


def test_a_script_measures_beads_all_over_the_field_again(saved, beads):
    layer = saved(np.random.default_rng(5).poisson(beads).astype(np.uint16))
    psf = LayerPSF(read_source(saved(beads.astype(np.uint16), "beads.tif")))
    job = Job(read_source(layer), psf, QUICK, LayerOptions(varying_psf=True))
    text = " ".join(assert_repeats(job_result(job)).split())
    assert "varying_psf=True" in text


def test_beads_all_over_the_field_that_are_in_no_file(saved, viewer, beads):
    layer = saved(np.random.default_rng(5).poisson(beads).astype(np.uint16))
    viewer.layers.append(Image(np.float32(beads), name="beads", translate=(2, 0)))
    psf = LayerPSF(read_source(viewer.layers["beads"]))
    job = Job(read_source(layer), psf, QUICK, LayerOptions(varying_psf=True))
    text = assert_repeats(job_result(job))
    assert "The layer 'beads'. It was not read from a file" in text


@pytest.mark.parametrize("channels", [3, 4])
def test_colours(saved, blurred, tmp_path, channels):
    parts = [255 * blurred * f for f in (1, 0.5, 0.25, 0.9)[:channels]]
    colours = np.stack(parts, -1).astype(np.uint8)
    text = assert_repeats(deblur_layer(saved(colours, "cells.png"), None, QUICK))
    assert f"channel_axis=-1, alpha={channels == 4}" in text
    assert iio.imread(tmp_path / "cells deblurred again.tif").shape == colours.shape


def test_a_volume_with_a_bead_and_sizes_that_were_set_in_the_viewer(saved, grey):
    layer = saved(np.stack([grey] * 5))
    layer.axis_labels = ("z", "y", "x")
    layer.scale, layer.units, layer.translate = (0.4, 0.2, 0.2), ("um",) * 3, (1, 2, 3)
    fine = gaussian_psf((1.5, 2, 2), (7, 13, 13))
    bead = saved((10 + 9000 * fine / fine.max()).astype(np.uint16), "bead.tif")
    bead.scale, bead.units = (200, 150, 150), ("nm",) * 3
    bead.name, layer.name = "the bead", "the cells"  # which no file knows
    text = assert_repeats(deblur_layer(layer, bead, QUICK))
    assert "units=('micrometer', 'micrometer', 'micrometer')" in text
    assert "scale=[200.0, 150.0, 150.0]" in text
    assert "axis_labels=('z', 'y', 'x')" in text


def test_a_pixel_size_that_the_layer_does_not_have(saved, grey):
    source = read_source(saved(np.stack([grey] * 5)))
    axes = tuple(
        replace(axis, spacing=spacing, unit="nanometer")
        for axis, spacing in zip(source.axes, (900, 100, 100))
    )
    sized = replace(source, axes=axes)
    psf = ArrayPSF(gaussian_psf((0.5, 1, 1), 3))
    result = job_result(Job(sized, psf, QUICK))
    text = assert_repeats(result)
    assert "scale=[900.0, 100.0, 100.0]" in text
    assert "units=('nanometer', 'nanometer', 'nanometer')" in text
    assert np.ptp(result.data - job_result(Job(source, psf, QUICK)).data) > 1


def test_a_turned_layer(saved, grey):
    layer = saved(grey)
    layer.affine = np.array([[0.0, 2, 5], [3, 0, 1], [0, 0, 1]])
    text = assert_repeats(deblur_layer(layer, PSF, QUICK))
    assert "affine=[[0.0, 2.0, 5.0], [3.0, 0.0, 1.0], [0.0, 0.0, 1.0]]" in text


@pytest.mark.parametrize("order", ["yx", "tyx", "yxt"])
def test_a_psf_that_is_found_in_the_image(saved, order):
    rng = np.random.default_rng(0)
    scene = np.zeros((64, 64), np.float32)
    scene[tuple(rng.integers(0, 64, (2, 60)))] = 500
    image = convolve(scene, PSF) + rng.normal(0, 0.1, scene.shape).astype(np.float32)
    image[3, 4] = np.nan
    if "t" in order:
        image = np.stack([image] * 2, order.index("t"))
    layer = saved(image)
    layer.axis_labels = tuple(order)
    text = assert_repeats(deblur_layer(layer, None, QUICK, ignore_nan=True))
    assert "estimate_blur(" in text
    assert ".transpose((2, 0, 1))" in text or order != "yxt"
    assert "ignore_nan=True" in text


def test_planes_that_were_deblurred_one_by_one(saved, grey):
    layer = saved(np.stack([grey] * 3))
    layer.units = ("um",) * 3  # by itself a volume
    result = job_result(Job(read_source(layer), EstimatedPSF(2), QUICK))
    assert "ndim=2" in assert_repeats(result)


def test_an_array_as_psf(saved, grey, viewer):
    layer = saved(grey)
    small = assert_repeats(deblur_layer(layer, gaussian_psf(1, 5), QUICK))
    assert "psf = np.array(" in small
    large = deblur_layer(layer, gaussian_psf(2, 17), QUICK)
    viewer.add_layer(large)
    text = assert_repeats(large)
    assert "psf = np.load(" in text
    assert "cells psf.npy" in text


def test_a_bead_that_is_in_no_file(saved, grey, viewer):
    bead = Image(gaussian_psf(2, 17) + 1, name="bead")
    result = viewer.add_layer(deblur_layer(saved(grey), bead, QUICK))
    assert "psf = np.load(" in assert_repeats(result)


def test_labels_of_a_file(saved, grey):
    labels = np.zeros(grey.shape, np.int32)
    labels[3:6, 4:9] = 2
    mask = saved(labels, "bad.tif")
    assert isinstance(mask, Labels)
    result = deblur_layer(saved(grey), PSF, QUICK, mask=mask)
    assert "mask=mask" in assert_repeats(result)
    mask.data[0, 0] = 1  # painted after it was opened
    painted = deblur_layer(saved(grey), PSF, QUICK, mask=mask)
    with pytest.raises(AssertionError, match="save its layer again"):
        run(painted.metadata[METADATA_KEY])


@pytest.mark.parametrize("order", ["yx", "yxt"])
def test_masks_that_are_in_no_file(saved, grey, viewer, order):
    layer = saved(grey if order == "yx" else np.stack([grey, grey[::-1]], -1))
    layer.axis_labels = tuple(order)
    covered = np.zeros(layer.data.shape, bool)
    covered[3:6, 4:9] = True
    corners = np.array([[3, 4], [3, 8], [5, 8], [5, 4]])
    shapes = Shapes([corners], shape_type="polygon")
    for mask in (covered, Labels(covered.astype(int)), *([shapes] if order == "yx" else [])):
        result = deblur_layer(layer, PSF, QUICK, mask=mask)
        viewer.layers.clear()
        viewer.add_layer(result)
        assert "np.load(" in assert_repeats(result)


def test_sample_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (layer,) = ViewerModel().open_sample("napari-tf-deblur", "blurred_astronaut")
    text = assert_repeats(deblur_layer(layer, gaussian_psf((1, 3), 13), QUICK))
    assert "open_sample('napari-tf-deblur', 'blurred_astronaut')" in text
    assert (tmp_path / "blurred astronaut deblurred again.tif").exists()


def test_a_layer_that_is_in_no_file(grey, viewer, tmp_path, monkeypatch):
    """The script tells the user how to save the pixels; then it runs without napari's window."""
    monkeypatch.chdir(tmp_path)
    units = ("um",) * 2
    layer = viewer.add_image(grey, name="it's \n mine", scale=(2, 1), units=units)
    mask = np.eye(*grey.shape)
    bead = viewer.add_image(gaussian_psf(2, 17) + 1, name="bead", scale=(2, 1), units=units)
    result = viewer.add_layer(deblur_layer(layer, bead, QUICK, mask=mask))
    text = write_script(result.metadata[METADATA_KEY])
    assert text.count("np.save") == 3  # pixels, PSF, mask
    assert "napari's console" in text
    by_hand = [line[6:] for line in text.splitlines() if line.startswith("#     ")]
    exec("\n".join(by_hand), {"viewer": viewer})
    (tmp_path / "script.py").write_text(text, "utf-8")
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "it's mine deblurred again.tif"
    assert done.stdout.strip() == f"Saved as {path}"
    (again,) = ViewerModel().open(str(path), plugin="napari")
    np.testing.assert_allclose(again.data, result.data, rtol=0, atol=1e-5 * np.ptp(result.data))
    assert [axis.spacing for axis in read_source(again).axes] == [2, 1]
    assert [axis.unit for axis in read_source(again).axes] == ["micrometer"] * 2
    assert read_source(again).acquisition.record["source"] == layer.name


def test_a_channel_that_was_split_off(tmp_path, monkeypatch, grey):
    monkeypatch.chdir(tmp_path)
    about = {"axes": "CYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    pixels = np.stack([grey, grey[::-1]])
    tifffile.imwrite(tmp_path / "cells.ome.tif", pixels, ome=True, metadata=about)
    (both,) = ViewerModel().open(str(tmp_path / "cells.ome.tif"), plugin="napari")
    _, second = split_channels(both)
    text = assert_repeats(deblur_layer(second, PSF, QUICK))
    assert "layer.data[1]" in text
    assert "scale=[0.1, 0.1]" in text


def test_saturated_pixels_are_ignored_again(saved, grey):
    bright = np.minimum(grey, 700)
    result = deblur_layer(saved(bright), PSF, QUICK, ignore_saturated=True)
    assert result.metadata[METADATA_KEY]["mask"].sum() > 9
    assert "ignore_saturated=True" in assert_repeats(result)


def test_several_layers_of_one_file(saved, grey, viewer, tmp_path):
    channels = [grey, grey[::-1], grey[:, ::-1]]
    (tmp_path / "cells.channels").touch()
    with DynamicPlugin("reads-channels") as plugin:

        @plugin.contribute.reader(filename_patterns=["*.channels"])
        def get_reader(path):
            def reader(path):
                names = ("DAPI", "GFP", "GFP")
                return [(c.copy(), {"name": n}, "image") for c, n in zip(channels, names)]

            return reader

        viewer.open(str(tmp_path / "cells.channels"), plugin="reads-channels")
        for layer in list(viewer.layers):
            assert_repeats(deblur_layer(layer, PSF, QUICK))
        for layer in list(viewer.layers):
            layer.name = f"my {layer.name}"
            assert_repeats(deblur_layer(layer, PSF, QUICK))


def test_several_resolutions(saved, grey, tmp_path):
    (tmp_path / "cells.pyramid").touch()
    with DynamicPlugin("reads-pyramids") as plugin:

        @plugin.contribute.reader(filename_patterns=["*.pyramid"])
        def get_reader(path):
            return lambda path: [([grey, grey[::2, ::2]], {"multiscale": True}, "image")]

        path = str(tmp_path / "cells.pyramid")
        (layer,) = ViewerModel().open(path, plugin="reads-pyramids")
        assert "layer.data[0]" in assert_repeats(deblur_layer(layer, None, QUICK))


def test_a_file_that_has_changed_is_refused(saved, grey):
    result = deblur_layer(saved(grey), PSF, QUICK)
    saved(grey[:20])
    with pytest.raises(AssertionError, match="not as many pixels"):
        run(result.metadata[METADATA_KEY])


@pytest.mark.finds_weight
def test_a_psf_that_was_made_narrower(saved):
    random = np.random.default_rng(4)
    sharp = 255 * np.kron(random.uniform(size=(12, 12)), np.ones((8, 8)))
    image = convolve(sharp, PSF, boundary="reflect") + random.normal(0, 2, sharp.shape)
    source = read_source(saved(image.astype(np.float32)))
    result = job_result(Job(source, GaussianPSF((2.2, 2.2)), TotalVariation()))
    assert result.metadata[METADATA_KEY]["psf_width"] < 1
    assert "method = Calibration(" in assert_repeats(result)


def test_a_calibration_that_was_given(saved, grey):
    whole = replace(calibrate(np.vstack([grey, 5 * grey]), PSF, QUICK), psf_width=0.8)
    result = deblur_layer(saved(grey), PSF, whole)
    assert f"scale={whole.scale}" in assert_repeats(result)
    assert result.metadata[METADATA_KEY]["python"].count("Calibration(")


def test_a_run_that_was_stopped(saved, grey):
    stop = Event()
    job = Job(read_source(saved(grey)), GaussianPSF((1.5, 1.5)), RichardsonLucy(iterations=9000))
    steps = job.steps(stop)
    while not len(getattr(next(steps), "loss_history", ())):
        pass
    stop.set()
    done = finish(steps)
    result = make_result_layer(job.source, done.data)
    result.metadata = {METADATA_KEY: done.record}
    assert done.record["iterations"] < 9000
    assert f"iterations={done.record['iterations']}," in assert_repeats(result)


def test_a_function_as_prior_is_left_to_the_user(saved, grey):
    method = GradientDescent(iterations=2, prior=lambda image: image[0, 0, 0, 0] ** 2)
    text = write_script(deblur_layer(saved(grey), PSF, method).metadata[METADATA_KEY])
    assert "def prior(image):\n    raise NotImplementedError" in text
    assert "prior=prior," in text
    compile(text, "script", "exec")


def test_results_lie_beside_the_folder_of_a_zarr_store(saved, grey):
    record = dict(deblur_layer(saved(grey), PSF, QUICK).metadata[METADATA_KEY])
    for path, folder in (
        ("/data/cells.zarr/0", "/data/"),
        ("/data/old.zarr/cells.zarr", "/data/"),
        ("https://example.org/cells.tif", ""),
    ):
        record["origin"] = {**record["origin"], "path": path}
        assert f"path = '{folder}cells deblurred again.tif'\n" in write_script(record)


def test_literals_are_exact_and_lines_short():
    for value in (
        np.random.default_rng(0).random((3, 4, 5)).astype(np.float32) ** 9,
        np.float64(1 / 3),
        (1,),
        (0.1, [None, "it's\n"]),
        np.arange(3),
    ):
        again = eval(wrap_expression(format_literal(value)), {"np": np})
        np.testing.assert_equal(again, value)
        assert getattr(again, "dtype", None) == getattr(value, "dtype", None) or np.isscalar(value)
    long = wrap_expression(format_call("f", *(f"argument_{k}" for k in range(30)), last=(1, 2)))
    assert max(map(len, long.splitlines())) < 20
    script = Script(frozenset(("a", "b")))
    script.add_comment("word " * 18)
    script.add_assignment("a", format_call("b", "np.pi"))
    assert script.render("Title") == (
        "# Title\nimport numpy as np\nfrom napari_tf_deblur import a, b\n\n"
        f"#{17 * ' word'}\n# word\na = b(np.pi)\n"
    )
