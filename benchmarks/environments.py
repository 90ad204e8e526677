"""Make the Python environments of peers that need other packages than this project."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

DATA = {"sdeconv": ("peers", "data"), "flowdec": ("flowdec", "datasets/bars-25pct")}
"""Packages with test volumes: their environment, and the folder inside the package."""


def python(name: str | None, folder: Path) -> Path:
    """Return an environment's Python, making the environment first if it is not there."""
    if name is None:
        return Path(sys.executable)
    inside = folder / name / "bin" / "python"
    if not inside.exists():
        print(f"making the environment {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        requirements = str(HERE / "requirements" / f"{name}.txt")
        subprocess.run([inside, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return inside


def data_folders(folder: Path) -> dict[str, Path]:
    """Find the test volumes in the packages of peers."""
    found = {}
    for package, (environment, inside) in DATA.items():
        code = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"
        command = [python(environment, folder), "-c", code]
        origin = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        found[package] = Path(origin).parent / inside
    return found
