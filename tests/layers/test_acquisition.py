"""The acquisition is read from the metadata that readers store in a layer."""

from copy import deepcopy
from enum import Enum
from math import isfinite
from types import SimpleNamespace as Node
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.layers import Image
from tifffile import xml2dict

from napari_tf_deblur._layers.acquisition import METADATA_KEYS, Acquisition, read_acquisition
from napari_tf_deblur._layers.acquisition.tree import MAX_CHARACTERS, length, snake_case


class Unit(Enum):
    MICROMETER = "µm"
    NANOMETER = "nm"
    ANGSTROM = "Å"
    MILLIMETER = "mm"
    PIXEL = "pixel"


class Mode(Enum):
    CONFOCAL = "LaserScanningConfocalMicroscopy"
    WIDEFIELD = "WideField"
    LIGHT_SHEET = "SPIM"
    TIRF = "TIRF"


class Immersion(Enum):
    OIL = "Oil"
    WATER = "Water"
    MULTI = "Multi"


OME_XML = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
 <Instrument ID="Instrument:0">
  <Objective ID="Objective:0" LensNA="0.5" Immersion="Air"/>
  <Objective ID="Objective:1" LensNA="1.4" Immersion="Oil"/>
 </Instrument>
 <Image ID="Image:0" Name="cells GFP DAPI">
  <ObjectiveSettings ID="Objective:1"/>
  <Pixels ID="Pixels:0" PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.065"
   PhysicalSizeZ="0.0002" PhysicalSizeZUnit="mm">
   <Channel ID="Channel:0:0" Name="DAPI" EmissionWavelength="461" ExcitationWavelength="405"
    AcquisitionMode="WideField"/>
   <Channel ID="Channel:0:1" Name="GFP" EmissionWavelength="0.509" EmissionWavelengthUnit="µm"
    AcquisitionMode="WideField"/>
  </Pixels>
 </Image>
</OME>"""

ZEISS_XML = """<ImageDocument><Metadata>
 <Information>
  <Image>
   <ObjectiveSettings><ObjectiveRef Id="Objective:1"/><Medium>Oil</Medium>
    <RefractiveIndex>1.518</RefractiveIndex></ObjectiveSettings>
   <Dimensions><Channels>
    <Channel Id="Channel:0" Name="AF488"><EmissionWavelength>520</EmissionWavelength>
     <ExcitationWavelength>488</ExcitationWavelength>
     <AcquisitionMode>LaserScanningConfocalMicroscopy</AcquisitionMode>
     <PinholeSizeAiry>1.2</PinholeSizeAiry></Channel>
    <Channel Id="Channel:1" Name="T-PMT"><IlluminationType>Transmitted</IlluminationType>
     <AcquisitionMode>LaserScanningConfocalMicroscopy</AcquisitionMode></Channel>
   </Channels></Dimensions>
  </Image>
  <Instrument><Objectives>
   <Objective Id="Objective:1"><LensNA>1.4</LensNA><Immersion>Oil</Immersion></Objective>
  </Objectives></Instrument>
 </Information>
 <Scaling><Items><Distance Id="X"><Value>8.5e-08</Value></Distance>
  <Distance Id="Z"><Value>3e-07</Value></Distance></Items></Scaling>
</Metadata></ImageDocument>"""


def ome():
    """OME metadata as ome_types returns them: a confocal microscope, 3 channels, 2 objectives."""
    channels = [
        Node(id=f"Channel:0:{k}", name=name, emission_wavelength=emission, pinhole_size=50.0,
             emission_wavelength_unit=unit, excitation_wavelength=excitation,
             excitation_wavelength_unit=Unit.NANOMETER, acquisition_mode=Mode.CONFOCAL,
             illumination_type=None, contrast_method=None, fluor=None)
        for k, (name, emission, unit, excitation) in enumerate([
            ("DAPI", 461.0, Unit.NANOMETER, 405.0),
            ("Alexa 488", 0.519, Unit.MICROMETER, 488.0),
            ("Alexa 488 long", 5800.0, Unit.ANGSTROM, None),
        ])
    ]  # fmt: skip
    pixels = Node(channels=channels, physical_size_x=65.0, physical_size_x_unit=Unit.NANOMETER,
                  physical_size_y=0.065, physical_size_y_unit=Unit.MICROMETER,
                  physical_size_z=2e-4, physical_size_z_unit=Unit.MILLIMETER)  # fmt: skip
    used = Node(id="Objective:1", medium=None, refractive_index=None)
    image = Node(id="Image:0", name="cells", pixels=pixels, objective_settings=used)
    objectives = [
        Node(id="Objective:0", lens_na=0.5, immersion=Immersion.MULTI),
        Node(id="Objective:1", lens_na=1.2, immersion=Immersion.WATER),
    ]
    return Node(images=[image], instruments=[Node(id="Instrument:0", objectives=objectives)])


def as_dicts(node):
    """The same metadata as dictionaries, as `to_dict` of ome_types returns them."""
    if isinstance(node, Node):
        return {key: as_dicts(value) for key, value in vars(node).items()}
    if isinstance(node, list):
        return [as_dicts(item) for item in node]
    return node.value if isinstance(node, Enum) else node


def layer(metadata=None, name="Alexa 488 :: cells", **more):
    return Image(np.zeros((3, 8, 8)), name=name, metadata=metadata, **more)


def read(metadata, name="Alexa 488 :: cells", **more):
    return read_acquisition(layer(metadata, name, **more))


@pytest.mark.parametrize("key", ["ome_metadata", "ome_types", "raw_image_metadata"])
@pytest.mark.parametrize("form", [lambda tree: tree, as_dicts])
def test_an_ome_description_is_read_from_objects_and_from_dictionaries(key, form):
    found = read({key: form(ome()), "bioimage": object()})
    assert found.numerical_aperture == 1.2
    assert found.refractive_index == pytest.approx(1.33)
    assert found.microscope == "confocal"
    assert (found.emission, found.excitation) == (pytest.approx(519), 488)
    assert found.pinhole is None  # it is in micrometers
    assert found.channel == "Alexa 488"
    names = ("DAPI", "Alexa 488", "Alexa 488 long")
    assert found.channels == tuple(zip(names, (461, pytest.approx(519), pytest.approx(580))))
    assert found.pixel_size == pytest.approx((0.2, 0.065, 0.065))
    assert set(found.metadata_keys.values()) == {key}
    unsaid = {
        "pinhole",
        "metadata_keys",
        "axes",
        "shape",
        "record",
        "impossible_sizes",
        "has_all_sizes",
        "rejected_numbers",
    }
    assert set(found.metadata_keys) == set(vars(found)) - unsaid


@pytest.mark.parametrize("form", [str, str.encode, ET.fromstring, xml2dict])
@pytest.mark.parametrize("key", ["ome_metadata", "raw_image_metadata"])
def test_xml_is_read_as_text_parsed_and_as_dictionaries(key, form):
    found = read({key: form(OME_XML)}, "GFP :: cells GFP DAPI")
    assert (found.numerical_aperture, found.refractive_index) == (1.4, 1.515)
    assert (found.microscope, found.channel, found.excitation) == ("widefield", "GFP", None)
    assert found.emission == pytest.approx(509)
    assert found.pixel_size == pytest.approx((0.2, 0.065, 0.065))


def test_the_metadata_may_be_the_description_itself():
    assert read(as_dicts(ome())) == read(as_dicts(ome()))
    assert read(as_dicts(ome())).emission == pytest.approx(519)  # napari-bioio-reader
    assert read(xml2dict(OME_XML), "DAPI").emission == 461  # napari-meta-tiff
    assert read({"ome_types": ome}).emission == pytest.approx(519)  # a function that reads it


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("DAPI", "DAPI"),
        ("dapi", "DAPI"),
        ("0 :: Image:0 :: DAPI", "DAPI"),
        ("cells.ome.tif [DAPI] [1]", "DAPI"),
        ("cells: Alexa 488", "Alexa 488"),
        ("Alexa 488 long: cells", "Alexa 488 long"),
        ("Channel:0:1 :: cells", "Alexa 488"),
        ("Channel:0:3", ""),
        ("DAPI and Alexa 488", ""),
        ("DAPIs", ""),
        ("cells", ""),
        ("cells [1]", ""),
    ],
)
def test_the_channel_is_the_one_in_the_layers_name(name, channel):
    found = read({"ome_metadata": ome()}, name)
    assert found.channel == channel
    assert (found.emission is None) == (not channel)
    assert len(found.channels) == 3
    assert found.microscope == "confocal"  # all channels are


def test_a_channel_without_a_name_is_known_by_its_number():
    tree = ome()
    for channel in tree.images[0].pixels.channels:
        channel.name = None
    found = read({"ome_types": tree}, "0 :: Image:0 :: Channel:0:1")
    assert (found.channel, found.emission) == ("Channel:0:1", pytest.approx(519))


def test_small_numbers_are_channels_only_where_they_stand_by_themselves():
    tree = ome()
    for k, channel in enumerate(tree.images[0].pixels.channels):
        channel.name = str(k)
    said = {"ome_metadata": tree}
    assert read(said, "1 :: cells").channel == "1"
    assert [read(said, name).channel for name in ("copy 1", "1 :: 0 :: x", "a [1]")] == ["", "", ""]


def test_names_of_files_and_images_say_nothing_of_the_channel(tmp_path):
    path = tmp_path / "Alexa 488.ome.tif"
    shown = layer({"ome_metadata": ome()}, "Alexa 488")
    shown._source = shown.source.model_copy(update={"path": str(path)})
    assert read_acquisition(shown).channel == ""
    shown.name = "DAPI :: Alexa 488"
    assert read_acquisition(shown).channel == "DAPI"
    assert read({"ome_metadata": OME_XML}, "cells GFP DAPI").channel == ""


def test_a_layer_that_holds_all_channels_has_none_of_its_own():
    said = {"ome_metadata": ome()}
    assert read(said, "DAPI", axis_labels=("c", "y", "x")).channel == ""
    colours = Image(np.zeros((8, 8, 3)), name="DAPI", rgb=True, metadata=said)
    assert read_acquisition(colours).channel == ""
    levels = [np.zeros((3, 8, 8)), np.zeros((3, 4, 4))]
    levels = Image(levels, name="DAPI", multiscale=True, metadata=said, axis_labels="cyx")
    assert read_acquisition(levels).emission is None


def test_the_only_channel_is_the_layers_own():
    tree = ome()
    del tree.images[0].pixels.channels[1:]
    assert read({"ome_metadata": tree}, "anything").channel == "DAPI"


def test_of_several_images_it_is_the_one_in_the_layers_name():
    tree = ome()
    second = deepcopy(tree.images[0])
    second.name, second.id, second.pixels.physical_size_y = "embryo", "Image:1", 1.0
    tree.images.append(second)
    sizes = [
        read({"ome_metadata": tree}, name).pixel_size[1]
        for name in ("0 :: cells :: DAPI", "1 :: embryo :: DAPI", "1 :: Image:1 :: DAPI", "DAPI")
    ]
    assert sizes == [0.065, 1.0, 1.0, 0.065]


def test_values_are_taken_from_the_first_key_that_has_them():
    first = ome()
    first.instruments.clear()
    second = ome()
    second.images[0].pixels.channels[1].emission_wavelength = 1.0
    found = read({"ome_metadata": first, "raw_image_metadata": second})
    assert (found.numerical_aperture, found.emission) == (1.2, pytest.approx(519))
    assert found.metadata_keys["numerical_aperture"] == "raw_image_metadata"
    assert found.metadata_keys["emission"] == "ome_metadata"


def test_channels_of_another_description_are_not_mixed_in():
    first = ome()
    first.images[0].pixels.channels[1].emission_wavelength = None
    found = read({"ome_metadata": first, "raw_image_metadata": ZEISS_XML})
    assert found.emission is None
    assert found.pinhole is None


@pytest.mark.parametrize("form", [str, ET.fromstring])
def test_the_metadata_of_zeiss_have_the_pinhole_in_airy_units(form):
    found = read({"raw_image_metadata": form(ZEISS_XML)}, "0 :: scene :: AF488")
    assert (found.pinhole, found.microscope, found.emission) == (1.2, "confocal", 520)
    assert (found.numerical_aperture, found.refractive_index) == (1.4, 1.518)
    assert found.pixel_size == pytest.approx((0.3, None, 0.085), nan_ok=True)
    transmitted = read({"raw_image_metadata": form(ZEISS_XML)}, "T-PMT")
    assert (transmitted.microscope, transmitted.pinhole, transmitted.emission) == (None,) * 3


def test_the_metadata_of_nikon_have_the_aperture():
    optics = Node(objectiveNumericalAperture=1.45, immersionRefractiveIndex=1.515)
    dye = Node(name="GFP", emissionLambdaNm=525.0, excitationLambdaNm=488.0)
    raw = {"metadata": Node(channels=[Node(channel=dye, microscope=optics)]), "frame": object()}
    found = read({"raw_image_metadata": raw})
    assert (found.numerical_aperture, found.refractive_index) == (1.45, 1.515)
    assert (found.emission, found.excitation, found.channel) == (525, 488, "GFP")


def test_the_metadata_of_leica_have_the_aperture_where_all_images_agree():
    image = (
        '<Element><ATLConfocalSettingDefinition NumericalAperture="{}" Immersion="OIL" '
        'RefractionIndex="1.518"/></Element>'
    )
    one, other = image.format(1.4), image.format(1.3)
    same, different = (
        read({"raw_image_metadata": ET.fromstring(f"<Data>{one}{two}</Data>")})
        for two in (one, other)
    )
    assert (same.numerical_aperture, same.refractive_index) == (1.4, 1.518)
    assert (different.numerical_aperture, different.refractive_index) == (None, 1.518)


@pytest.mark.parametrize(
    ("flags", "microscope"),
    [
        (["fluorescence", "laserScanConfocal"], "confocal"),
        (["fluorescence", "camera", "spinningDiskConfocal"], "confocal"),
        (["fluorescence", "laserScanConfocal", "multiphoton"], "multiphoton"),
        (["fluorescence", "multiphoton", "nonDescannedDetector"], "multiphoton"),
        (["fluorescence", "camera"], None),  # what nd2 also says of a mode that it does not know
        (["camera", "spinningDiskConfocal", "sora"], None),
        (["laserScanConfocal", "transmitDetector"], None),
        (["fluorescence", "camera", "TIRF"], None),
        ([], None),
        ("laserScanConfocal", None),
        ([["laserScanConfocal"], 7], None),
    ],
)
def test_the_microscope_of_nikon_is_that_of_its_modality(flags, microscope):
    """Metadata as nd2 0.12.0 returns them."""
    optics = Node(modalityFlags=flags)
    raw = {"metadata": Node(channels=[Node(channel=Node(name="GFP"), microscope=optics)])}
    assert read({"raw_image_metadata": raw}).microscope == microscope


CONFOCAL, CAMERA = "ATLConfocalSettingDefinition", "ATLCameraSettingDefinition"
STED = '<LaserLineSetting LightSourceName="STED" LaserLine="660" IntensityDev="9"/>'
LINE = '<LaserLineSetting LaserLine="{}" IntensityDev="{}"/>'


@pytest.mark.parametrize(
    ("tag", "parts", "microscope", "pinhole"),
    [
        (CONFOCAL, LINE.format(488, 5), "confocal", 1.2),
        (CONFOCAL, LINE.format(488, 5) + LINE.format(800, 0), "confocal", 1.2),
        (CONFOCAL, LINE.format(800, 5), None, None),
        (CONFOCAL, '<Laser Wavelength="920" PowerState="On"/>', None, None),
        (CONFOCAL, STED, None, None),
        (CAMERA, "", None, None),
    ],
)
def test_leica_says_whether_it_is_confocal_and_how_wide_the_pinhole_is(
    tag, parts, microscope, pinhole
):
    """Metadata as bioio-lif passes them to ndevio 0.10.0."""
    xml = f'<Data><{tag} NumericalAperture="1.4" PinholeAiry="1.2">{parts}</{tag}></Data>'
    found = read({"raw_image_metadata": ET.fromstring(xml)})
    assert (found.microscope, found.pinhole) == (microscope, pinhole)
    other = xml.replace("<Data>", '<Data><ATLCameraSettingDefinition NumericalAperture="1.4"/>')
    found = read({"raw_image_metadata": ET.fromstring(other)})
    assert (found.microscope, found.pinhole, found.numerical_aperture) == (None, None, 1.4)


DV = {"nc": 1, "wave1": 525, "wave2": 0, "wave3": 0, "wave4": 0, "wave5": 0}


@pytest.mark.parametrize(
    ("header", "name", "emission"),
    [
        (DV, "525nm", 525),
        (DV, "cells", 525),
        ({**DV, "wave1": 0}, "0nm", None),
        ({"wave1": 525}, "cells", 525),
        ({**DV, "nc": 2, "wave2": 617}, "617nm", 617),
        ({**DV, "nc": 2, "wave2": 617}, "617nm [1]", 617),
        ({**DV, "nc": 2, "wave2": 617}, "cells", None),
        ({**DV, "nc": 2, "wave2": 525}, "525nm", 525),
        ({"nc": "x", "wave1": "y"}, "cells", None),
    ],
)
def test_deltavision_says_the_emission(header, name, emission):
    """A header as napari-dv 0.3.0 and bioio-dv, with ndevio 0.10.0, store it."""
    assert read(header, name).emission == emission
    assert read({"raw_image_metadata": {"header": header}}, name).emission == emission
    assert read({"raw_image_metadata": {"header": Node(**header)}}, name).emission == emission


def test_two_channels_of_one_name_say_what_they_agree_in():
    tree = ome()
    tree.images[0].pixels.channels[2].name = "Alexa 488"
    found = read({"ome_metadata": tree})
    assert (found.channel, found.microscope, found.emission) == ("Alexa 488", "confocal", None)
    tree = deepcopy(tree)
    tree.images[0].pixels.channels[2].emission_wavelength = 5190
    assert read({"ome_metadata": tree}).emission == pytest.approx(519)
    assert read({"ome_metadata": tree}, "DAPI").emission == 461


def test_micromanager_says_the_channels_and_sizes():
    summary = {"PixelSize_um": 0.1, "z-step_um": 0.5, "ChNames": ["DAPI", "GFP"]}
    found = read({"micromanager_metadata": {"Summary": summary}}, "GFP")
    assert (found.channel, found.pixel_size) == ("GFP", (0.5, 0.1, 0.1))
    summary = {"PixelSize_um": 0.0, "z-step_um": 0, "ChNames": None}
    assert read({"micromanager_metadata": {"Summary": summary}}) == Acquisition()


def test_what_is_read_follows_the_layers_name_and_metadata():
    shown = layer({"ome_metadata": ome()}, "DAPI")
    assert read_acquisition(shown).emission == 461
    shown.name = "Alexa 488"
    assert read_acquisition(shown).emission == pytest.approx(519)
    assert read_acquisition(shown) is read_acquisition(shown)
    shown.metadata = {}
    assert read_acquisition(shown) == Acquisition()


@pytest.mark.parametrize(
    ("mode", "more", "microscope"),
    [
        ("WideField", {}, "widefield"),
        ("SpinningDiskConfocal", {}, "confocal"),
        ("SlitScanConfocal", {}, "confocal"),
        ("MultiPhotonMicroscopy", {}, "multiphoton"),
        (Mode.LIGHT_SHEET, {}, "light sheet"),
        (Mode.TIRF, {}, None),
        ("Other", {"illumination_type": "NonLinear"}, None),
        (None, {"illumination_type": "NonLinear"}, "multiphoton"),
        (None, {"illumination_type": "Epifluorescence"}, None),  # confocal ones have that too
        ("WideField", {"contrast_method": "Phase"}, None),
        (Mode.CONFOCAL, {"illumination_type": "Transmitted"}, None),
        (7, {}, None),
    ],
)
def test_the_microscope_is_that_of_the_acquisition_mode(mode, more, microscope):
    tree = ome()
    vars(tree.images[0].pixels.channels[1]).update(acquisition_mode=mode, **more)
    assert read({"ome_metadata": tree}).microscope == microscope


@pytest.mark.parametrize(
    ("aperture", "settings", "immersion", "index"),
    [
        (1.4, {}, "Oil", 1.515),
        (1.3, {}, "silicone", 1.406),
        (0.8, {}, "Air", 1.0),
        (1.0, {}, "WaterDipping", 1.33),
        (1.0, {}, "Multi", None),
        (1.4, {}, "Air", None),  # that cannot be
        (1.4, {"refractive_index": 1.0}, "Oil", 1.515),  # a default, left as it was
        (1.4, {"refractive_index": 1.51}, "Oil", 1.51),
        (1.0, {"medium": "Water"}, "Multi", 1.33),
        (1.0, {"refractive_index": "1.33"}, None, 1.33),
        (1.0, {"refractive_index": -1.0}, None, None),
    ],
)
def test_the_refractive_index_is_that_of_the_immersion(aperture, settings, immersion, index):
    tree = ome()
    vars(tree.images[0].objective_settings).update(settings)
    vars(tree.instruments[0].objectives[1]).update(lens_na=aperture, immersion=immersion)
    found = read({"ome_metadata": tree})
    assert (found.numerical_aperture, found.refractive_index) == (aperture, index)


def test_without_settings_the_objectives_must_agree():
    tree = ome()
    tree.images[0].objective_settings = None
    assert read({"ome_metadata": tree}).numerical_aperture is None
    tree.instruments[0].objectives[0].lens_na = 1.2
    assert read({"ome_metadata": tree}).numerical_aperture == 1.2
    tree.images[0].objective_settings = Node(id="Objective:7")
    assert read({"ome_metadata": tree}).numerical_aperture is None


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        (None, 500), ("nm", 500), (Unit.NANOMETER, 500), ("NANOMETER", 500), (Unit.PIXEL, None),
        (Unit.MICROMETER, 5e5), ("\u03bcm", 5e5), (r"\u00B5m", 5e5), ("um", 5e5), ("micron", 5e5),
        ("Å", 50), ("\u212b", 50), ("mm", 5e8), ("Mm", 5e17), ("", None), (3, None), ([], None),
    ],
)  # fmt: skip
def test_lengths_are_brought_to_one_unit(unit, size):
    found = length({"Size": 500, "SizeUnit": unit}, "Size", "nm")
    assert found == (size if size is None else pytest.approx(size))


@pytest.mark.parametrize("odd", [0, -500.0, float("nan"), float("inf"), "x", True, 5e-7, 10**400])
def test_numbers_that_cannot_be_are_left_out(odd):
    tree = ome()
    tree.images[0].pixels.channels[1].emission_wavelength = odd
    tree.images[0].pixels.channels[1].emission_wavelength_unit = "nm"
    tree.instruments[0].objectives[1].lens_na = odd
    found = read({"ome_metadata": tree})
    assert found.emission is None
    assert found.numerical_aperture is None


def test_names_are_spelled_as_objects_spell_them():
    names = "LensNA EmissionWavelengthUnit PhysicalSizeXUnit ID".split()
    spelled = "lens_na emission_wavelength_unit physical_size_x_unit id".split()
    assert [snake_case(name) for name in names] == spelled


@pytest.mark.parametrize("metadata", [None, {}, {"ome_metadata": None}, {"other": ome()}])
def test_without_metadata_nothing_is_known(metadata):
    assert read(metadata) == Acquisition()
    assert read_acquisition(None) == Acquisition()


@pytest.mark.parametrize(
    "text",
    [
        "ImageJ=1.53t\nimages=3",
        "<OME>",
        f"<!DOCTYPE OME [<!ENTITY a 'aaaa'>]>{OME_XML[38:]}",
        " " * (MAX_CHARACTERS + 1),
        OME_XML.encode("utf-16"),
        "\ud800<OME/>",
        "",
    ],
)
def test_text_that_is_no_description_is_passed_over(text):
    assert read({"ome_metadata": text, "raw_image_metadata": text}) == Acquisition()


class Hostile:
    """An object that raises an error for every attribute."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Unfriendly:
    """An object that raises an unusual error for every public attribute that is missing."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise RuntimeError(name)


class Endless:
    """An object with every attribute; each value is such an object."""

    def __getattr__(self, name):
        return self

    def __call__(self, *_):
        return self

    def __iter__(self):
        return iter((self,))


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.binary(max_size=4) | st.complex_numbers()
    | st.sampled_from([OME_XML, ZEISS_XML, Unfriendly(), Endless(), object, len, Unit.NANOMETER,
                       np.zeros(3), np.float32(1.3), "Oil", "nm", "DAPI", "Objective:1"]),
    lambda parts: st.lists(parts, max_size=3)
    | st.tuples(parts)
    | st.dictionaries(
        st.sampled_from(
            "OME Image images Pixels pixels Channel channels Name id LensNA metadata Metadata "
            "Information instruments objectives tag attrib value channel microscope".split()
        ) | st.integers(),
        parts,
        max_size=4,
    )
    | st.dictionaries(
        st.sampled_from("images pixels channels name tag value instruments iterfind get".split()),
        parts,
        max_size=4,
    ).map(lambda attributes: Node(**attributes)),
    max_leaves=12,
)  # fmt: skip

LAYER = layer()


def check(found):
    """The acquisition has valid values, whatever the metadata contain."""
    assert isinstance(found, Acquisition)
    lengths = (found.emission, found.excitation, *found.pixel_size, *(e for _, e in found.channels))
    for number in (*lengths, found.numerical_aperture, found.refractive_index, found.pinhole):
        assert number is None or (type(number) is float and isfinite(number) and number > 0)
    assert found.microscope in (None, "widefield", "confocal", "light sheet", "multiphoton")
    assert all(type(name) is str and name for name, _ in found.channels)
    assert found.channel in ("", *(name for name, _ in found.channels))
    assert set(found.metadata_keys.values()) <= {*METADATA_KEYS, "images"}
    assert (found.refractive_index or 9) > (found.numerical_aperture or 0)


many = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@many
@given(st.dictionaries(st.sampled_from((*METADATA_KEYS, "images", "other")), garbage, max_size=4))
def test_garbage_is_never_an_error(metadata):
    LAYER.metadata = metadata
    check(read_acquisition(LAYER))


@pytest.mark.parametrize("key", [*METADATA_KEYS, "images"])
def test_hostile_objects_are_passed_over(key):
    LAYER.metadata = {key: Hostile()}
    assert read_acquisition(LAYER) == Acquisition()
    tree = ome()
    tree.images[0].pixels.channels[1] = tree.instruments[0].objectives[0].lens_na = Hostile()
    LAYER.metadata = {key: tree, "raw_image_metadata": ome()}
    check(read_acquisition(LAYER))


def places(tree, path=()):
    """Yield the path to each part of a tree of dictionaries and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, part in items:
        yield (*path, key)
        if isinstance(part, dict | list):
            yield from places(part, (*path, key))


@many
@given(st.data())
def test_garbage_in_place_of_any_part_is_never_an_error(data):
    tree = data.draw(st.sampled_from([as_dicts(ome()), xml2dict(OME_XML), xml2dict(ZEISS_XML)]))
    *way, last = data.draw(st.sampled_from(list(places(tree))))
    part = tree
    for key in way:
        part = part[key]
    part[last] = data.draw(garbage)
    LAYER.metadata = {data.draw(st.sampled_from(METADATA_KEYS)): tree}
    check(read_acquisition(LAYER))
