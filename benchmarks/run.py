"""Measure everything that the README claims: ``python benchmarks/run.py``.

Runs peers at oracle settings in their own environments, our methods at fixed rules, and the
benchmarks of speed and memory; writes RESULTS.md. The search for the peers' best settings
takes hours: what it finds is kept in peer_settings.json, and their results in .cache.
"""

import argparse
import fnmatch
import hashlib
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ours
import report
from cases import Case, all_cases
from environments import data_folders, python
from ours import Answer
from peers.pairs import fft_pairs

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"
SETTINGS = HERE / "peer_settings.json"
MODULES = ("scikit_image", "flowdec_", "redlionfish", "sdeconv_", "scico_", "scico_masked")
EXTRAS = ("camera", "speed", "memory", "sizes")
"""Separate scripts, whose sections follow the tables."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--environments", type=Path, default=HERE / ".environments")
    parser.add_argument("--cases", default="*", help="pattern of the cases' names")
    parser.add_argument("--peers", default="*", help="pattern of the peers' modules")
    parser.add_argument("--ours-only", action="store_true", help="peers from the cache only")
    parser.add_argument("--peers-only", action="store_true", help="fill the cache and stop")
    parser.add_argument("--no-extras", action="store_true", help="no speed and memory")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    CACHE.mkdir(exist_ok=True)
    makers = all_cases(data_folders(chosen.environments))
    makers = {n: make for n, make in makers.items() if fnmatch.fnmatch(n, chosen.cases)}
    modules = fnmatch.filter(MODULES, chosen.peers)
    if not chosen.ours_only:
        search(makers, modules, chosen.environments)
    if chosen.peers_only:
        return
    rows = []
    for name, make in makers.items():
        case = make()
        rows.append(report.Row(case, peer_answers(case), ours.run(case)))
        print(f"{name}: {rows[-1].summary()}", flush=True)
    pairs = [(row, best) for row in rows for best in (row.best(row.peers), row.best(row.ours))]
    details = [(row, measured(row.case, best, chosen)) for row, best in pairs if best is not None]
    text = report.tables(rows, details)
    if not chosen.no_extras:
        for script in EXTRAS:
            print(f"running {script}.py", flush=True)
            command = [sys.executable, str(HERE / f"{script}.py")]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            text += "\n" + done.stdout
    (HERE / "RESULTS.md").write_text(text)
    print(text)


def search(makers: dict[str, Callable[[], Case]], modules: list[str], environments: Path) -> None:
    """Run what is not in the cache yet, one process for each module."""
    known = json.loads(SETTINGS.read_text()) if SETTINGS.exists() else {}
    for module in modules:
        peers = importlib.import_module(f"peers.{module}")
        jobs = []
        for name, make in makers.items():
            case = make()
            for peer in peers.PEERS:
                result = cached(case, module, peer.name)
                if case.axes in peer.axes and not result.exists():
                    jobs.append(
                        {
                            "peer": peer.name,
                            "name": name,
                            "case": str(saved(case)),
                            "result": str(result),
                            "settings": known.get(result.stem, {}).get("settings"),
                        }
                    )
        if jobs:
            print(f"{module}: {len(jobs)} searches", flush=True)
            started = time.perf_counter()
            listing = CACHE / f"{module}.json"
            listing.write_text(json.dumps(jobs))
            runner = [python(peers.ENVIRONMENT, environments), str(HERE / "peers" / "run_peers.py")]
            subprocess.run([*runner, module, str(listing)], check=True)
            print(f"{module}: {time.perf_counter() - started:.0f} s", flush=True)
            keep_settings(jobs)


def keep_settings(jobs: list[dict[str, Any]]) -> None:
    """Write the best settings to a file, under the names that `cached` gives the results."""
    known = json.loads(SETTINGS.read_text()) if SETTINGS.exists() else {}
    for job in jobs:
        with np.load(job["result"]) as kept:
            if "settings" in kept:
                known[Path(job["result"]).stem] = {
                    "case": job["name"],
                    "peer": job["peer"],
                    "settings": json.loads(str(kept["settings"])),
                }
    SETTINGS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def peer_answers(case: Case) -> list[Answer]:
    answers = []
    for module in MODULES:
        for peer in importlib.import_module(f"peers.{module}").PEERS:
            path = cached(case, module, peer.name)
            if path.exists():
                with np.load(path) as kept:
                    if "image" in kept:
                        settings, seconds = str(kept["settings"]), float(kept["seconds"])
                        pairs = fft_pairs(peer.name, settings)
                        answers.append(
                            Answer(peer.name, kept["image"], settings, seconds, pairs, module)
                        )
    return answers


def measured(case: Case, answer: Answer, chosen: argparse.Namespace) -> Answer:
    """Measure time and memory of a run again, together with the other runs."""
    if chosen.no_extras:
        return answer
    if answer.module == "ours":
        runner, which = Path(sys.executable), [answer.settings]
    else:
        peers = importlib.import_module(f"peers.{answer.module}")
        runner = python(peers.ENVIRONMENT, chosen.environments)
        which = [answer.name, answer.settings]
    command = [runner, str(HERE / "measure.py"), str(saved(case)), answer.module, *which]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, peak = (float(word) for word in done.stdout.split()[-2:])
    print(f"{case.name}: {answer.name}: {seconds:.2f} s", flush=True)
    return replace(answer, seconds=seconds, images=peak / (4 * case.blurred.size))


def saved(case: Case) -> Path:
    path = CACHE / f"case-{digest(case)}.npz"
    if not path.exists():
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
    return path


def cached(case: Case, module: str, peer: str) -> Path:
    """Return the path of a cached result; it depends on the case and on the code of the peer."""
    state = hashlib.sha256(digest(case).encode() + peer.encode())
    for name in (module, "common"):
        state.update((HERE / "peers" / f"{name}.py").read_bytes())
    return CACHE / f"{module}-{state.hexdigest()[:16]}.npz"


def digest(case: Case) -> str:
    state = hashlib.sha256(repr((case.name, case.boundary, case.peak, case.affine)).encode())
    for array in (case.truth, case.blurred, case.psf):
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()[:16]


if __name__ == "__main__":
    main()
