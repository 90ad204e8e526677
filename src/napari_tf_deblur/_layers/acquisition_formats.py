"""What the metadata of a file says of the microscope: OME, Zeiss, Nikon and Leica."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from napari_tf_deblur._layers.acquisition_channel import named
from napari_tf_deblur._layers.metadata_tree import (
    child,
    children,
    is_element,
    length,
    local_name,
    number,
    text,
)
from napari_tf_deblur._optics.optics import IMMERSIONS

Size = tuple[float | None, float | None, float | None]

INDICES_BY_NAME = {
    **IMMERSIONS,
    "dry": IMMERSIONS["air"],
    "waterdipping": IMMERSIONS["water"],
    "siliconeoil": IMMERSIONS["silicone"],
    "glyc": IMMERSIONS["glycerol"],
}
"""Refractive index of what is between objective and specimen; "Multi" and "Other" say nothing."""

MICROSCOPES = {
    "widefield": "widefield",
    "laserscanningconfocalmicroscopy": "confocal",
    "spinningdiskconfocal": "confocal",
    "slitscanconfocal": "confocal",
    "sweptfieldconfocal": "confocal",
    "multiphotonmicroscopy": "multiphoton",
    "spim": "light sheet",
    "lightsheet": "light sheet",
    "latticelightsheet": "light sheet",
}
"""Modes of acquisition whose blur is that of one of the microscopes."""

TRANSMITTED = frozenset(
    "transmitted oblique brightfield phase dic hoffmanmodulation obliqueillumination "
    "polarizedlight darkfield".split()
)
"""Illumination and contrast of images that are not of fluorescence: their blur is another one."""

APERTURES = (0.005, 1.7)
INDICES = (1.0, 2.0)
WAVELENGTHS = (200.0, 3000.0)
PINHOLES = (0.01, 100.0)
"""What can be: numbers beyond these are mistakes, or in units other than they should be."""

_LEICA_SETTINGS = ("ATLConfocalSettingDefinition", "ATLCameraSettingDefinition")

T = TypeVar("T")


@dataclass(frozen=True)
class Channel:
    """One channel of a file; wavelengths are in nanometers, the pinhole in Airy units."""

    name: str
    id: str = ""
    emission: float | None = None
    excitation: float | None = None
    microscope: str | None = None
    pinhole: float | None = None


@dataclass(frozen=True)
class Description:
    """What one piece of metadata says; `refractive_indices` are those given, the surest first."""

    channels: tuple[Channel, ...] = ()
    images: tuple[str, ...] = ()
    numerical_aperture: float | None = None
    refractive_indices: tuple[float, ...] = ()
    pixel_size: Size = (None, None, None)


def described(tree: Any, layer_name: str) -> Description:
    """Read metadata of any of the formats; the layer's name says of which image."""
    if images := children(tree, "Image"):
        return _ome(tree, images, layer_name)
    if (zeiss := child(tree, "Metadata", "Information")) is not None:
        return _zeiss(tree, zeiss)
    if channels := children(child(tree, "Metadata"), "Channel"):
        return _nikon(channels)
    return _leica(tree) if is_element(tree) else Description()


def agreed(values: Iterable[T | None]) -> T | None:
    """Return the value that all of them are; None if they differ, or one is not known."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _ome(tree: Any, images: list[Any], layer_name: str) -> Description:
    names = [text(image, "Name") for image in images]
    ids = [text(image, "ID") for image in images]
    k = named(names, layer_name)
    k = named(ids, layer_name, ":") if k is None else k
    image = images[k or 0]
    pixels = child(image, "Pixels")
    instruments = children(tree, "Instrument")
    own = text(child(image, "InstrumentRef"), "ID")
    instruments = [i for i in instruments if own and text(i, "ID") == own] or instruments
    objectives = [each for i in instruments for each in children(i, "Objective")]
    settings = child(image, "ObjectiveSettings")
    z, y, x = (length(pixels, f"PhysicalSize{axis}", "µm") for axis in "ZYX")
    return Description(
        tuple(_channel(node) for node in children(pixels, "Channel")),
        (*names, *ids),
        *_optics(settings, text(settings, "ID"), objectives),
        (z, y, x),
    )


def _zeiss(tree: Any, information: Any) -> Description:
    image = child(information, "Image")
    settings = child(image, "ObjectiveSettings")
    steps = {
        text(step, "Id"): number(step, "Value")
        for step in children(child(tree, "Metadata", "Scaling", "Items"), "Distance")
    }
    z, y, x = (None if (step := steps.get(axis)) is None else 1e6 * step for axis in "ZYX")
    return Description(
        tuple(
            _channel(node) for node in children(child(image, "Dimensions", "Channels"), "Channel")
        ),
        (),
        *_optics(
            settings,
            text(child(settings, "ObjectiveRef"), "Id"),
            children(child(information, "Instrument", "Objectives"), "Objective"),
        ),
        (z, y, x),
    )


def _nikon(nodes: list[Any]) -> Description:
    dyes = [child(node, "channel") for node in nodes]
    optics = [child(node, "microscope") for node in nodes]
    index = agreed(number(o, "immersionRefractiveIndex", *INDICES) for o in optics)
    return Description(
        tuple(
            Channel(
                text(dye, "name"),
                "",
                number(dye, "emissionLambdaNm", *WAVELENGTHS),
                number(dye, "excitationLambdaNm", *WAVELENGTHS),
            )
            for dye in dyes
        ),
        (),
        agreed(number(o, "objectiveNumericalAperture", *APERTURES) for o in optics),
        () if index is None else (index,),
    )


def _leica(tree: Any) -> Description:
    """Read what all images of a file have in common; which one is the layer's is not told."""
    settings = [node for node in tree.iter() if local_name(node) in _LEICA_SETTINGS]
    settings = [node for node in settings if text(node, "NumericalAperture")]
    indices = (
        agreed(number(node, "RefractionIndex", *INDICES) for node in settings),
        agreed(INDICES_BY_NAME.get(_plain(text(node, "Immersion"))) for node in settings),
    )
    return Description(
        numerical_aperture=agreed(
            number(node, "NumericalAperture", *APERTURES) for node in settings
        ),
        refractive_indices=tuple(n for n in indices if n is not None),
    )


def _channel(node: Any) -> Channel:
    illumination, contrast = (
        _plain(text(node, name)) for name in ("IlluminationType", "ContrastMethod")
    )
    mode = MICROSCOPES.get(_plain(text(node, "AcquisitionMode")))
    if mode is None and not text(node, "AcquisitionMode") and illumination == "nonlinear":
        mode = "multiphoton"
    if TRANSMITTED & {illumination, contrast}:
        mode = None
    return Channel(
        text(node, "Name") or text(node, "Fluor"),
        text(node, "ID") or text(node, "Id"),
        _wavelength(node, "EmissionWavelength"),
        _wavelength(node, "ExcitationWavelength"),
        mode,
        # Zeiss gives it in Airy units too. OME has it in micrometers, which say nothing unless
        # the magnification between objective and pinhole is known.
        number(node, "PinholeSizeAiry", *PINHOLES) if mode == "confocal" else None,
    )


def _optics(
    settings: Any, used: str, objectives: list[Any]
) -> tuple[float | None, tuple[float, ...]]:
    """Return aperture and refractive indices of the objective in use.

    Where that is not told, they are those in which all objectives of the microscope agree.
    """
    if used:
        objectives = [o for o in objectives if used in (text(o, "ID"), text(o, "Id"))]
    indices = (
        number(settings, "RefractiveIndex", *INDICES),
        INDICES_BY_NAME.get(_plain(text(settings, "Medium"))),
        agreed(INDICES_BY_NAME.get(_plain(text(o, "Immersion"))) for o in objectives),
    )
    return (
        agreed(number(o, "LensNA", *APERTURES) for o in objectives),
        tuple(n for n in indices if n is not None),
    )


def _wavelength(node: Any, name: str) -> float | None:
    found = length(node, name, "nm")
    low, high = WAVELENGTHS
    return found if found is not None and low <= found <= high else None


def _plain(words: str) -> str:
    return "".join(letter for letter in words.lower() if letter.isalnum())
