"""Set up what the examples and the tests need, on a machine that has only Python and pip.

Used by ``examples/start.py`` and ``.ci/test.py``; it needs nothing but the standard
library. It makes a virtual environment, ``.venv`` in the checkout, and on Debian and its
relatives it sees to the system packages that a bare machine lacks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

PYTHONS = ((3, 13), (3, 12), (3, 11))
"""Versions for which both TensorFlow and napari have wheels; keep in step with pyproject."""

WINDOW_PACKAGES = (
    "libegl1 libgl1 libglx-mesa0 libgl1-mesa-dri libopengl0 libxkbcommon-x11-0 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxcb-render-util0 libxcb-image0 "
    "libxcb-xinerama0 libxcb-randr0 libdbus-1-3 libfontconfig1 "
    "libglib2.0-0"
).split()
"""Debian packages that Qt and OpenGL need to open a window."""

OFF_SCREEN_PACKAGES = ["xvfb", "xauth", "fonts-dejavu-core"]
"""Debian packages that stand in for a display and the fonts of a desktop."""

SCREEN = "-screen 0 1600x1000x24"


class SetupError(Exception):
    """What is missing, and what to do about it, in a sentence or two."""


def say(text: str) -> None:
    print(f"--- {text}", flush=True)


def prepare(extras: str = "all", groups: tuple[str, ...] = ()) -> Path:
    """Make the machine ready and return the Python of the checkout's environment."""
    python = find_python()
    install_system_packages()
    return install_project(make_environment(python), extras, groups)


def find_python() -> Path:
    """Find a Python that this project runs on, the running one first."""
    if sys.version_info[:2] in PYTHONS:
        return Path(sys.executable)
    for major, minor in PYTHONS:
        found = shutil.which(f"python{major}.{minor}")
        # Version managers put commands on the path that only say "not installed".
        if found and _is_supported(Path(found)):
            return Path(found)
    running = ".".join(str(n) for n in sys.version_info[:3])
    raise SetupError(
        "napari-tf-deblur needs Python 3.11, 3.12 or 3.13, for which TensorFlow and napari "
        f"have packages; this is Python {running}, and none of them was found beside it. "
        "Install one of them and call this script with it."
    )


def has_display() -> bool:
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def install_system_packages() -> None:
    """Install the Debian packages that are missing, or say which ones they are."""
    if sys.platform != "linux":
        return
    wanted = WINDOW_PACKAGES + ([] if has_display() else OFF_SCREEN_PACKAGES)
    if not (shutil.which("apt-get") and shutil.which("dpkg-query")):
        if not has_display() and not (shutil.which("xvfb-run") and shutil.which("xauth")):
            raise SetupError(
                "There is no display, and the programs xvfb-run and xauth, which stand in for "
                "one, were not found. Install them with your system's package manager, or "
                "start again from a desktop session."
            )
        return
    # Debian 13 and Ubuntu 24.04 gave some packages new names that end in "t64".
    missing = [name for name in wanted if not (_is_installed(name) or _is_installed(f"{name}t64"))]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise SetupError(
            "Some system packages are missing, and only the administrator can install them. "
            "Run this, then start again:\n\n    sudo apt-get update\n"
            f"    sudo {' '.join(install)}\n"
        )
    say(f"installing the system packages {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            check=False,
        )
        if answer.returncode:
            raise SetupError(f"{answer.stdout}\n'{' '.join(command)}' failed, as said above.")


def make_environment(python: Path) -> Path:
    """Make ``.venv``, with pip, unless it is there already; return its Python."""
    folder = CHECKOUT / ".venv"
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _is_supported(inside):
        say(f"making a virtual environment in {folder}")
        make = [str(python), "-m", "venv", "--clear", "--without-pip", str(folder)]
        if subprocess.run(make, check=False).returncode:
            raise SetupError(
                f"Python could not make a virtual environment in {folder}, as said above. "
                "On Debian, 'apt-get install python3-venv' may be what is missing."
            )
    # Debian packs "ensurepip" apart from Python; where it is missing, pip comes from outside.
    if not (
        _succeeds([inside, "-m", "pip", "--version"]) or _succeeds([inside, "-m", "ensurepip"])
    ):
        if not _succeeds([python, "-m", "pip", "--version"]):
            raise SetupError(
                f"{python} has neither pip nor the means to install it. Install pip (on "
                "Debian with 'apt-get install python3-pip') and start again."
            )
        pip = [str(python), "-m", "pip", "--python", str(inside), "install", "--quiet", "pip"]
        if subprocess.run(pip, check=False).returncode:
            raise SetupError(
                f"pip could not be installed into {folder}, as said above. It takes pip 22.3 "
                "or newer, or Debian's package python3-venv."
            )
    return inside


def install_project(python: Path, extras: str, groups: tuple[str, ...]) -> Path:
    """Install this checkout, editable, once for each state of ``pyproject.toml``."""
    project = (CHECKOUT / "pyproject.toml").read_bytes()
    state = hashlib.sha256(project + repr((str(CHECKOUT), extras, groups)).encode()).hexdigest()
    name = "-".join(["installed", extras, *groups])
    stamp = python.parent.parent / f"{name}.txt"
    if stamp.exists() and stamp.read_text() == state:
        return python
    say("installing napari, TensorFlow and this package; the first time takes some minutes")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    what = ["--editable", f"{CHECKOUT}[{extras}]"]
    for group in groups:
        what += ["--group", f"{CHECKOUT / 'pyproject.toml'}:{group}"]
    for arguments in (["--quiet", "--upgrade", "pip>=25.1"], ["--quiet", *what]):
        if subprocess.run([*pip, *arguments], stdin=subprocess.DEVNULL, check=False).returncode:
            raise SetupError(
                "pip could not install what is needed, as said above. Is the network up, and "
                "is there room for 3 GB on the disk?"
            )
    stamp.write_text(state)
    return python


def run(command: list[str]) -> int:
    """Run a command that opens windows, on the display or off screen; return its exit code."""
    return subprocess.run(_on_a_screen(command), cwd=CHECKOUT, check=False).returncode


def run_beside_others(command: list[str]) -> int:
    """Run a command as `run` does, and print its output line by line."""
    with subprocess.Popen(
        _on_a_screen(command),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
    return process.returncode


def _on_a_screen(command: list[str]) -> list[str]:
    return command if has_display() else ["xvfb-run", "-a", "-s", SCREEN, *command]


def _is_supported(python: Path) -> bool:
    return _succeeds([python, "-c", f"import sys; assert sys.version_info[:2] in {PYTHONS}"])


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    answer = subprocess.run(
        query,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return answer.stdout.strip() == "installed"


def _succeeds(command: list[str | Path]) -> bool:
    try:
        answer = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0
