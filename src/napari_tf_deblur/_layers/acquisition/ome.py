"""Reads OME metadata, and those of Zeiss, which use the same terms."""

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
"""Refractive indices of immersion media by their names; "Multi" and "Other" have none."""

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
"""Acquisition modes of OME, and the microscopes that have the same PSF."""

TRANSMITTED_LIGHT_TERMS = frozenset(
    "transmitted oblique brightfield phase dic hoffmanmodulation obliqueillumination "
    "polarizedlight darkfield".split()
)
"""Terms for illumination and contrast without fluorescence; these images have another blur."""


def describe_ome(tree: Any, images: list[Any], layer_name: str) -> MetadataDescription:
    """Read OME metadata of one image: the one whose name or ID is in the name of the layer."""
    names = [text(image, "Name") for image in images]
    ids = [text(image, "ID") for image in images]
    k = find_only_name(names, layer_name)
    k = find_only_name(ids, layer_name, ":") if k is None else k
    image = images[k or 0]
    pixels = child(image, "Pixels")
    instruments = children(tree, "Instrument")
    instrument_id = text(child(image, "InstrumentRef"), "ID")
    instruments = [
        i for i in instruments if instrument_id and text(i, "ID") == instrument_id
    ] or instruments
    objectives = [o for i in instruments for o in children(i, "Objective")]
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
    """Read the number of pixels along each axis, and the possible orders of the axes.

    A "modulo" axis contains several quantities, such as lifetimes along T. It does not count as
    the axis of its name.
    """
    sizes = {axis: number(pixels, f"Size{axis}", 1, 1e9) for axis in "TCZYX"}
    orders = ["TCZYX", text(pixels, "DimensionOrder")[::-1]]
    for axis in "TCZ":
        if _is_modulo(tree, axis):
            sizes["Q"] = sizes.pop(axis, None)
            orders = [order.replace(axis, "Q") for order in orders]
    return {axis: int(n) for axis, n in sizes.items() if n is not None}, tuple(orders)


def _is_modulo(tree: Any, axis: str) -> bool:
    """Whether the metadata declare a "modulo" annotation for an axis."""
    name = f"ModuloAlong{axis}"
    if is_element(tree):
        return any(local_name(node) == name for node in tree.iter())
    return name in repr(child(tree, "StructuredAnnotations"))


def describe_zeiss(tree: Any, information: Any) -> MetadataDescription:
    """Read the metadata of a CZI file of Zeiss; its lengths are in metres."""
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
    """Read one channel."""
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
        # Zeiss states the pinhole in Airy units, too. OME states it in micrometres; they are of
        # no use without the magnification between objective and pinhole.
        number(node, "PinholeSizeAiry", *PINHOLE_BOUNDS) if mode == "confocal" else None,
    )


def _optics(
    settings: Any, objective_id: str, objectives: list[Any]
) -> tuple[float | None, tuple[float, ...]]:
    """Return the aperture of the objective, and the refractive indices of its medium.

    If the metadata do not say which objective was used, only values that all objectives of the
    microscope share are returned.
    """
    if objective_id:
        objectives = [o for o in objectives if objective_id in (text(o, "ID"), text(o, "Id"))]
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
    """Read a wavelength, in nanometres; None if it is out of bounds."""
    wavelength = length(node, name, "nm")
    low, high = WAVELENGTH_BOUNDS
    return wavelength if wavelength is not None and low <= wavelength <= high else None


def find_refractive_index(medium: str) -> float | None:
    """Return the refractive index of an immersion medium by its name; None for unknown ones."""
    return INDICES_BY_NAME.get(_normalize_term(medium))


def _normalize_term(words: str) -> str:
    """Return a term in lower case, with letters and digits only."""
    return "".join(letter for letter in words.lower() if letter.isalnum())
