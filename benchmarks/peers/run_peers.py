"""Run peers in their own environment: reads a list of jobs, writes one file per result.

Started by run.py as ``python run_peers.py MODULE JOBS.json``, or with ``--check`` in place
of the list to see that each peer leaves a blurred dot where it was.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from metrics import centroid_shift

from peers.common import Task, solve


def loaded(path: str) -> Task:
    """Read a case that run.py saved."""
    with np.load(path) as case:
        return Task(
            case["truth"],
            case["blurred"],
            case["psf"],
            str(case["boundary"]),
            float(case["peak"]),
            bool(case["colour"]),
            bool(case["affine"]),
        )


def work(module: str, jobs: list[dict[str, Any]]) -> None:
    peers = {peer.name: peer for peer in importlib.import_module(f"peers.{module}").PEERS}
    for job in jobs:
        peer = peers[job["peer"]]
        task = loaded(job["case"])
        try:
            image, settings, seconds = solve(peer, task, job["settings"])
            answer = {"image": image, "settings": json.dumps(settings), "seconds": seconds}
            said = f"{task.score(image):.2f} dB, {settings}, {seconds:.2f} s"
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
            said = answer["error"]
        partial = Path(job["result"]).with_suffix(".partial.npz")
        np.savez_compressed(partial, **answer)
        partial.rename(job["result"])
        print(f"{peer.name}: {job['name']}: {said}", flush=True)


def check(module: str) -> None:
    """Print how far each peer moves a dot, blurred by a lopsided PSF, from its place."""
    for axes in (2, 3):
        psf = np.zeros((9,) * axes, np.float32)
        psf[(slice(2, 7),) * axes] = 1
        psf[(4,) * (axes - 1) + (7,)] = 8
        psf /= psf.sum()
        truth = np.full((48,) * axes, 0.02, np.float32)
        truth[(24,) * axes] = 1
        otf = np.fft.fftn(np.fft.ifftshift(np.pad(psf, ((20, 19),) * axes)))
        blurred = np.fft.ifftn(np.fft.fftn(truth) * otf).real.astype(np.float32)
        for boundary in ("periodic", "camera"):
            task = Task(truth, blurred, psf, boundary, 1.0, False, False)
            for peer in importlib.import_module(f"peers.{module}").PEERS:
                image, settings, _ = solve(peer, task)
                shift = centroid_shift(np.maximum(image - 0.02, 0) ** 2, truth - 0.02, axes)
                place = np.unravel_index(image.argmax(), image.shape)
                print(
                    f"{peer.name}, {axes}D, {boundary}: brightest at {[int(p) for p in place]}, "
                    f"centroid off by {shift:.2f} px, {task.score(blurred):.2f} -> "
                    f"{task.score(image):.2f} dB with {settings}",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[2] == "--check":
        check(sys.argv[1])
    else:
        work(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
