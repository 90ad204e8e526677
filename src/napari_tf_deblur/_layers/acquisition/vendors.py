"""Reads the metadata of microscope makers and programs, except OME, Zeiss CZI and ImageJ."""

from collections.abc import Iterable
from typing import Any

from napari_tf_deblur._layers.acquisition.length_units import nanometers
from napari_tf_deblur._layers.acquisition.metadata_description import (
    APERTURE_BOUNDS,
    INDEX_BOUNDS,
    PINHOLE_BOUNDS,
    WAVELENGTH_BOUNDS,
    FileChannel,
    MetadataDescription,
    Size,
    find_common_value,
)
from napari_tf_deblur._layers.acquisition.ome import find_refractive_index
from napari_tf_deblur._layers.acquisition.tree import (
    child,
    entry,
    local_name,
    number,
    text,
    value,
)

_NIKON_CONFOCAL = frozenset(
    "laserScanConfocal spinningDiskConfocal sweptFieldConfocalSlit "
    "sweptFieldConfocalPinhole".split()
)
_NIKON_OTHER = frozenset(
    "brightfield phaseContrast diContrast transmitDetector SIM iSIM sora liveSR RCM VCS "
    "TIRF".split()
)
"""Modalities of the nd2 package (0.12): confocal ones, and ones whose blur is neither that of a
confocal nor that of a two-photon microscope."""

_LEICA_CONFOCAL = "ATLConfocalSettingDefinition"
_LEICA_SETTINGS = (_LEICA_CONFOCAL, "ATLCameraSettingDefinition")

_INFRARED = 680.0
"""Shortest laser line for two-photon excitation, in nanometres. Derived: it lies between the
longest usual lines for one-photon excitation (640 to 660 nm) and the tuning range of Ti:sapphire
lasers, which begins at 690."""

_DELTAVISION = -16224
"""Number that marks a header of DeltaVision; the sizes in such MRC files are in micrometres.
Definition: of the format."""


def describe_nikon(tree: Any, nodes: list[Any]) -> MetadataDescription:
    """Read the metadata of an ND2 file, as the nd2 package returns them."""
    optics = [child(node, "microscope") for node in nodes]
    aperture = find_common_value(
        number(o, "objectiveNumericalAperture", *APERTURE_BOUNDS) for o in optics
    )
    index = find_common_value(number(o, "immersionRefractiveIndex", *INDEX_BOUNDS) for o in optics)
    return MetadataDescription(
        tuple(_nikon_channel(child(node, "channel"), entry(node, "microscope")) for node in nodes),
        numerical_aperture=aperture,
        refractive_indices=() if index is None else (index,),
        pixel_size=_nikon_size(entry(nodes[0], "volume")),
    )


def _nikon_channel(dye: Any, microscope: Any) -> FileChannel:
    """Read one channel of an ND2 file."""
    flags = value(microscope, "modalityFlags")
    flags = set(flags if isinstance(flags, list | tuple) else ()) & {
        *_NIKON_CONFOCAL,
        *_NIKON_OTHER,
        "multiphoton",
    }
    mode = None
    if flags == {"multiphoton"} or flags == {"multiphoton", "laserScanConfocal"}:
        mode = "multiphoton"
    elif flags and flags <= _NIKON_CONFOCAL:
        mode = "confocal"
    return FileChannel(
        text(dye, "name"),
        emission=number(dye, "emissionLambdaNm", *WAVELENGTH_BOUNDS),
        excitation=number(dye, "excitationLambdaNm", *WAVELENGTH_BOUNDS),
        microscope=mode,
    )


def _nikon_size(volume: Any) -> Size:
    """Read the pixel size along the calibrated axes; the order in the file is x, y, z."""
    sizes, known = entry(volume, "axesCalibration"), entry(volume, "axesCalibrated")
    if not all(isinstance(part, list | tuple) and len(part) == 3 for part in (sizes, known)):
        return (None, None, None)
    x, y, z = (
        number({"size": size}, "size") if calibrated is True else None
        for size, calibrated in zip(sizes, known)
    )
    return (z, y, x)


def describe_leica(tree: Any) -> MetadataDescription:
    """Read the values that all images of a file share: the image of the layer is not known."""
    settings = [node for node in tree.iter() if local_name(node) in _LEICA_SETTINGS]
    settings = [node for node in settings if text(node, "NumericalAperture")]
    indices = (
        find_common_value(number(node, "RefractionIndex", *INDEX_BOUNDS) for node in settings),
        find_common_value(find_refractive_index(text(node, "Immersion")) for node in settings),
    )
    confocal = settings and all(_is_confocal(node) for node in settings)
    pinhole = find_common_value(number(node, "PinholeAiry", *PINHOLE_BOUNDS) for node in settings)
    return MetadataDescription(
        numerical_aperture=find_common_value(
            number(node, "NumericalAperture", *APERTURE_BOUNDS) for node in settings
        ),
        refractive_indices=tuple(n for n in indices if n is not None),
        microscope="confocal" if confocal else None,
        pinhole=pinhole if confocal else None,
    )


def _is_confocal(setting: Any) -> bool:
    """Whether a setting is confocal: two-photon and STED microscopes have the same settings."""
    if local_name(setting) != _LEICA_CONFOCAL:
        return False
    for node in setting.iter():
        line = number(node, "LaserLine") or number(node, "Wavelength")
        name = (text(node, "LightSourceName") + text(node, "LaserName")).lower()
        is_on = number(node, "IntensityDev") or text(node, "PowerState").lower() == "on"
        if is_on and ((line or 0) >= _INFRARED or "sted" in name or "multiphoton" in name):
            return False
    return True


def describe_deltavision(header: Any) -> MetadataDescription:
    """Read the header of a DV file, as the mrc package returns it: `wave1` is in nanometres."""
    count = number(header, "nc", 1, 5)
    waves = [number(header, f"wave{k}", *WAVELENGTH_BOUNDS) for k in range(1, int(count or 5) + 1)]
    if count is None:
        waves = [wave for wave in waves if wave is not None]
    size: Size = (None, None, None)
    if entry(header, "dvid") == _DELTAVISION:
        z, y, x = (number(header, f"d{axis}") for axis in "zyx")
        size = (z, y, x)
    names = ["" if wave is None else f"{wave:g}" for wave in waves]
    return MetadataDescription(
        tuple(FileChannel(f"{n}nm" if n else "", n, w) for n, w in zip(names, waves)),
        pixel_size=size,
    )


def describe_micromanager(summary: Any) -> MetadataDescription:
    """Read the summary that Micro-Manager writes to TIFF, NDTiff and OME-TIFF files."""
    names = entry(summary, "ChNames")
    x = number(summary, "PixelSize_um")
    return MetadataDescription(
        tuple(FileChannel(name) for name in _texts(names)),
        pixel_size=(number(summary, "z-step_um"), x, x),
    )


def describe_lsm(header: Any) -> MetadataDescription:
    """Read the header of a Zeiss LSM file, as tifffile returns it; its lengths are in metres."""
    z, y, x = (number(header, f"VoxelSize{axis}") for axis in "ZYX")
    dimensions = {"T": "Time", "C": "Channels", "Z": "Z", "Y": "Y", "X": "X"}
    counts = {a: number(header, f"Dimension{name}", 1, 1e9) for a, name in dimensions.items()}
    return MetadataDescription(
        pixel_size=(z and 1e6 * z, y and 1e6 * y, x and 1e6 * x),
        shape={axis: int(n) for axis, n in counts.items() if n is not None},
        orders=("TZCYX",),
    )


def describe_metamorph(header: Any) -> MetadataDescription:
    """Read the header of a MetaMorph STK file, as tifffile returns it."""
    per_unit = nanometers(text(header, "CalibrationUnits"))
    if per_unit is None or not number(header, "SpatialCalibration"):
        return MetadataDescription()
    y, x = (number(header, f"{axis}Calibration") for axis in "YX")
    scale = per_unit / 1000
    return MetadataDescription(pixel_size=(None, y and scale * y, x and scale * x))


def describe_openreadout(dims: Any) -> MetadataDescription:
    """Read the order of the axes, a text such as "TCZYX"."""
    return MetadataDescription(orders=(dims,) if isinstance(dims, str) and len(dims) < 9 else ())


def _texts(names: object) -> Iterable[str]:
    """Return the texts of a list that are not empty; nothing if it is not a list."""
    return [n for n in names if isinstance(n, str) and n] if isinstance(names, list) else ()
