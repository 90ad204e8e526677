"""The options of a run: what is set besides image, PSF and method. Each is declared here, once.

The arguments of :func:`napari_tf_deblur.deconvolve` and its relatives, their documentation and
their check, fields of the dock, options of the command line, the record of a result and the script
that repeats it come from here. An annotation is ``Annotated[type, table]`` with, in the table:

- ``min`` or ``above``, and ``max`` of a number; ``meaning``, a few words on its unit;
- ``label``, ``tooltip`` and ``names``, those of the words, for the dock;
- ``in_method``: whether what it does is in the values of the method that is recorded, so that a
  script does not say it again;
- ``in_name``: what a result is called by, where others of the same image differ in it: a format of
  its value, or a table of words for True and False; ``in_words``: a sentence's words of a value
  that is not the default, as a format of it;
- ``same_result``: whether results of other values count as the same, and are not made again;
- ``from_files``: False where a value that comes with an image is not believed.
"""

# No "from __future__ import annotations": magicgui would lose the bounds.
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from napari_tf_deblur._core.parameters import check_parameters
from napari_tf_deblur._core.scene_grid import Boundary

Auto = Literal["auto"]


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Options of all that looks at an image: of :func:`napari_tf_deblur.calibrate`, too.

    Parameters
    ----------
    boundary : {"unknown", "zero", "periodic"}, optional
        What lies beyond the frame: something unknown that the method works out as far as
        the PSF lets it be seen, nothing at all, or the image again.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is outside its bounds or not one of its words.
    """

    boundary: Annotated[
        Boundary,
        {
            "label": "Beyond the frame",
            "names": {
                "unknown": "Not known, as for every camera",
                "zero": "Nothing: all dark",
                "periodic": "The image again",
            },
            "tooltip": "What lies beyond the edges of the image. Leave it at 'Not known' unless "
            "the image was computed",
            "in_name": "{} beyond the frame",
        },
    ] = "unknown"

    def __post_init__(self) -> None:
        check_parameters(self)


@dataclass(frozen=True, kw_only=True)
class RunOptions(CalibrationOptions):
    """Options of a run: of :func:`napari_tf_deblur.deconvolve`.

    Parameters
    ----------
    smoothing : float, optional
        Times as much regularisation as suits the image, or as the method says: below 1 for
        more detail and noise, above 1 for less.
    memory : float or "auto", optional
        Memory in GB that a run may take, all its processes together, besides an image and a result
        that are in memory; "auto" for half of what is free. An image that needs more is deblurred
        piece by piece, which changes it by less than 1 % of its range.
    scheduler : str, optional
        Address of a scheduler of dask.distributed, such as "tcp://10.0.0.1:8786", whose workers
        deblur images that are done in pieces into a file; other images are done here. By default
        that of the environment variable ``NAPARI_TF_DEBLUR_SCHEDULER``, or of the active
        ``Client``, or processes on this machine.
    """

    smoothing: Annotated[
        float,
        {
            "above": 0.0,
            "max": math.inf,
            "meaning": "1 for as much as suits the image, 2 for twice as much",
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
            "meaning": "gigabytes, or 'auto' for half of what is free",
            "label": "Memory at most",
            "tooltip": "Gigabytes that a run may take. Larger images are deblurred in pieces",
            "in_method": True,
            "same_result": True,
        },
    ] = "auto"
    scheduler: Annotated[
        str,
        {
            "label": "Dask scheduler",
            "placeholder": "this machine",
            "tooltip": "Address of a scheduler of dask, such as tcp://10.0.0.1:8786. Its workers "
            "deblur images that are larger than memory, in pieces into a file. Smaller images are "
            "deblurred here, whatever it says. Empty: this machine, unless "
            "NAPARI_TF_DEBLUR_SCHEDULER or an active client of dask names a scheduler",
            "same_result": True,
            "from_files": False,
        },
    ] = ""
