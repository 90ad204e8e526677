"""The widgets for the numbers of a microscope, with their labels, units and tooltips."""

from types import MappingProxyType

from magicgui.widgets import ComboBox, FloatSpinBox

from napari_tf_deblur._dock.index_field import IndexField
from napari_tf_deblur._layers.acquisition.metadata_description import (
    APERTURE_BOUNDS,
    PINHOLE_BOUNDS,
)
from napari_tf_deblur._optics.numbers import HIGHEST_INDEX
from napari_tf_deblur._optics.optics import IMMERSIONS
from napari_tf_deblur._optics.specimen import MOUNTING_MEDIA

MICROSCOPE_CHOICES = [
    ("Widefield", "widefield"),
    ("Confocal", "confocal"),
    ("Light sheet", "light sheet"),
    ("Multiphoton", "multiphoton"),
]
"""The microscopes: their titles in the dock, and their names."""

REMEMBERED = MappingProxyType(
    {
        "microscope": "microscope",
        "na": "numerical_aperture",
        "immersion": "refractive_index",
        "mounting": "mounting_index",
        "depth": "depth",
        "first_plane": "first_plane",
    }
)
"""Numbers that are stored between sessions: their names in Qt's settings, and in
`MicroscopeNumbers`."""

DEFAULT_IMMERSION = 0.0
"""Value of the field that stands for the usual immersion of an aperture. Definition: no refractive
index is 0."""

LONGEST = 1e6
"""Longest length that a field takes, in nanometres. Set by eye: a millimetre."""


def make_number_field(
    label: str,
    max_value: float,
    step: float,
    tooltip: str,
    unit: str = "",
    value: float = 0.0,
    unknown: str = "not known",
) -> FloatSpinBox:
    """Make a field for a number that may be unknown; it then holds 0 and shows words for it."""
    field = FloatSpinBox(
        label=label, value=value, min=0.0, max=max_value, step=step, tooltip=tooltip
    )
    native = field.native
    native.setDecimals(2 if unit in ("", "AU") else 1)
    native.setSuffix(f" {unit}" if unit else "")
    native.setSpecialValueText(unknown)
    return field


def make_microscope_choice() -> ComboBox:
    """Make the field for the kind of microscope."""
    return ComboBox(
        label="Microscope",
        choices=MICROSCOPE_CHOICES,
        tooltip="Widefield: a camera and no pinhole. Confocal: laser scanning, spinning disk",
    )


def make_immersion_choice() -> ComboBox:
    """Make the field for the refractive index of the immersion."""
    return ComboBox(
        label="Immersion",
        choices=[
            ("usual", DEFAULT_IMMERSION),
            *((f"{name} ({n:g})", n) for name, n in IMMERSIONS.items()),
        ],
        tooltip="Medium between objective and specimen, with its refractive index; it is printed "
        "on the objective. 'usual' means: air up to NA 0.95, water up to NA 1.27, oil above",
    )


def make_mounting_field() -> IndexField:
    """Make the field for the refractive index of the mounting medium."""
    return IndexField(
        "not given",
        MOUNTING_MEDIA,
        HIGHEST_INDEX,
        label="Mounted in",
        tooltip="Medium around the specimen, with its refractive index. If it differs from the "
        "immersion, the PSF becomes wider with the depth of the focus: give 'Depth', too",
    )


def make_first_plane_choice() -> ComboBox:
    """Make the field for the plane that is the first of a stack."""
    return ComboBox(
        label="First plane",
        choices=[("at coverslip", "nearest"), ("deepest", "deepest")],
        tooltip="Which plane of the stack comes first: the PSF differs above and below the focus, "
        "so that a wrong choice is worse than no mounting medium",
    )


def make_number_fields() -> dict[str, FloatSpinBox]:
    """Make the fields for numbers that all images share, by the names of `MicroscopeNumbers`."""
    return {
        "numerical_aperture": make_number_field(
            "NA",
            APERTURE_BOUNDS[1],
            0.05,
            "Numerical aperture, printed on the objective after the slash: 1.40 in 63x/1.40",
        ),
        "pinhole": make_number_field(
            "Pinhole",
            PINHOLE_BOUNDS[1],
            0.1,
            "Diameter of the pinhole in Airy units, as the software of the microscope shows it",
            "AU",
            1.0,
        ),
        "sheet": make_number_field(
            "Sheet",
            LONGEST,
            100,
            "Thickness of the light sheet at half its brightness; 0 if it is thicker than the "
            "depth of focus",
            "nm",
        ),
        "depth": make_number_field(
            "Depth",
            LONGEST,
            500,
            "How far the focus was moved from the coverslip into the specimen, as the drive of "
            "the microscope counts; of a stack, to its middle plane",
            "nm",
            unknown="at coverslip",
        ),
        "pixel": make_number_field(
            "Pixel size",
            LONGEST,
            1,
            "Distance between two pixels in the specimen: the size of the camera's pixel divided "
            "by the magnification",
            "nm",
        ),
        "step": make_number_field(
            "z step", LONGEST, 10, "Distance between two planes of the stack", "nm"
        ),
    }
