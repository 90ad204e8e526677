"""Measure everything that the README claims, and write RESULTS.md.

    python benchmarks/run.py                      # all of it
    python benchmarks/run.py --ours-only          # peers from the cache, ours anew
    python benchmarks/run.py --cases camera --quick
"""

import argparse
import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import camera
import memory
import speed
from cases import Case, all_cases
from environments import packages_folder, python_of
from ours import Outcome, deblurred
from report import Row, quality

PEER_MODULES = ("scikit_image", "flowdec_", "redlionfish", "sdeconv_", "scico_")

CACHE = HERE / ".cache"

QUICK = "*moon*"


def main() -> None:
    arguments = _arguments()
    CACHE.mkdir(exist_ok=True)
    makers = all_cases(_data(arguments.environments))
    pattern = QUICK if arguments.quick and not arguments.cases else f"*{arguments.cases}*"
    cases = [make() for name, make in makers.items() if fnmatch(name, pattern)]
    if not arguments.ours_only:
        for module in arguments.peers:
            _run_peers(module, cases, arguments.environments)
    rows = []
    for case in cases:
        row = Row.of(case, deblurred(case), _cached(case))
        rows.append(row)
        print(row.summary(), flush=True)
        _write(arguments.output, [quality(rows)])
    sections = [quality(rows)]
    if not arguments.cases:
        for script in (camera, speed, memory):
            sections.append(script.section(quick=arguments.quick))
            _write(arguments.output, sections)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="", help="only cases whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="a few cases, small images")
    parser.add_argument("--ours-only", action="store_true", help="run no peer; use the cache")
    parser.add_argument("--peers", nargs="+", default=PEER_MODULES, choices=PEER_MODULES)
    parser.add_argument("--environments", type=Path, help="folder of environments that exist")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md")
    return parser.parse_args()


def _data(environments: Path | None) -> dict[str, Path]:
    """Find the volumes that the packages of peers ship."""
    flowdec = packages_folder(python_of("flowdec", environments))
    peers = packages_folder(python_of("peers", environments))
    return {
        "flowdec": flowdec / "flowdec" / "datasets" / "bars-25pct",
        "sdeconv": peers / "sdeconv" / "data",
    }


def _run_peers(module: str, cases: list[Case], environments: Path | None) -> None:
    """Have a library's process fill what the cache lacks."""
    library = importlib.import_module(f"peers.{module}")
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for index, case in enumerate(cases):
            task = Path(folder) / f"{index}.npz"
            wanted = [p for p in library.PEERS if case.axes in p.axes]
            missing = [p for p in wanted if not _place(case, p).exists()]
            if missing:
                _save(case, task)
            jobs += [
                {
                    "name": case.name,
                    "peer": peer.name,
                    "case": str(task),
                    "result": str(_place(case, peer)),
                }
                for peer in missing
            ]
        if jobs:
            todo = Path(folder) / "jobs.json"
            todo.write_text(json.dumps(jobs))
            python = python_of(library.ENVIRONMENT, environments)
            subprocess.run([python, str(HERE / "peers" / "run_peers.py"), module, str(todo)])


def _place(case: Case, peer: object) -> Path:
    """Name the cached result of a peer: by the case's arrays, the peer and its settings."""
    digest = hashlib.sha256(repr((peer.name, peer.grid, peer.search_size)).encode())
    for array in (case.truth, case.blurred, case.psf):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(f"{case.boundary} {case.peak} {case.affine}".encode())
    return CACHE / f"{digest.hexdigest()[:24]}.npz"


def _save(case: Case, path: Path) -> None:
    np.savez(
        path,
        truth=case.truth,
        blurred=case.blurred,
        psf=case.psf,
        boundary=case.boundary,
        peak=case.peak,
        colour=case.channel_axis is not None,
        affine=case.affine,
    )


def _cached(case: Case) -> dict[str, Outcome]:
    """Read what the cache has of all peers."""
    outcomes = {}
    for module in PEER_MODULES:
        for peer in importlib.import_module(f"peers.{module}").PEERS:
            path = _place(case, peer)
            if path.exists():
                with np.load(path) as found:
                    if "image" in found:
                        outcomes[peer.name] = Outcome(
                            found["image"], str(found["settings"]), float(found["seconds"])
                        )
    return outcomes


def _write(output: Path, sections: list[str]) -> None:
    title = "# Results\n\nWritten by `python benchmarks/run.py`.\n"
    output.write_text("\n".join([title, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
