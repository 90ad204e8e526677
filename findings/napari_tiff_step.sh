#!/bin/sh
# napari-tiff 0.1.6 gives planes a distance of 1 micrometer if an ImageJ TIFF has a pixel size and
# says nothing of the distance of its planes. A stack with planes 0.3 micrometers apart, saved without
# "spacing", then looks as if it were measured.
#
# Seen in November 2026 with tifffile 2026.3.3, on Linux:
#     with spacing      (0.3, 0.08, 0.08) um um um
#     without spacing   (1.0, 0.08, 0.08) um um um
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

print("napari-tiff", version("napari-tiff"), "tifffile", version("tifffile"))
changed = False
for case, spacing, seen in (("with", {"spacing": 0.3}, 0.3), ("without", {}, 1.0)):
    tifffile.imwrite(
        "a.tif", np.zeros((9, 32, 32), "uint8"), imagej=True, resolution=(12.5, 12.5),
        metadata={"axes": "ZYX", "unit": "um", **spacing},
    )
    ((_, layer, _),) = reader_function("a.tif")
    scale, units = tuple(float(step) for step in layer["scale"]), [str(u) for u in layer["units"]]
    print(f"{case + ' spacing':16}  {scale}", *units)
    changed |= abs(scale[0] - seen) > 1e-6 or units[0] not in ("µm", "um", "micrometer")
sys.exit(int(changed))
END
