"""Keep what XLA compiled in a folder, so that the next process loads it and need not compile.

TensorFlow writes and reads the files. It compares the whole program with the file's, and writes
each file under another name first, so that processes do not disturb each other. It does not check
the code in a file, nor for which processor and which TensorFlow it was made, and a damaged file is
an error. So each combination has a folder of its own, and a file is deleted before TensorFlow
starts unless its digest, in a file beside it, is right.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from napari_tf_deblur._core.threads import thread_limit

MAX_BYTES = 200 * 2**20
"""Largest size of all stored code. Limit: of disk; a program takes up to 0.5 MB."""

MIN_FREE_BYTES = 2**30
"""Free space on the disk below which nothing is stored, because a full disk would be an error of
TensorFlow. Limit: of disk."""

_folder: Path | None = None


def use_code_folder(root: Path) -> None:
    """Keep compiled code below a folder from now on.

    Call it before TensorFlow is imported, in a process that serves the solver only: it sets an
    environment variable. Where the folder cannot be used, code is compiled as usual.

    Parameters
    ----------
    root : Path
        Folder for the code of all processors and versions; it is made if it does not exist.
    """
    global _folder
    folder = root / _environment_digest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
            return
        _delete_unsound(folder)
        _delete_oldest(root)
    except OSError:
        return
    if any(character in str(folder) for character in "\"'"):
        return  # the flag has no way to write them
    flag = f'--tf_xla_persistent_cache_directory="{folder.as_posix()}"'
    os.environ["TF_XLA_FLAGS"] = f"{os.environ.get('TF_XLA_FLAGS', '')} {flag}".strip()
    _folder = folder


def record_new_code() -> None:
    """Write the digests of code that was stored since the last call."""
    if _folder is None:
        return
    with suppress(OSError):  # without a digest, the code is compiled again next time
        for path in _folder.glob("*.pb"):
            digest = path.with_suffix(".sha256")
            if not digest.exists():
                part = digest.with_suffix(f".{os.getpid()}")
                part.write_text(_digest(path), "ascii")
                part.replace(digest)


def _delete_unsound(folder: Path) -> None:
    """Delete files whose digest is wrong or missing."""
    for path in folder.iterdir():
        digest = path.with_suffix(".sha256")
        if path.suffix == ".pb" and not (digest.exists() and digest.read_text() == _digest(path)):
            path.unlink(missing_ok=True)
            digest.unlink(missing_ok=True)


def _delete_oldest(root: Path) -> None:
    """Delete the oldest code, until the rest is small enough."""
    oldest_first = sorted(root.glob("*/*.pb"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in oldest_first)
    for path in oldest_first:
        if total <= MAX_BYTES:
            return
        total -= path.stat().st_size
        path.unlink(missing_ok=True)
        path.with_suffix(".sha256").unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _environment_digest() -> str:
    """Describe what compiled code depends on, besides the program: a name for its folder."""
    facts = [
        version("tensorflow"),
        platform.machine(),
        _processor(),
        os.cpu_count(),
        thread_limit(),
        *(os.environ.get(name, "") for name in ("XLA_FLAGS", "TF_XLA_FLAGS")),
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Describe the processor, with its instruction sets where the system tells them."""
    with suppress(OSError, subprocess.SubprocessError):
        if platform.system() == "Linux":
            lines = Path("/proc/cpuinfo").read_text().splitlines()
            names = ("model name", "flags", "Features", "CPU part")
            return repr(sorted({line for line in lines if line.startswith(names)}))
        if platform.system() == "Darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, check=True, stdout=-1, text=True, timeout=5).stdout
    return platform.processor()
