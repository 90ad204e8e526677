"""Pixel sizes and axes are read from files. napari's own readers do not pass them on.

The attributes that readers of other packages store are written down here; the names of the cases
state package and version.
"""

from types import SimpleNamespace as Thing
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur._layers.acquisition.axis_names import match_axis_names
from napari_tf_deblur._layers.acquisition.length_units import (
    UNIT_SYMBOLS,
    is_possible_pixel_size,
    nanometers,
)
from napari_tf_deblur._layers.pixel_size import find_pixel_size
from napari_tf_deblur._layers.source import read_source

STACK = (9, 24, 20)
HYPERSTACK = (3, 9, 2, 24, 20)


def opened(path):
    """Open a file as napari does."""
    (layer,) = ViewerModel().open(str(path), plugin="napari")
    return layer


def imagej(unit, per_unit, shape=STACK, axes="ZYX", spacing=True, **more):
    """Write as ImageJ does: pixels of 80 nm, planes 300 nm apart, in a unit with this length."""
    size = 80 / per_unit
    about = {"unit": unit, "axes": axes, **more}
    if spacing:
        about["spacing"] = 300 / per_unit
    return lambda path: tifffile.imwrite(
        path, np.zeros(shape, np.uint16), imagej=True, resolution=(1 / size, 1 / size),
        metadata=about,
    )  # fmt: skip


def ome(unit, per_unit, shape=STACK, axes="ZYX", spacing=True, **more):
    """Write an OME-TIFF with the same sizes."""
    about = {"axes": axes}
    for axis, size in [("X", 80), ("Y", 80)] + [("Z", 300)] * spacing:
        about[f"PhysicalSize{axis}"] = size / per_unit
        about[f"PhysicalSize{axis}Unit"] = unit
    return lambda path: tifffile.imwrite(
        path, np.zeros(shape, np.uint16), ome=True, metadata={**about, **more}
    )


def plain(resolution, unit, **more):
    """Write a TIFF file with a resolution only."""
    return lambda path: tifffile.imwrite(
        path, np.zeros((24, 20), np.uint16), resolution=resolution, resolutionunit=unit, **more
    )


ZYX, TZCYX = ("z", "y", "x"), ("t", "z", "c", "y", "x")

FILES = {
    "ImageJ, µm as ImageJ escapes it": (imagej(r"\u00B5m", 1e3), ZYX, 80, 300),
    "ImageJ, micron": (imagej("micron", 1e3), ZYX, 80, 300),
    "ImageJ, um": (imagej("um", 1e3), ZYX, 80, 300),
    "ImageJ, nm": (imagej("nm", 1), ZYX, 80, 300),
    "ImageJ, inch": (imagej("inch", 25.4e6), ZYX, 80, 300),
    "ImageJ, cm": (imagej("cm", 1e7), ZYX, 80, 300),
    "ImageJ, pixel": (imagej("pixel", 1e3), ZYX, None, None),
    "ImageJ, no unit": (imagej("", 1e3), ZYX, None, None),
    "ImageJ, no step": (imagej("um", 1e3, spacing=False), ZYX, 80, None),
    "ImageJ, z in another unit": (imagej("um", 1e3, zunit="mm"), ZYX, 80, None),  # 300 µm
    "ImageJ, time": (imagej("um", 1e3, axes="TYX", spacing=False), ("t", "y", "x"), 80, None),
    "ImageJ, TZCYX": (imagej("um", 1e3, HYPERSTACK, "TZCYX"), TZCYX, 80, 300),
    "ImageJ, as many times as planes": (
        imagej("um", 1e3, (9, 9, 24, 20), "TZYX"), ("t", "z", "y", "x"), 80, 300
    ),
    "OME, nm": (ome("nm", 1), ZYX, 80, 300),
    "OME, µm": (ome("µm", 1e3), ZYX, 80, 300),
    "OME, Å": (ome("Å", 0.1), ZYX, 80, 300),
    "OME, mm": (ome("mm", 1e6), ZYX, 80, 300),
    "OME, thou": (ome("thou", 25400), ZYX, 80, 300),
    "OME, pm": (ome("pm", 1e-3), ZYX, 80, 300),
    "OME, m": (ome("m", 1e9), ZYX, 80, 300),
    "OME, reference frame": (ome("reference frame", 1e3), ZYX, None, None),
    "OME, pixel": (ome("pixel", 1e3), ZYX, None, None),
    "OME, no step": (ome("µm", 1e3, spacing=False), ZYX, 80, None),
    "OME, TZCYX": (ome("µm", 1e3, HYPERSTACK, "TZCYX"), TZCYX, 80, 300),
    "OME, TCZYX": (
        ome("nm", 1, (3, 2, 9, 24, 20), "TCZYX"), ("t", "c", "z", "y", "x"), 80, 300
    ),
    "OME, one plane of two channels": (
        ome("nm", 1, (2, 24, 20), "CYX", spacing=False), ("c", "y", "x"), 80, None
    ),
    "OME, a thousand times too large": (ome("mm", 1e3), ZYX, None, None),
    "72 per inch": (plain((72, 72), "INCH"), None, None, None),
    "600 per inch": (plain((600, 600), "INCH"), None, None, None),  # 42 µm, as printed
    "1 per cm": (plain((1, 1), "CENTIMETER"), None, None, None),
    "125000 per cm": (plain((125000, 125000), "CENTIMETER"), None, 80, None),
    "no unit": (plain((12.5, 12.5), "NONE"), None, None, None),
    "Micro-Manager's page": (
        plain((1, 1), "CENTIMETER", extratags=[(51123, 2, None, '{"PixelSizeUm": 0.08}', True)]),
        None, 80, None,
    ),
}  # fmt: skip


def known(layer):
    """Return the known pixel size and plane distance, in whole nanometres."""
    size = find_pixel_size(read_source(layer))
    return tuple(None if n is None else round(n, 3) for n in (size.lateral, size.axial))


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_napari_opens_says_its_axes_and_sizes(tmp_path, case):
    write, names, lateral, axial = FILES[case]
    write(tmp_path / "a.tif")
    layer = opened(tmp_path / "a.tif")
    assert known(layer) == (lateral, axial)
    source = read_source(layer)
    assert tuple(axis.name for axis in source.axes) == (names or ("y", "x"))
    assert source.is_volume == ("z" in (names or ()))
    if source.is_volume:
        assert source.frame(3).names == ZYX
        assert source.frame(3).shape == STACK
    np.testing.assert_array_equal(layer.scale, 1)  # nothing is changed by reading
    assert layer.metadata == {}


# ---------------------------------------------------------------- what readers leave


def ome_object(**pixels):
    """Metadata as ome-types returns them; sizes are in µm unless a unit is given."""
    channels = [Thing(id=f"Channel:0:{k}", name=n) for k, n in enumerate(("DAPI", "GFP"))]
    image = Thing(id="Image:0", name="a", pixels=Thing(channels=channels, **pixels))
    return Thing(images=[image], instruments=[])


SIZED = {
    "physical_size_x": 0.08, "physical_size_y": 0.08, "physical_size_z": 0.3,
    "size_x": 20, "size_y": 24, "size_z": 9, "size_c": 2, "size_t": 1,
}  # fmt: skip


def ome_dict(unit, per_unit):
    """OME-XML as a dictionary of tifffile."""
    sizes = {f"PhysicalSize{a}": n / per_unit for a, n in (("X", 80), ("Y", 80), ("Z", 300))}
    units = {f"PhysicalSize{a}Unit": unit for a in "XYZ"}
    pixels = {"SizeX": 20, "SizeY": 24, "SizeZ": 9, "SizeC": 1, "SizeT": 1, **sizes, **units}
    return {"OME": {"Image": {"ID": "Image:0", "Pixels": {"DimensionOrder": "XYZCT", **pixels}}}}


DV = {"dx": 0.08, "dy": 0.08, "dz": 0.3, "nc": 1, "wave1": 525, "wave2": 0, "dvid": -16224}


def czi(x, z):
    """Metadata as bioio-czi stores them; lengths are in metres."""
    distances = "".join(
        f'<Distance Id="{axis}"><Value>{step}</Value></Distance>'
        for axis, step in (("X", x), ("Y", x), ("Z", z))
    )
    return ET.fromstring(
        "<ImageDocument><Metadata><Information><Image/></Information>"
        f"<Scaling><Items>{distances}</Items></Scaling></Metadata></ImageDocument>"
    )


def nd2(calibrated):
    """Metadata as nd2 0.12.0 returns them, in micrometres."""
    volume = Thing(axesCalibrated=calibrated, axesCalibration=(0.08, 0.08, 0.3))
    channel = Thing(channel=Thing(name="GFP"), microscope=Thing(), volume=volume)
    return {"metadata": Thing(channels=[channel])}


VOLUME_UM = {"scale": (0.3, 0.08, 0.08), "units": ("um",) * 3, "axis_labels": ZYX}
UNIT_LESS = {"scale": (0.3, 0.08, 0.08), "axis_labels": ZYX}
CM = {"scale": (1, 1, 1), "units": ("pixel", "cm", "cm")}

READERS = {
    "napari-tiff 0.1.6, OME in Å": (
        {"scale": (3000, 800, 800), "units": ("um",) * 3, "axis_labels": ZYX,
         "metadata": {"ome_metadata": ome_dict("Å", 0.1)}}, 80, 300,
    ),
    "napari-tiff 0.1.6, OME in pm": (
        {"scale": (3e5, 8e4, 8e4), "units": ("um",) * 3, "axis_labels": ZYX,
         "metadata": {"ome_metadata": ome_dict("pm", 1e-3)}}, 80, 300,
    ),
    "napari-tiff 0.1.6, OME in inch": (
        {"scale": (1.2e-5, 3.15e-6, 3.15e-6), "units": ("um",) * 3, "axis_labels": ZYX,
         "metadata": {"ome_metadata": ome_dict("in", 25.4e6)}}, 80, 300,
    ),
    "napari-tiff 0.1.6, OME, reference frame": (
        {**UNIT_LESS, "metadata": {"ome_metadata": ome_dict("reference frame", 1e3)}}, None, None,
    ),
    "napari-tiff 0.1.6, OME, reference frame, in µm": (
        {**VOLUME_UM, "metadata": {"ome_metadata": ome_dict("reference frame", 1e3)}}, None, None,
    ),
    "napari-tiff 0.1.6, OME of mm for µm": (
        {**VOLUME_UM, "metadata": {"ome_metadata": ome_dict("mm", 1e3)}}, None, None,
    ),
    "a size that the user gave, whatever the file": (
        {"scale": (0.2, 0.1, 0.1), "units": ("um",) * 3, "axis_labels": ZYX,
         "metadata": {"ome_metadata": ome_dict("reference frame", 1e3)}}, 100, 200,
    ),
    "napari-tiff 0.1.6, ImageJ with z in mm": (
        {**VOLUME_UM, "metadata": {"imagej_metadata": {
            "ImageJ": "1.54", "unit": "um", "zunit": "mm", "spacing": 0.3}}}, 80, None,
    ),
    "napari-tiff 0.1.6, ImageJ without step": (
        {"scale": (1, 0.08, 0.08), "units": ("um",) * 3, "axis_labels": ZYX,
         "metadata": {"imagej_metadata": {"ImageJ": "1.54", "images": 9, "slices": 9,
                                          "unit": "um"}}}, 80, None,
    ),
    "napari-tiff 0.1.6, NDTiff": (
        {**CM, "metadata": {"micromanager_metadata": {
            "Summary": {"PixelSize_um": 0.08, "z-step_um": 0.3}}}, "axis_labels": ZYX}, 80, 300,
    ),
    "napari-tiff 0.1.6, LSM": (
        {"axis_labels": ZYX, "metadata": {"lsm_metadata": {
            "VoxelSizeX": 8e-8, "VoxelSizeY": 8e-8, "VoxelSizeZ": 3e-7}}}, 80, 300,
    ),
    "napari-tiff 0.1.6, STK": (
        {"axis_labels": ZYX, "metadata": {"stk_metadata": {
            "SpatialCalibration": 1, "XCalibration": 0.08, "YCalibration": 0.08,
            "CalibrationUnits": "um"}}}, 80, None,
    ),
    "napari-tiff 0.1.6, STK that is not calibrated": (
        {"axis_labels": ZYX, "metadata": {"stk_metadata": {
            "SpatialCalibration": 0, "XCalibration": 1, "YCalibration": 1,
            "CalibrationUnits": "um"}}}, None, None,
    ),
    "napari-tiff 0.1.6, tags of 1 pixel per cm": (CM, None, None),
    "ndevio 0.10.0, OME": (
        {**UNIT_LESS, "metadata": {"ome_metadata": ome_object(**SIZED)}}, 80, 300,
    ),
    "ndevio 0.10.0, ImageJ in inch": (
        {"scale": (1.2e-5, 3.15e-6, 3.15e-6), "axis_labels": ZYX,
         "metadata": {"raw_image_metadata": "ImageJ=1.54f\nunit=inch\nspacing=1.2e-05"}},
        None, None,
    ),
    "ndevio 0.10.0, no size": ({"scale": (1, 1, 1), "axis_labels": ZYX}, None, None),
    "ndevio 0.10.0, DV": (
        {**UNIT_LESS, "metadata": {"raw_image_metadata": {"header": DV}}}, 80, 300
    ),
    "ndevio 0.10.0, CZI": (
        {**UNIT_LESS, "metadata": {"raw_image_metadata": czi(8e-8, 3e-7)}}, 80, 300
    ),
    "ndevio 0.10.0, CZI of pylibCZIrw 6.1, 8 cm": (
        {**UNIT_LESS, "metadata": {"raw_image_metadata": czi(8e-2, 3e-1)}}, None, None
    ),
    "ndevio 0.10.0, ND2": (
        {**UNIT_LESS, "metadata": {"raw_image_metadata": nd2((True, True, True))}}, 80, 300
    ),
    "ndevio 0.10.0, ND2 without planes": (
        {**UNIT_LESS, "metadata": {"raw_image_metadata": nd2((True, True, False))}}, 80, None
    ),
    "napari-dv 0.3.0": ({**UNIT_LESS, "metadata": DV}, 80, 300),
    "napari-dv 0.3.0, an MRC file in Å": ({**UNIT_LESS, "metadata": {**DV, "dvid": 0}}, None, None),
    "napari-ome-zarr 0.11": (VOLUME_UM, 80, 300),
    "napari-zarrnii 0.1.0, mm": ({"scale": (3e-4, 8e-5, 8e-5)}, None, None),
    "napari-itk-io, mm": (
        {"scale": (-3e-4, 8e-5, 8e-5), "metadata": {"spacing": (8e-5, 8e-5, 3e-4)}}, None, None,
    ),
    "openreadout 0.4.0": ({**VOLUME_UM, "metadata": {"openreadout": {"dims": "ZYX"}}}, 80, 300),
    "tomography, mm": ({"scale": (5, 1, 1), "units": ("mm",) * 3}, None, None),
    "a movie in µm": (
        {"scale": (5000, 0.08, 0.08), "units": ("um",) * 3, "axis_labels": "tyx"}, 80, None,
    ),
    "a movie in s": ({"scale": (5000, 0.08, 0.08), "units": ("s", "um", "um")}, 80, None),
}  # fmt: skip


@pytest.mark.parametrize("case", READERS)
def test_what_readers_leave_is_right_or_not_known(case):
    arguments, lateral, axial = READERS[case]
    assert known(Image(np.zeros(STACK), **arguments)) == (lateral, axial)


RESAMPLED = {
    "coarser, with its own unit": ((9, 12, 10), ("um",) * 3, (0.3, 0.16, 0.16), 160, 300),
    "coarser, without a unit": ((9, 12, 10), ("pixel",) * 3, (1, 1, 1), None, None),
    "a part, without a unit": ((9, 24, 10), ("pixel",) * 3, (1, 1, 1), 80, 300),
    "planes resampled, with a unit": ((30, 24, 20), ("um",) * 3, (0.08, 0.08, 0.08), 80, 80),
    "planes resampled, without a unit": ((30, 24, 20), ("pixel",) * 3, (1, 1, 1), 80, None),
}


@pytest.mark.parametrize("case", RESAMPLED)
def test_the_sizes_of_the_file_are_not_those_of_other_pixels(case):
    shape, units, scale, lateral, axial = RESAMPLED[case]
    metadata = {"ome_metadata": ome_object(**SIZED)}
    layer = Image(np.zeros(shape), units=units, scale=scale, axis_labels=ZYX, metadata=metadata)
    assert known(layer) == (lateral, axial)


VOLUMES = {
    "napari-bioio-reader 0.3.0": ((1, 2, 9, 24, 20), vars(ome_object(**SIZED)), "tczyx"),
    "napari-bioio-reader 0.3.0, several scenes": (
        (1, 2, 9, 24, 20), {"bioio_metadata": ome_object(**SIZED), "scene_info": {}}, "tczyx"
    ),
    "openreadout 0.4.0": ((1, 2, 9, 24, 20), {"openreadout": {"dims": "TCZYX"}}, "tczyx"),
    "one channel of two": (STACK, {"ome_metadata": ome_object(**SIZED)}, "zyx"),
    "no z": ((2, 24, 20), {"ome_metadata": ome_object(**{**SIZED, "size_z": 1})}, "cyx"),
    "cropped": ((9, 20, 20), {"ome_metadata": ome_object(**SIZED)}, None),
    "as many channels as planes": (
        STACK, {"ome_metadata": ome_object(**{**SIZED, "size_c": 9, "size_z": 9})}, "zyx"
    ),
    "times or planes": (
        (9, 9, 24, 20), {"ome_metadata": ome_object(**{**SIZED, "size_t": 9})}, "tzyx"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VOLUMES)
def test_a_volume_that_is_known_is_one(case):
    shape, metadata, names = VOLUMES[case]
    source = read_source(Image(np.zeros(shape), metadata=metadata))
    assert source.acquisition.axes == tuple(names or "")
    assert source.is_volume == ("z" in (names or ""))


def test_a_reader_that_takes_print_for_size_is_not_believed(tmp_path):
    """A scale as napari-tiff 0.1.6 sets it: 600 pixels per inch are 42 µm."""
    plain((600, 600), "INCH")(tmp_path / "a.tif")
    layer = opened(tmp_path / "a.tif")
    layer.scale, layer.units = (25400 / 600,) * 2, ("um", "um")
    assert known(layer) == (None, None)
    assert "but its file does not" in " ".join(find_pixel_size(read_source(layer)).notes)


def test_axes_are_named_only_where_one_way_fits():
    told = {"T": 9, "Z": 9, "C": 1, "Y": 24, "X": 20}
    assert match_axis_names((9, 9, 24, 20), told, ["TCZYX"]) == ("t", "z", "y", "x")
    assert match_axis_names((9, 9, 24, 20), told, ["TCZYX", "ZTCYX"]) == ()
    assert match_axis_names((9, 24, 20), told, ["TCZYX"]) == ()  # times, or planes?
    assert match_axis_names((9, 24, 20), {**told, "T": 1}, ["TCZYX"]) == ("z", "y", "x")
    assert match_axis_names((24, 20), {"Y": 24, "X": 20}, ["TCZYX"]) == ("y", "x")
    assert match_axis_names((24, 20), {"Y": 20, "X": 24}, ["TCZYX"]) == ()
    assert match_axis_names((3, 24, 20), {}, ["TCZYX"]) == ()
    assert match_axis_names((3,), told, ["TCZYX", "", "YY"]) == ()


METRIC = "Ym Zm Em Pm Tm Gm Mm km hm dam m dm cm mm µm nm pm fm am zm ym".split()
OTHERS = "Å thou li in ft yd mi ua ly pc pt".split()


def test_all_units_of_ome_are_known():
    powers = [24, 21, 18, 15, 12, 9, 6, 3, 2, 1, 0, -1, -2, -3, -6, -9, -12, -15, -18, -21, -24]
    for unit, power in zip(METRIC, powers, strict=True):
        assert nanometers(unit) == pytest.approx(10.0 ** (9 + power))
    sizes = (0.1, 25400, 25.4e6 / 12, 25.4e6, 304.8e6, 914.4e6)
    assert [nanometers(unit) for unit in OTHERS[: len(sizes)]] == pytest.approx(sizes)
    assert nanometers("pt") == pytest.approx(25.4e6 / 72)
    assert nanometers("ua") < nanometers("ly") < nanometers("pc")
    assert {*METRIC, *OTHERS} <= UNIT_SYMBOLS.keys()
    for unit in ("pixel", "reference frame", "REFERENCEFRAME", "", "parsnip", "mM"):
        assert nanometers(unit) is None


@pytest.mark.parametrize(
    ("size", "axial", "unit", "possible"),
    [
        (4.9, False, "nm", False), (5, False, "nm", True), (50e3, False, "mm", True),
        (51e3, False, "mm", False), (51e3, True, "mm", True), (101e3, True, "mm", False),
        (42333, False, "inch", False), (42333, False, "cm", False), (42333, True, "cm", True),
        (80, False, "inch", True),
    ],
)  # fmt: skip
def test_what_a_pixel_of_a_light_microscope_can_be(size, axial, unit, possible):
    assert is_possible_pixel_size(size, axial, unit) == possible
