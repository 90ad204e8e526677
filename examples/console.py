"""Deblur in Python, with the same functions as the dock, in the console of napari.

    python examples/console.py

It opens napari with a blurred volume, deblurs it, and adds the result and the residual. In the
console of napari, ``viewer`` already exists; start at "layer = ...".
"""

from __future__ import annotations

import napari

from napari_tf_deblur import Hessian, deblur_layer, gaussian_psf


def main() -> None:
    viewer = napari.Viewer()
    viewer.open_sample("napari-tf-deblur", "blurred_cells")

    layer = viewer.layers["blurred cells"]
    psf = gaussian_psf(2, ndim=3)  # sigma in voxels; three axes: 3D deblurring
    sharp = deblur_layer(layer, psf, Hessian(nonnegative=True))
    viewer.add_layer(sharp)

    # The record of the run, with all that is needed to repeat it:
    record = sharp.metadata["napari_tf_deblur"]
    print(record["python"])
    print(f"{record['iterations']} iterations in {record['seconds']:.1f} s")

    viewer.dims.ndisplay = 3
    napari.run()


if __name__ == "__main__":
    main()
