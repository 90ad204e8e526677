"""Deblur a time series of 8 GB with 2 GB of memory.

    python examples/large_series.py [FOLDER] [--frames N]

Each frame is computed when it is read. The result is an OME-Zarr that napari can open during the
run. An interrupted run continues when it is started again. Needs
``pip install "napari-tf-deblur[large]"``.
"""

import argparse
from pathlib import Path

import dask.array as da
import numpy as np

from napari_tf_deblur import TotalVariation, convolve, gaussian_psf, iter_deconvolve

SIDE = 2048
PSF = gaussian_psf(1.5)


def frame(number: int) -> np.ndarray:
    """Make one time point: moving spots, blurred, with photon noise, as uint16."""
    random = np.random.default_rng(number)
    places = np.random.default_rng(0).uniform(0, SIDE, (4000, 2))
    y, x = ((places + 0.5 * number) % SIDE).astype(int).T
    sharp = np.zeros((SIDE, SIDE), np.float32)
    np.add.at(sharp, (y, x), 2000.0)
    light = np.clip(convolve(sharp, PSF, boundary="periodic"), 0, None)
    return (random.poisson(light + 10) + 100).astype(np.uint16)


def series(frames: int) -> da.Array:
    """Return all time points as a lazy array."""

    def block(block_info: dict) -> np.ndarray:
        return frame(block_info[None]["array-location"][0][0])[np.newaxis]

    chunks = ((1,) * frames, (SIDE,), (SIDE,))
    return da.map_blocks(block, chunks=chunks, dtype=np.uint16, meta=np.zeros((0,) * 3, np.uint16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("deblurred"))
    parser.add_argument("--frames", type=int, default=1024, help="1024 are 8 GB")
    chosen = parser.parse_args()
    movie = series(chosen.frames)
    print(f"{movie.shape}, {movie.nbytes / 2**30:.1f} GB")
    steps = iter_deconvolve(
        movie, PSF, TotalVariation(), memory=2.0, output=chosen.folder / "series.ome.zarr"
    )
    said = ""
    try:
        while True:
            step = next(steps)
            if step.message != said:
                said = step.message
                print(f"{100 * step.fraction:3.0f} %  {said}", flush=True)
    except StopIteration as end:
        print(end.value.verdict)
        print(*end.value.warnings, sep="\n")


if __name__ == "__main__":
    main()
