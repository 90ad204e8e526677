"""Measure time and peak memory of one run with known settings, in its own process.

``python measure.py CASE.npz ours METHOD`` or ``python measure.py CASE.npz MODULE PEER SETTINGS``
prints the seconds of a warm run and the peak memory above the idle process, in bytes.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 64
"""Side of the part on which a method warms up, in pixels."""

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(warm_up: Callable[[], Any], run: Callable[[], Any]) -> tuple[float, float]:
    """Run three times: on a small image, for the memory, and for the time."""
    warm_up()
    peak = np.nan
    if CLEAR.exists():
        idle = kilobytes("VmRSS")
        CLEAR.write_text("5")  # reset the peak
        run()
        peak = 1024.0 * (kilobytes("VmHWM") - idle)
    else:
        run()
    started = time.perf_counter()
    run()
    return time.perf_counter() - started, peak


def kilobytes(field: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main(case_path: str, module: str, *which: str) -> None:
    from peers.common import Task
    from peers.run_peers import loaded

    task = loaded(case_path)
    small = task.middle(SMALL)
    if module == "ours":
        import napari_tf_deblur

        method = eval(which[0], vars(napari_tf_deblur))

        def run(task: Task) -> Any:
            return napari_tf_deblur.deconvolve(
                task.blurred,
                task.psf,
                method,
                boundary="unknown" if task.boundary == "camera" else "periodic",
                channel_axis=-1 if task.colour else None,
            )
    else:
        from importlib import import_module

        peers = {peer.name: peer for peer in import_module(f"peers.{module}").PEERS}
        peer, settings = peers[which[0]], json.loads(which[1])

        def run(task: Task) -> Any:
            return task.deblurred(peer, settings)

    print(*measured(lambda: run(small), lambda: run(task)))


if __name__ == "__main__":
    main(*sys.argv[1:])
