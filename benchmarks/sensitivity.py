"""Measure how much results change with each constant; see ``constants.py --vary``.

A constant is changed in its module, in all modules that import it, and in the constants that are
computed from it. The runs that execute a function with its name are repeated. If a traced function
contains the name, TensorFlow compiles again.
"""

import ast
import contextlib
import functools
import gc
import importlib
import json
import math
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
from constants import OF_THE_WINDOW, PACKAGE, Constant, all_constants

FACTORS = (0.5, 1.5)
NEXT_TO_NOTHING, EXPONENT = 2e-5, 10.0
"""Numbers below the first only keep divisions finite. They are varied by the second as a factor."""

NEARLY_ALL = 0.7
"""Numbers between this and 1 count as parts of a whole; their distance from 1 is multiplied."""

CHANGED_DB, CHANGED = 0.005, 0.02
"""Smallest difference in dB, and smallest relative difference of a claim, that count as changes."""

MOST_SECONDS, MOST_COLD_SECONDS = 4.0, 8.0
"""Processor time, in seconds, for the repeated runs of a constant: warm, and with compilation."""

ENOUGH_DB = 0.1
"""Change in dB at which a constant matters, so that no more runs are repeated for it."""

TOO_LONG = 40.0
"""Processor time, in seconds, after which a run counts as failed."""

AT_ONCE = 500
"""Number of constants that are varied in one process, because TensorFlow keeps compiled code."""

FIRST = ("no reason", "command")
"""Kinds of constants that are varied first."""

TELLING = {
    "_beads": ("beads", "dim beads", "theoretical PSF"),
    "_blur": ("photograph, found", "estimates of blur", "disc, found"),
    "_core": ("doubtful PSF", "photograph, exact"),
    "_noise": ("camera", "broken pixels", "cells, exact"),
    "_optics": ("microscopes",),
    "_preparation": ("saturated, colour", "camera", "Richardson-Lucy", "Wiener"),
    "_run": (
        *("photograph, too wide", "cells, too wide", "Hessian", "weight too large"),
        *("JPEG, 50", "JPEG, 90"),
    ),
    "_large": ("pieces",),
    "_solvers": (
        *("photograph, exact", "Poisson, volume", "Poisson, points", "saturated, colour"),
        "Wiener",
    ),
}
"""Runs that show most about the constants of a room; they are repeated before the quick ones."""

SKIPPED = ("definition", "text", "by eye", "source")


@dataclass
class Base:
    """A run with unchanged constants: its outcome, its times, and the names in its functions."""

    outcome: Any
    seconds: float
    cold_seconds: float
    names: set[tuple[str, str]] = field(default_factory=set)
    compiled: set[tuple[str, str]] = field(default_factory=set)


def scaled(value: Any, factor: float) -> Any:
    """Multiply all numbers in a value."""
    if isinstance(value, bool | str | np.unsignedinteger) or value is None:
        return value
    if isinstance(value, int):
        return max(round(value * factor), 1) if value > 0 else round(value * factor)
    if isinstance(value, float | np.floating):
        if 0 < abs(value) < NEXT_TO_NOTHING:
            factor = EXPONENT if factor > 1 else 1 / EXPONENT
        if NEARLY_ALL < value < 1:
            return type(value)(1 - (1 - value) * factor)
        return type(value)(value * factor)
    if isinstance(value, np.ndarray):
        return (value * factor).astype(value.dtype)
    if isinstance(value, dict):
        return {key: scaled(part, factor) for key, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [scaled(part, factor) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        own = {f.name: scaled(getattr(value, f.name), factor) for f in fields(value) if f.init}
        return replace(value, **own)
    return value


class Places:
    """The modules that hold each constant: its own, and those that import it."""

    def __init__(self, constants: list[Constant]) -> None:
        self._constants = {(c.module, c.name): c for c in constants}
        self._copies: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for path in PACKAGE.rglob("*.py"):
            parts = [p for p in path.relative_to(PACKAGE).with_suffix("").parts if p != "__init__"]
            own = ".".join(["napari_tf_deblur", *parts])
            for node in ast.walk(ast.parse(path.read_text())):
                for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                    key = (node.module or "", alias.name)
                    self._copies.setdefault(key, []).append((own, alias.asname or alias.name))

    def of(self, constant: Constant) -> list[tuple[str, str]]:
        key = (constant.module, constant.name)
        return [key, *self._copies.get(key, [])]

    def made_of(self, constant: Constant) -> list[Constant]:
        """Return the constants whose values are computed from this one."""
        found = []
        for module, name in self.of(constant):
            for other in self._constants.values():
                names = (n.id for n in ast.walk(other.value) if isinstance(n, ast.Name))
                if other.module == module and other is not constant and name in names:
                    found += [other, *self.made_of(other)]
        return found

    def keys(self, constant: Constant) -> set[tuple[str, str]]:
        """Return files and names by which functions read a constant or one computed from it."""
        every = [constant, *self.made_of(constant)]
        return {(module, name) for c in every for module, name in self.of(c)}

    @contextlib.contextmanager
    def set(self, constant: Constant, value: Any) -> Iterator[None]:
        """Change a constant within a context."""
        before: list[tuple[Any, str, Any]] = []

        def put(one: Constant, new: Any) -> None:
            for module, name in self.of(one):
                if (there := sys.modules.get(module)) is not None and hasattr(there, name):
                    before.append((there, name, getattr(there, name)))
                    setattr(there, name, new)

        try:
            put(constant, value)
            for other in self.made_of(constant):
                code = compile(ast.Expression(other.value), other.path, "eval")
                put(other, eval(code, vars(sys.modules[other.module])))
            yield
        finally:
            for there, name, old in reversed(before):
                setattr(there, name, old)


def variations(command: str, names: Sequence[str] = ()) -> Iterator[tuple[str, float]]:
    """Set constants to other values, one at a time, and yield the name and the factor of each.

    The constants are those whose docstring names a command; of these, those in `names`, if any.
    """
    found = all_constants()
    places = Places(found)
    for constant in found:
        if command in constant.doc and (not names or constant.name in names):
            value = getattr(importlib.import_module(constant.module), constant.name)
            for factor in FACTORS:
                with places.set(constant, scaled(value, factor)):
                    yield constant.name, factor


class Caches:
    """The caches of the package's functions."""

    def __init__(self) -> None:
        kept = [c for c in gc.get_objects() if isinstance(c, functools._lru_cache_wrapper)]
        own = [(c, getattr(c, "__module__", "") or "") for c in kept]
        own = [(c, module) for c, module in own if module.startswith("napari_tf_deblur")]
        self._compiled = [c for c, module in own if "._solvers" in module]
        self._others = [c for c, module in own if "._solvers" not in module]

    def forget(self, compiled: bool) -> None:
        """Empty the caches; optionally those of compiled functions, too."""
        for cached in self._others + compiled * self._compiled:
            cached.cache_clear()


def watched(run: Callable[[], Any]) -> tuple[Any, set[tuple[str, str]], set[tuple[str, str]]]:
    """Run; return the names in the functions that are executed, and in those that are compiled."""
    codes: set[CodeType] = set()
    traced: set[CodeType] = set()
    depth = threading.local()
    root = str(PACKAGE)

    def look(frame: Any, event: str, argument: object) -> None:
        code = frame.f_code
        if event in ("call", "return") and code.co_filename.startswith(root):
            if code.co_name == "trace" and code.co_filename.endswith("load.py"):
                depth.now = getattr(depth, "now", 0) + (1 if event == "call" else -1)
            (traced if getattr(depth, "now", 0) else codes).add(code)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        outcome = run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return outcome, _names(codes | traced), _names(traced)


def _names(codes: set[CodeType]) -> set[tuple[str, str]]:
    found = set()
    for code in codes:
        parts = Path(code.co_filename).relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(["napari_tf_deblur", *(p for p in parts if p != "__init__")])
        found |= {(module, name) for name in code.co_names}
    return found


def attempt(run: Callable[[], Any]) -> Any:
    """Run; return the outcome, or the name of the error if it fails or takes too long."""

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, TOO_LONG)
    try:
        return run()
    except Exception as error:
        return None, {"failed": type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def changes(before: Any, after: Any) -> tuple[float, list[str]]:
    """Return the change in dB, and the claims that differ."""
    decibels = 0.0
    if before[0] is not None and after[0] is not None:
        decibels = after[0] - before[0]
        decibels = decibels if math.isfinite(decibels) else -99.0
    differ = [key for key in before[1] if not same(before[1][key], after[1].get(key))]
    if "failed" in after[1]:
        differ = [f"fails: {after[1]['failed']}"]
    return decibels, differ


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= CHANGED * max(abs(one), abs(other))
    return bool(one == other)


def bases_of(with_large: bool) -> dict[str, Base]:
    """Do each run twice, the second time with everything compiled."""
    from constant_runs import ONLY_LARGE, RUNS

    from napari_tf_deblur._solvers.load import tensorflow

    tensorflow()
    bases: dict[str, Base] = {}
    for name, run in RUNS.items():
        if with_large or name not in ONLY_LARGE:
            began = time.process_time()
            _, executed, traced = watched(run)
            cold = time.process_time() - began
            outcome = run()
            bases[name] = Base(outcome, time.process_time() - began - cold, cold, executed, traced)
            print(f"{name}: {cold:.1f} s, {bases[name].seconds:.1f} s", flush=True)
    return bases


def measure(names: list[tuple[str, str]], write: Path | None) -> None:
    """Vary constants in this process, and add a row for each to the table."""
    from constant_runs import ONLY_LARGE

    warnings.simplefilter("ignore")
    found = all_constants()
    places = Places(found)
    by_place = {(c.path, c.name): c for c in found}
    chosen = [by_place[name] for name in names]
    bases = bases_of(any(c.room == "_large" for c in chosen))
    caches = Caches()
    for constant in chosen:
        keys = places.keys(constant)
        users = {
            name: base
            for name, base in bases.items()
            if keys & base.names and (constant.room == "_large" or name not in ONLY_LARGE)
        }
        cold = any(keys & base.compiled for base in users.values())
        repeated = {name: bases[name] for name in affordable(users, cold, constant.room)}
        row = Row(constant.path, constant.name, f"{len(repeated)} of {len(users)}")
        module = importlib.import_module(constant.module)
        value = getattr(module, constant.name)
        for factor in FACTORS:
            other = scaled(value, factor)
            if not row.matters and repr(other) != repr(value):
                with places.set(constant, other):
                    caches.forget(cold)
                    repeat(repeated, factor, row)
        caches.forget(cold)
        print(row.line, end="", flush=True)
        if write:
            rows = read_rows(write) | {(constant.path, constant.name): row.line}
            write.write_text(HEAD + "".join(rows[key] for key in sorted(rows)))


@dataclass
class Row:
    """The effect of a constant."""

    path: str
    name: str
    runs: str
    most: float = 0.0
    where: str = ""
    claims: set[str] = field(default_factory=set)

    @property
    def matters(self) -> bool:
        return abs(self.most) > ENOUGH_DB or bool(self.claims)

    @property
    def line(self) -> str:
        change = f"{self.most:+.2f}" if self.where else "0"
        shown = sorted(self.claims)[:3]
        more = [f"{len(self.claims) - 3} more"] if len(self.claims) > 3 else []
        said = ": ".join([str(len(self.claims)), "; ".join(shown + more)][: 1 + bool(shown)])
        return f"| {self.path} | {self.name} | {self.runs} | {change} | {self.where} | {said} |\n"


def repeat(repeated: dict[str, Base], factor: float, row: Row) -> None:
    """Repeat runs until it is clear that a constant matters."""
    from constant_runs import RUNS

    for name, base in repeated.items():
        decibels, differ = changes(base.outcome, attempt(RUNS[name]))
        if abs(decibels) > max(abs(row.most), CHANGED_DB):
            row.most, row.where = decibels, f"x {factor:g}, {name}"
        row.claims |= {f"{name}: {claim} (x {factor:g})" for claim in differ}
        if row.matters:
            return


def affordable(users: dict[str, Base], cold: bool, room: str) -> list[str]:
    """Choose runs within the time limit: first those in `TELLING`, then the quick ones."""
    seconds = {n: b.cold_seconds if cold else b.seconds for n, b in users.items()}
    chosen = [name for name in TELLING.get(room, ()) if name in users]
    left = (MOST_COLD_SECONDS if cold else MOST_SECONDS) - sum(seconds[n] for n in chosen)
    for name in sorted(set(seconds) - set(chosen), key=lambda n: seconds[n]):
        if chosen and seconds[name] > left:
            break
        left -= seconds[name]
        chosen.append(name)
    return chosen


HEAD = """# What changes with each constant

Made by `python benchmarks/constants.py --vary --write benchmarks/CONSTANTS.md`. Each tuned number
of the numerical rooms was multiplied by 0.5 and by 1.5 (next to nothing by a tenth and ten; what is
missing to 1, for parts near 1), and runs of `constant_runs.py` were repeated until the result of
one changed by more than 0.1 dB, or a claim: a verdict, a method, a warning, an estimated size or
noise (by more than 2 %). Runs: those that say most and the quick ones, of all that execute a
function with this name. Change: the largest that was seen of the PSNR, in dB, and where; 0 is less
than 0.005. Few runs show little: 0 says that these did not change. What is missing was not varied.

| module | constant | runs | change | where | claims |
| --- | --- | ---: | ---: | --- | --- |
"""


def vary(names: tuple[str, ...], write: Path | None) -> None:
    """Vary constants, some in each process, and print or write the table."""
    rows = read_rows(write)
    found = [
        c
        for c in all_constants()
        if c.kind not in SKIPPED
        and c.room not in (*OF_THE_WINDOW, "_storage")
        and not c.owner
        and (not names or {c.name, c.path, f"{c.path}:{c.name}"} & set(names))
        and (names or (c.path, c.name) not in rows)
    ]
    found.sort(key=lambda c: FIRST.index(c.kind) if c.kind in FIRST else len(FIRST))
    print(f"{len(found)} constants", flush=True)
    for first in range(0, len(found), AT_ONCE):
        part = json.dumps([(c.path, c.name) for c in found[first : first + AT_ONCE]])
        where = [str(write.resolve())] if write else []
        subprocess.run([sys.executable, __file__, part, *where], check=False)


def read_rows(write: Path | None) -> dict[tuple[str, str], str]:
    """Read the rows of a table."""
    if write is None or not write.exists():
        return {}
    lines = [line for line in write.read_text().splitlines(keepends=True) if ".py | " in line]
    parts = [[part.strip() for part in line.split("|")] for line in lines]
    return {(part[1], part[2]): line for part, line in zip(parts, lines, strict=True)}


if __name__ == "__main__":
    kept = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    measure([(path, name) for path, name in json.loads(sys.argv[1])], kept)
