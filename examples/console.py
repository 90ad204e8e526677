"""Deblur from napari's console: the same line as the dock, in Python.

    python examples/console.py

Opens napari with a blurred volume, deblurs it, and adds the result and what is left of the
blur. In napari's own console, ``viewer`` is there already; start at "layer = ...".
"""

from __future__ import annotations

import napari

from napari_tf_deblur import Hessian, deblur_layer, gaussian_psf


def main() -> None:
    viewer = napari.Viewer()
    viewer.open_sample("napari-tf-deblur", "blurred_cells")

    layer = viewer.layers["blurred cells"]
    psf = gaussian_psf(2, ndim=3)  # sigma in voxels; three axes, so the volume is one whole
    sharp = deblur_layer(layer, psf, Hessian(nonnegative=True))
    viewer.add_layer(sharp)

    # What was done, in enough detail to repeat it:
    record = sharp.metadata["napari_tf_deblur"]
    print(record["python"])
    print(f"{record['iterations']} iterations in {record['seconds']:.1f} s")

    viewer.dims.ndisplay = 3
    napari.run()


if __name__ == "__main__":
    main()
