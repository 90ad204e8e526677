#!/bin/sh
# napari-ome-zarr 0.10.0 leaves out the translation of an OME-Zarr 0.5: it takes the first of a level's
# "coordinateTransformations", which is the scale, and OME-Zarr lets a translation follow it. An image
# with its first pixel at (50, 30) micrometers is shown at (0, 0).
#
# Seen in November 2026 with napari 0.9.2, zarr 3.1.6 and yaozarrs 0.3.4, which finds the file valid:
#     scale        [2.0, 3.0] micrometer micrometer
#     first pixel  [0.0, 0.0]
#
# Exits with 1 if this has changed. No window is opened.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
    napari-ome-zarr==0.10.0 napari==0.9.2 zarr==3.1.6 "yaozarrs[io]==0.3.4"
cd "$folder"
NAPARI_CONFIG="" venv/bin/python - <<'END'
import sys
from importlib.metadata import version

import numpy as np
import zarr
from napari.components import ViewerModel
from npe2 import PluginManager
from yaozarrs import validate_zarr_store

axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
place = [{"type": "scale", "scale": [2.0, 3.0]}, {"type": "translation", "translation": [50.0, 30.0]}]
level = {"path": "0", "coordinateTransformations": place}
image = {"version": "0.5", "multiscales": [{"name": "a", "axes": axes, "datasets": [level]}]}
group = zarr.open_group("a.ome.zarr", mode="w", zarr_format=3, attributes={"ome": image})
array = group.create_array("0", shape=(32, 32), dtype="uint8", dimension_names=["y", "x"])
array[:] = np.zeros((32, 32), "uint8")
validate_zarr_store("a.ome.zarr")

PluginManager.instance().discover()
(layer,) = ViewerModel().open("a.ome.zarr", plugin="napari-ome-zarr")
print("napari-ome-zarr", version("napari-ome-zarr"), "napari", version("napari"))
scale, first = layer.scale.tolist(), [float(x) for x in layer.data_to_world((0, 0))]
print("scale       ", scale, *layer.units)
print("first pixel ", first)
sys.exit(int(scale != [2.0, 3.0] or first != [0.0, 0.0]))
END
