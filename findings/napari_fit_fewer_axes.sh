#!/bin/sh
# napari (0.9.2): ViewerModel.fit_to_view(layers=...) and reset_view(layers=...) raise an IndexError if
# the given layers have fewer axes than another layer of the viewer: an image beside a stack.
#
# Seen in November 2026, on Linux:
#     image alone     fitted
#     beside a stack  IndexError: index 2 is out of bounds for axis 1 with size 2
#
# Exits with 1 if this has changed. No window is opened.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari==0.9.2
cd "$folder"
NAPARI_CONFIG="" venv/bin/python - <<'END'
import sys
from importlib.metadata import version

import numpy as np
from napari.components import ViewerModel


def fit(viewer, layer):
    try:
        viewer.fit_to_view(layers=[layer])
    except IndexError as error:
        return f"IndexError: {error}"
    return "fitted"


print("napari", version("napari"))
viewer = ViewerModel()
image = viewer.add_image(np.zeros((30, 40)))
alone = fit(viewer, image)
viewer.add_image(np.zeros((5, 30, 40)))
beside = fit(viewer, image)
print("image alone    ", alone)
print("beside a stack ", beside)
sys.exit(int(alone != "fitted" or not beside.startswith("IndexError")))
END
