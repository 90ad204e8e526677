"""Small image files of all kinds, for a folder of test images."""

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

UM = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"}
SIZES = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.3, **UM}


def spots(*shape, level=40.0):
    """Return a few blurred points with photon noise."""
    rng = np.random.default_rng(sum(shape))
    points = (rng.random(shape) > 0.97) * 40 * level
    blurred = gaussian_filter(points, (0,) * (len(shape) - 2) + (1.5, 1.5))
    return rng.poisson(blurred + level / 4)


def write(folder, kind, shape=(32, 40)):
    """Write a file of one kind; return its path."""
    path = folder / f"{kind}.tif"
    if kind in ("volume", "series", "channels"):
        path = folder / f"{kind}.ome.tif"
    if kind in ("uint8", "uint16", "float32"):
        tifffile.imwrite(path, np.clip(spots(*shape), 0, 255).astype(kind))
    elif kind == "colour":
        planes = np.clip(spots(3, *shape), 0, 255).astype(np.uint8)
        tifffile.imwrite(path, planes.transpose(1, 2, 0), photometric="rgb")
    elif kind == "volume":
        about = {"axes": "ZYX", **SIZES}
        tifffile.imwrite(path, spots(6, *shape).astype(np.uint16), ome=True, metadata=about)
    elif kind == "series":
        about = {"axes": "TYX"}
        tifffile.imwrite(path, spots(3, *shape).astype(np.uint16), ome=True, metadata=about)
    elif kind == "channels":
        about = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}, **SIZES}
        tifffile.imwrite(path, spots(2, *shape).astype(np.uint16), ome=True, metadata=about)
    elif kind == "corrupt":
        path.write_bytes(b"II*\x00\xff\xff\xff\x7f not an image " * 9)
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        raise ValueError(kind)
    return path


GOOD = ("uint8", "uint16", "float32", "colour", "volume", "series", "channels")
BAD = ("corrupt", "empty")
