"""Declare the options of a run: the settings besides image, PSF and method, each of them once.

These parts of the package are made from the declarations: the arguments of
:func:`napari_tf_deblur.deconvolve` and similar functions with their documentation and their checks,
the fields of the dock, the options of the command line, the record of a result, and the script that
repeats it. An annotation is ``Annotated[type, table]``. The table may have these entries:

- ``min`` or ``above``, and ``max``: the bounds of a number; ``meaning``: a few words on its unit;
- ``numbers``: what several positive numbers in place of a word are;
- ``label``, ``tooltip``, and ``names`` (the labels of choices): the texts of the dock;
- ``in_method``: True if the recorded values of the method contain its effect, so that a script does
  not need the option;
- ``in_name``: part of the name of a result, if results of one image differ in the option: a format
  for its value, or a table of words for True and False;
- ``in_words``: part of a sentence, used if the value is not the default: a format for the value;
- ``in_pieces``: False if the option does not act in an image that is deblurred in pieces;
- ``same_result``: True if a result with another value of the option need not be computed again;
- ``from_files``: False if the value of the option in an image file is not used.
"""

# No "from __future__ import annotations": magicgui would lose the bounds.
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from napari_tf_deblur._core.parameters import check_parameters
from napari_tf_deblur._core.scene_grid import Boundary

Auto = Literal["auto"]
PlaneBrightnessOption = Literal["auto", "equal", "bleaching"] | tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Options of calibrations and runs: of :func:`napari_tf_deblur.calibrate`, too.

    Parameters
    ----------
    boundary : {"unknown", "zero", "periodic"}, optional
        What lies beyond the frame. "unknown": the method estimates the scene as far beyond the
        frame as the PSF reaches. "zero": darkness. "periodic": the image again.
    plane_brightness : {"auto", "equal", "bleaching"} or sequence of float, optional
        Whether the planes of a volume were taken with different brightness. The volume is divided
        by one factor per plane, and the result multiplied again. "auto": flicker, if it is beyond
        doubt. "equal": none. "bleaching": an exponential curve along the first deblurred axis.
        Numbers: the brightness of each plane, in any unit. Each volume of a movie has its own.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is outside its bounds or not one of its choices.
    """

    boundary: Annotated[
        Boundary,
        {
            "label": "Beyond the frame",
            "names": {
                "unknown": "Not known",
                "zero": "All dark",
                "periodic": "Image repeats",
            },
            "tooltip": "What lies beyond the edges of the image. Leave it at 'Not known' unless "
            "the image was simulated",
            "in_name": "{} beyond the frame",
        },
    ] = "unknown"
    plane_brightness: Annotated[
        PlaneBrightnessOption,
        {
            "numbers": "the brightness of each plane, above 0",
            "label": "Planes of a volume",
            "names": {
                "auto": "Flicker, if sure",
                "equal": "Equally bright",
                "bleaching": "Bleached along z",
            },
            "tooltip": "How bright the planes of a volume were taken. Flicker is corrected if it "
            "is beyond doubt. Bleaching looks like a specimen that is darker on one side, so it is "
            "corrected only if you choose it. Each plane of the result keeps its brightness",
            "in_name": "planes {}",
            "in_pieces": False,
        },
    ] = "auto"

    def __post_init__(self) -> None:
        check_parameters(self)
        if not isinstance(self.plane_brightness, str):
            factors = tuple(float(factor) for factor in self.plane_brightness)
            object.__setattr__(self, "plane_brightness", factors)  # also for a list or an array


@dataclass(frozen=True, kw_only=True)
class RunOptions(CalibrationOptions):
    """Options of a run: of :func:`napari_tf_deblur.deconvolve`.

    Parameters
    ----------
    smoothing : float, optional
        Factor on the regularisation that suits the image, or that the method gives. Below 1:
        more detail and more noise. Above 1: less of both.
    memory : float or "auto", optional
        Memory in GB that a run may use. It counts all processes of the run, but no image and no
        result that are in memory. "auto" is half of the free memory. An image that needs more is
        deblurred piece by piece, which changes it by less than 1 % of its range.
    scheduler : str, optional
        Address of a scheduler of dask.distributed, such as "tcp://10.0.0.1:8786". Its workers
        deblur images that are written to a file in pieces. Other images are deblurred in this
        process. By default it is the address in the environment variable
        ``NAPARI_TF_DEBLUR_SCHEDULER``, or that of the active ``Client``; without either, processes
        on this machine are used.
    """

    smoothing: Annotated[
        float,
        {
            "above": 0.0,
            "max": math.inf,
            "meaning": "1 is what suits the image, 2 is twice as much",
            "label": "Smoothing",
            "in_method": True,
            "in_name": "smoothing x {}",
            "in_words": "Smoothing x {:.3g}",
        },
    ] = 1.0
    memory: Annotated[
        float | Auto,
        {
            "above": 0.0,
            "min": 0.1,
            "max": 1e6,
            "step": 0.5,
            "number": 4.0,
            "meaning": "gigabytes, or 'auto' for half of the free memory",
            "label": "Memory at most",
            "tooltip": "Gigabytes that a run may use. Images that need more are deblurred in "
            "pieces",
            "in_method": True,
            "same_result": True,
        },
    ] = "auto"
    scheduler: Annotated[
        str,
        {
            "label": "Dask scheduler",
            "placeholder": "this machine",
            "tooltip": "Address of a dask scheduler, such as tcp://10.0.0.1:8786. Its workers "
            "deblur images that are larger than memory, in pieces, into a file. Smaller images are "
            "always deblurred on this machine. Empty: this machine, unless "
            "NAPARI_TF_DEBLUR_SCHEDULER or an active dask client names a scheduler",
            "same_result": True,
            "from_files": False,
        },
    ] = ""
