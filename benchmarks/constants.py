"""The package's constants: what they are, where they come from, and what changes with them.

    python benchmarks/constants.py --list [--kind KIND] [--room ROOM]
    python benchmarks/constants.py --literals
    python benchmarks/constants.py --vary [NAME ...] [--write FILE]

``--list`` reads the source code: each upper-case name of a module or class, its value, its
docstring, where it is used, and the kind of its reason. A constant is *tuned* if its value is made
of numbers and its docstring does not say that it is a definition. The docstring says the reason in
one of these forms:

- ``Derived: from what``,
- ``Source: a publication, a standard, another library``,
- ``Chosen by `benchmarks/...```, the command that can be run again,
- ``Set by eye``: sizes and times of the window,
- ``Guard: against what``, for rare input or for divisions, with the test that holds it,
- ``Limit: of what``, time or memory: a larger value costs more, a smaller one gives less,
- ``Definition: of what``: not tuned.

``--literals`` prints decimal fractions without a name in functions of the numerical rooms.

``--vary`` multiplies each tuned constant of the numerical rooms by 0.5 and 1.5, and repeats the
runs of `constant_runs.py` that use it. It reports the largest change in dB, and changed claims.
``NAME`` is a constant, the path of a module (``_blur/jpeg.py``), or both
(``_blur/jpeg.py:MAX_DCT_ORDER``). ``CONSTANTS.md`` has the table.
"""

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "napari_tf_deblur"
OF_THE_WINDOW = ("_dock", "_layers", "_files")

REASONS = {
    "definition": r"\bDefinition:",
    "derived": r"\bDerived:",
    "source": r"\bSource:",
    "guard": r"\bGuard:",
    "limit": r"\bLimit:",
    "command": r"\bChosen by ``benchmarks/(\w+\.py)",
    "by eye": r"\bSet by eye\b",
}
"""Patterns by which a docstring says where a constant comes from."""

Names = tuple[str, ...]


@dataclass
class Constant:
    """A constant of a module, or of a class in it."""

    path: str
    line: int
    name: str
    value: ast.expr
    doc: str
    owner: str = ""
    users: set[str] = field(default_factory=set)

    @property
    def room(self) -> str:
        folder, _, _ = self.path.rpartition("/")
        return folder.split("/")[0] or "top"

    @property
    def module(self) -> str:
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(["napari_tf_deblur", *(p for p in parts if p != "__init__")])

    @property
    def kind(self) -> str:
        """Kind of the reason; "text" if the constant holds no number."""
        if not is_numeric(self.value):
            return "text"
        for kind, pattern in REASONS.items():
            for found in re.finditer(pattern, " ".join(self.doc.split())):
                if kind != "command" or (REPOSITORY / "benchmarks" / found[1]).exists():
                    return kind
        return "no reason"

    @property
    def tuned(self) -> bool:
        return self.kind not in ("text", "definition")


def is_numeric(value: ast.expr) -> bool:
    """Whether a value is made of numbers only, besides keys and the names of functions."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    if isinstance(value, ast.Dict):
        return bool(value.values) and all(map(is_numeric, value.values))
    if isinstance(value, ast.Tuple | ast.List):
        return bool(value.elts) and any(map(has_numbers, value.elts)) and not has_texts(value)
    return has_numbers(value) and not has_texts(value)


def has_numbers(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Constant) and type(n.value) in (int, float) for n in ast.walk(node)
    )


def has_texts(node: ast.AST) -> bool:
    keys = {k for n in ast.walk(node) if isinstance(n, ast.Dict) for k in n.keys}
    return any(
        isinstance(n, ast.Constant) and not isinstance(n.value, int | float) and n not in keys
        for n in ast.walk(node)
    )


def constants_of(path: Path) -> Iterator[Constant]:
    """Yield the constants of a module; constants in successive lines share the docstring below."""
    tree = ast.parse(path.read_text())
    where = path.relative_to(PACKAGE).as_posix()
    bodies = [("", tree.body)]
    bodies += [(n.name, n.body) for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    for owner, body in bodies:
        pending: list[Constant] = []
        for number, statement in enumerate(body):
            made = list(assigned(statement, where, owner))
            below = body[number + 1] if number + 1 < len(body) else None
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                for constant in pending + made:
                    constant.doc = str(below.value.value)
                pending = []
            elif below is not None and below.lineno == (statement.end_lineno or 0) + 1:
                pending += made
            else:
                pending = []
            yield from made


def assigned(statement: ast.stmt, where: str, owner: str) -> Iterator[Constant]:
    """Yield the constants that a statement sets."""
    if isinstance(statement, ast.AnnAssign):
        targets: list[ast.expr] = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        return
    if statement.value is None:
        return
    for target in targets:
        pairs = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs = list(zip(target.elts, statement.value.elts, strict=True))
        for name, value in pairs:
            if isinstance(name, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name.id):
                yield Constant(where, statement.lineno, name.id, value, "", owner)


def all_constants() -> list[Constant]:
    """Return the constants of the package, with the modules that use them."""
    paths = sorted(PACKAGE.rglob("*.py"))
    found = [constant for path in paths for constant in constants_of(path)]
    by_place = {(c.module, c.name): c for c in found if not c.owner}
    own = {(c.path, c.name): c for c in found}
    for path in paths:
        where = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if constant := by_place.get((node.module or "", alias.name)):
                        constant.users.add(where)
            elif isinstance(node, ast.Name) and (where, node.id) in own:
                own[where, node.id].users |= {where} if isinstance(node.ctx, ast.Load) else set()
    return found


def literals() -> list[str]:
    """Return the lines with decimal fractions without a name in numerical functions."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).as_posix()
        if where.split("/")[0] in OF_THE_WINDOW:
            continue
        lines = path.read_text().splitlines()
        functions = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
        numbers = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Constant)]
        found += [
            f"{where}:{n.lineno}: {lines[n.lineno - 1].strip()}"
            for n in numbers
            if type(n.value) is float and n.value not in (0, 0.5, 1, 1.5, 2)
        ]
    return found


def list_constants(kind: str, room: str) -> None:
    chosen = all_constants()
    for constant in chosen:
        if kind in ("", constant.kind) and room in ("", constant.room):
            value = ast.unparse(constant.value)
            print(f"{constant.path}:{constant.line}: {constant.name} = {value[:100]}")
            print(f"    {' '.join(constant.doc.split())}")
            print(f"    [{constant.kind}] used in {', '.join(sorted(constant.users)) or '-'}")
    tuned = [constant for constant in chosen if constant.tuned]
    rooms = sorted({constant.room for constant in tuned})
    kinds = [k for k in (*REASONS, "no reason") if k != "definition"]
    counts = Counter((constant.room, constant.kind) for constant in tuned)
    print(f"\n{len(chosen)} constants, {len(tuned)} of them tuned numbers;")
    print(f"{len(literals())} decimal fractions without a name in numerical functions.\n")
    print(f"| room | {' | '.join(kinds)} | all |\n| --- |{' ---: |' * (len(kinds) + 1)}")
    for room in rooms:
        row = [counts[room, k] for k in kinds]
        print(f"| {room} | {' | '.join(map(str, row))} | {sum(row)} |")
    row = [sum(counts[r, k] for r in rooms) for k in kinds]
    print(f"| all | {' | '.join(map(str, row))} | {sum(row)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="from the source code; runs nothing")
    parser.add_argument("--kind", default="", help="only those with this kind of reason")
    parser.add_argument("--room", default="", help="only those of a folder; top: of none")
    parser.add_argument("--literals", action="store_true", help="numbers without a name")
    parser.add_argument("--vary", nargs="*", metavar="NAME", help="constants or modules; all")
    parser.add_argument("--write", type=Path, help="where the table is kept; what it has stays")
    chosen = parser.parse_args()
    if chosen.literals:
        print("\n".join(literals()))
    elif chosen.vary is None:
        list_constants(chosen.kind, chosen.room)
    else:
        from sensitivity import vary

        vary(tuple(chosen.vary), chosen.write)


if __name__ == "__main__":
    main()
