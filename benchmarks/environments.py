"""Where peers live: one Python environment per library that needs pins of its own."""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent

OWN = HERE / ".environments"
"""Where environments are made, unless others are given."""


def python_of(name: str | None, folder: Path | None) -> str:
    """Find the interpreter of an environment; make the environment if it is ours to make.

    Parameters
    ----------
    name : str or None
        ``requirements/<name>.txt`` says what is in it; None for the running one.
    folder : Path or None
        Holds environments that exist already.
    """
    if name is None:
        return sys.executable
    place = (folder or OWN) / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if folder is None and not (place / "complete").exists():
        print(f"Setting up the environment '{name}' ...", flush=True)
        venv.create(place, with_pip=True, clear=True)
        for requirements in sorted((HERE / "requirements").glob(f"{name}.txt")):
            install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
            subprocess.run(install, check=True)
        (place / "complete").touch()
    return str(python)


def packages_folder(python: str) -> Path:
    """Ask an interpreter where its packages are."""
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", question], check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip())
