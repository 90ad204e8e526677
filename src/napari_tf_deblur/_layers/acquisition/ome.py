"""What OME metadata say of the microscope, and those of Zeiss, which have the same terms."""

from typing import Any

from napari_tf_deblur._layers.acquisition.channel import find_only_name
from napari_tf_deblur._layers.acquisition.metadata_description import (
    APERTURE_BOUNDS,
    INDEX_BOUNDS,
    PINHOLE_BOUNDS,
    WAVELENGTH_BOUNDS,
    FileChannel,
    MetadataDescription,
    find_common_value,
)
from napari_tf_deblur._layers.acquisition.tree import (
    child,
    children,
    is_element,
    length,
    local_name,
    number,
    text,
)
from napari_tf_deblur._optics.optics import IMMERSIONS
from napari_tf_deblur._storage.record_file import record_from_json

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

TRANSMITTED_LIGHT_TERMS = frozenset(
    "transmitted oblique brightfield phase dic hoffmanmodulation obliqueillumination "
    "polarizedlight darkfield".split()
)
"""Illumination and contrast of images that are not of fluorescence: their blur is another one."""


def describe_ome(tree: Any, images: list[Any], layer_name: str) -> MetadataDescription:
    """Read OME metadata; the layer's name says of which of the images."""
    names = [text(image, "Name") for image in images]
    ids = [text(image, "ID") for image in images]
    k = find_only_name(names, layer_name)
    k = find_only_name(ids, layer_name, ":") if k is None else k
    image = images[k or 0]
    pixels = child(image, "Pixels")
    instruments = children(tree, "Instrument")
    own = text(child(image, "InstrumentRef"), "ID")
    instruments = [i for i in instruments if own and text(i, "ID") == own] or instruments
    objectives = [each for i in instruments for each in children(i, "Objective")]
    settings = child(image, "ObjectiveSettings")
    z, y, x = (length(pixels, f"PhysicalSize{axis}", "µm") for axis in "ZYX")
    numbers = tuple(number(pixels, f"PhysicalSize{axis}") for axis in "ZYX")
    shape, orders = _axes(tree, pixels)
    return MetadataDescription(
        tuple(_channel(node) for node in children(pixels, "Channel")),
        (*names, *ids),
        *_optics(settings, text(settings, "ID"), objectives),
        (z, y, x),
        raw_sizes=(numbers[0], numbers[1], numbers[2]),
        shape=shape,
        orders=orders,
        record=record_from_json(text(image, "Description")),
    )


def _axes(tree: Any, pixels: Any) -> tuple[dict[str, int], tuple[str, ...]]:
    """Read the numbers of pixels, and the orders in which readers leave the axes.

    An axis along which several things change ("modulo"), such as lifetimes along T, is another one
    than its name says.
    """
    sizes = {axis: number(pixels, f"Size{axis}", 1, 1e9) for axis in "TCZYX"}
    orders = ["TCZYX", text(pixels, "DimensionOrder")[::-1]]
    for axis in "TCZ":
        if _is_modulo(tree, axis):
            sizes["Q"] = sizes.pop(axis, None)
            orders = [order.replace(axis, "Q") for order in orders]
    return {axis: int(n) for axis, n in sizes.items() if n is not None}, tuple(orders)


def _is_modulo(tree: Any, axis: str) -> bool:
    name = f"ModuloAlong{axis}"
    if is_element(tree):
        return any(local_name(node) == name for node in tree.iter())
    return name in repr(child(tree, "StructuredAnnotations"))


def describe_zeiss(tree: Any, information: Any) -> MetadataDescription:
    """Read the metadata of a CZI file, whose lengths are in meters."""
    image = child(information, "Image")
    settings = child(image, "ObjectiveSettings")
    steps = {
        text(step, "Id"): number(step, "Value")
        for step in children(child(tree, "Metadata", "Scaling", "Items"), "Distance")
    }
    z, y, x = (None if (step := steps.get(axis)) is None else 1e6 * step for axis in "ZYX")
    return MetadataDescription(
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


def _channel(node: Any) -> FileChannel:
    illumination, contrast = (
        _normalize_term(text(node, name)) for name in ("IlluminationType", "ContrastMethod")
    )
    mode = MICROSCOPES.get(_normalize_term(text(node, "AcquisitionMode")))
    if mode is None and not text(node, "AcquisitionMode") and illumination == "nonlinear":
        mode = "multiphoton"
    if TRANSMITTED_LIGHT_TERMS & {illumination, contrast}:
        mode = None
    return FileChannel(
        text(node, "Name") or text(node, "Fluor"),
        text(node, "ID") or text(node, "Id"),
        _wavelength(node, "EmissionWavelength"),
        _wavelength(node, "ExcitationWavelength"),
        mode,
        # Zeiss gives it in Airy units too. OME has it in micrometers, which say nothing unless
        # the magnification between objective and pinhole is known.
        number(node, "PinholeSizeAiry", *PINHOLE_BOUNDS) if mode == "confocal" else None,
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
        number(settings, "RefractiveIndex", *INDEX_BOUNDS),
        find_refractive_index(text(settings, "Medium")),
        find_common_value(find_refractive_index(text(o, "Immersion")) for o in objectives),
    )
    return (
        find_common_value(number(o, "LensNA", *APERTURE_BOUNDS) for o in objectives),
        tuple(n for n in indices if n is not None),
    )


def _wavelength(node: Any, name: str) -> float | None:
    found = length(node, name, "nm")
    low, high = WAVELENGTH_BOUNDS
    return found if found is not None and low <= found <= high else None


def find_refractive_index(medium: str) -> float | None:
    """Return the refractive index of what is between objective and specimen."""
    return INDICES_BY_NAME.get(_normalize_term(medium))


def _normalize_term(words: str) -> str:
    return "".join(letter for letter in words.lower() if letter.isalnum())
