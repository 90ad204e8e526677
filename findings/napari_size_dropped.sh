#!/bin/sh
# napari's own reader (0.9.2) drops the pixel size, the unit, the names of the axes and the channels
# of ImageJ TIFF and OME-TIFF: the layer has a scale of 1 in pixels, axes "-3" to "-1", and no
# metadata.
#
# Seen in November 2026 with tifffile 2026.3.3, on Linux:
#     ImageJ  [1.0, 1.0, 1.0] pixel ('-3', '-2', '-1') {}
#     OME     [1.0, 1.0, 1.0] pixel ('-3', '-2', '-1') {}
#
# Exits with 1 if this has changed. No window is opened.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari==0.9.2 tifffile==2026.3.3
cd "$folder"
NAPARI_CONFIG="" venv/bin/python - <<'END'
import sys
from importlib.metadata import version

import numpy as np
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager

PluginManager.instance().discover()
pixels = np.zeros((9, 32, 32), "uint8")
about = {"axes": "ZYX", "unit": "um", "spacing": 0.3}
tifffile.imwrite("ImageJ.tif", pixels, imagej=True, resolution=(12.5, 12.5), metadata=about)
about = {"axes": "ZYX"}
for axis, size in (("X", 0.08), ("Y", 0.08), ("Z", 0.3)):
    about |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
tifffile.imwrite("OME.tif", pixels, ome=True, metadata=about)

print("napari", version("napari"), "tifffile", version("tifffile"))
changed = False
for name in ("ImageJ", "OME"):
    (layer,) = ViewerModel().open(f"{name}.tif", plugin="napari")
    found = ([float(s) for s in layer.scale], str(layer.units[0]), layer.axis_labels, layer.metadata)
    print(f"{name:6} ", *found)
    changed |= found != ([1.0] * 3, "pixel", ("-3", "-2", "-1"), {})
sys.exit(int(changed))
END
