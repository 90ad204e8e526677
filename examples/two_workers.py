"""Deblur with a scheduler and two workers of dask on this machine, started as on a cluster.

    python examples/two_workers.py [FOLDER]

Starts ``dask scheduler`` and two ``dask worker``, gives their address to the run, and ends them.
On a real cluster the same commands run on its nodes; see docs/how-to/cluster.md. Needs
``pip install "napari-tf-deblur[large]"``.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask.array as da
import numpy as np

from napari_tf_deblur import RichardsonLucy, convolve, deconvolve, gaussian_psf

DASK = [sys.executable, "-m", "dask"]


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "deblurred")
    random = np.random.default_rng(0)
    psf = gaussian_psf(2)
    sharp = np.zeros((3000, 3000), np.float32)
    sharp[tuple(random.integers(0, 3000, (2, 9000)))] = 3000
    image = random.poisson(np.clip(convolve(sharp, psf), 0, None) + 5).astype(np.uint16)

    with tempfile.TemporaryDirectory() as place:
        told = Path(place) / "scheduler.json"
        started = [
            subprocess.Popen([*DASK, "scheduler", "--port", "0", "--scheduler-file", str(told)])
        ]
        while not told.exists():
            time.sleep(0.2)
        worker = ["worker", "--scheduler-file", str(told), "--nworkers", "2", "--nthreads", "1"]
        started.append(subprocess.Popen([*DASK, *worker]))
        try:
            from distributed import Client

            with Client(scheduler_file=str(told), set_as_default=False) as client:
                client.wait_for_workers(2)
                address = client.scheduler.address
            done = deconvolve(
                da.from_array(image, chunks=1000),
                psf,
                RichardsonLucy(),
                output=folder / "two workers.ome.zarr",
                scheduler=address,
            )
            print(done.verdict)
            print(*done.warnings, sep="\n")
            print(done.image)
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
