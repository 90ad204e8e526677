#!/bin/sh
# napari-tiff 0.1.6 gives the bare numbers of an OME-TIFF as micrometers if the unit is one that it
# does not convert: ångström, picometer, inch, and "reference frame", which is no unit of length.
# A pixel of 0.08 micrometers that is written as 800 Å becomes one of 800 micrometers.
#
# Seen in November 2026 with tifffile 2026.3.3, on Linux:
#     µm                0.08 µm
#     nm                0.08 µm
#     Å                 800.0 µm
#     pm                80000.0 µm
#     in                3.1496062992125985e-06 µm
#     reference frame   0.08 µm
#
# Exits with 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari-tiff==0.1.6 tifffile==2026.3.3
cd "$folder"
venv/bin/python - <<'END'
import sys
from importlib.metadata import version

import numpy as np
import tifffile
from napari_tiff.napari_tiff_reader import reader_function

SEEN = {"µm": 0.08, "nm": 0.08, "Å": 800, "pm": 8e4, "in": 0.08 / 25400, "reference frame": 0.08}
NUMBERS = {"µm": 0.08, "nm": 80, "Å": 800, "pm": 8e4, "in": 0.08 / 25400, "reference frame": 0.08}

print("napari-tiff", version("napari-tiff"), "tifffile", version("tifffile"))
changed = False
for unit, number in NUMBERS.items():
    about = {"axes": "YX"}
    for axis in "XY":
        about |= {f"PhysicalSize{axis}": number, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite("a.ome.tif", np.zeros((32, 32), "uint8"), ome=True, metadata=about)
    ((_, layer, _),) = reader_function("a.ome.tif")
    size, name = float(layer["scale"][-1]), str(layer["units"][-1])
    print(f"{unit:16}  {size!r} {name}")
    changed |= abs(size / SEEN[unit] - 1) > 1e-6 or name not in ("µm", "um", "micrometer")
sys.exit(int(changed))
END
