#!/usr/bin/env bash
# psfmodels 0.3.3: a PSF of even width is centred neither at a pixel nor between two.
#
# With its default oversampling of 3, make_psf puts the point of a PSF of 32 x 32 pixels at 15.33: not
# at pixel 16, where Fourier transforms have their origin, and not at 15.5, the middle of the
# array. Deconvolution with that array moves the result by two thirds of a pixel. Widths that are odd
# are centred. With an even oversampling those are off, too, by a quarter of a pixel.
# Seen in November 2026 with Python 3.11 and NumPy 2.4:
#     width 31, oversampling 3: point at 15.00
#     width 32, oversampling 3: point at 15.33
#     width 31, oversampling 2: point at 14.75
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install psfmodels==0.3.3 'numpy<3'
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import psfmodels

print("psfmodels", version("psfmodels"), "with NumPy", version("numpy"))
expected = {(31, 3): 15.0, (32, 3): 15 + 1 / 3, (31, 2): 14.75}
for (width, oversampling), place in expected.items():
    psf = psfmodels.make_psf(1, nx=width, dxy=0.1, oversample_factor=oversampling)
    plane = np.asarray(psf).reshape(width, width)
    found = float(np.sum(plane.sum(axis=0) * np.arange(width)) / plane.sum())
    print(f"width {width}, oversampling {oversampling}: point at {found:.2f}")
    assert abs(found - place) < 0.01, f"It was at {place:.2f}."
PYTHON
