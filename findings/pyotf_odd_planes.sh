#!/usr/bin/env bash
# pyotf 0.0.3: the focus of a PSF with an odd number of planes is one plane behind the middle.
#
# Of 15 planes numbered 0 to 14 the middle one is 7; the PSF is in focus in plane 8. Deconvolution with
# that array moves the result by one plane. An even number of planes has the focus where Fourier
# transforms have their origin, at n / 2.
# Seen in November 2026 with Python 3.11:
#     15 planes: in focus at 8, the middle is 7
#     16 planes: in focus at 8, the origin is 8
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install pyotf==0.0.3
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from pyotf.otf import HanserPSF

print("pyotf", version("pyotf"), "with NumPy", version("numpy"))
for planes, name in ((15, "middle"), (16, "origin")):
    model = HanserPSF(wl=520, na=0.85, ni=1.0, res=100, size=32, zres=200, zsize=planes)
    focus = int(model.PSFi.max(axis=(1, 2)).argmax())
    print(f"{planes} planes: in focus at {focus}, the {name} is {planes // 2}")
    assert focus == (planes + 1) // 2
PYTHON
