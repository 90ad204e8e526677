"""The extra "large" may be missing: then a sentence says what to install."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_tf_deblur
from napari_tf_deblur._core import packages
from napari_tf_deblur._core.errors import MissingPackageError
from napari_tf_deblur._layers.zarr_writer import write_ome_zarr
from napari_tf_deblur._storage.image_description import ImageDescription, StoredAxis
from napari_tf_deblur._storage.ome_zarr import create_image, open_image
from napari_tf_deblur._storage.zarr_collection import list_images

LARGE = {"dask", "distributed", "fsspec", "pydantic", "tifffile", "yaozarrs", "zarr"}

OWN_PROCESS = {"worker_process"}
"""Modules that only a process with distributed imports."""


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "zarr" else name)
    path = tmp_path / "a.ome.zarr"
    description = ImageDescription("a", (StoredAxis("y"), StoredAxis("x")))
    for call in (
        lambda: create_image(path, (4, 5), "uint8", description, (4, 5)),
        lambda: open_image(path),
        lambda: list_images(path),
        lambda: write_ome_zarr(str(path), np.zeros((4, 5)), {}),
    ):
        with pytest.raises(
            MissingPackageError, match=r'zarr, which is .* "napari-tf-deblur\[large\]"'
        ):
            call()
    assert not path.exists()


def test_importing_loads_none_of_them():
    package = Path(napari_tf_deblur.__file__).parent
    paths = [path for room in ("_large", "_storage") for path in (package / room).glob("*.py")]
    names = [f"{path.parent.name}.{path.stem}" for path in paths if path.stem not in OWN_PROCESS]
    assert len(names) > 30
    code = "\n".join(
        [
            "import sys",
            *(f"import napari_tf_deblur.{name}" for name in names),
            f"print(*{LARGE} & set(sys.modules))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
