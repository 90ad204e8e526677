"""What a result was made of: which file, which settings, which version. Others make another one."""

import os
from pathlib import Path
from typing import Any

from napari_tf_deblur import __version__
from napari_tf_deblur._files.settings import Settings


def make_stamp(path: Path, settings: Settings, reader: str | None = None) -> dict[str, Any]:
    """Return what a result was made of, as plain data.

    Parameters
    ----------
    path : Path
        A file, or a folder with files.
    settings : Settings
        What is done with it.
    reader : str, optional
        The plugin that is asked to read it.

    Returns
    -------
    dict
        Sizes and times of the file, and of one that shows the PSF; the settings' digest; this
        version.
    """
    bead = settings.psf.record().get("path")
    return {
        "source": path.name,
        **_stat_files(path),
        "psf": _stat_files(Path(bead)) if bead else None,
        "settings": settings.digest,
        "reader": reader,
        "version": __version__,
    }


def _stat_files(path: Path) -> dict[str, int]:
    stats = [file.stat() for file in _files(path)]
    return {
        "files": len(stats),
        "bytes": sum(stat.st_size for stat in stats),
        "modified": max((stat.st_mtime_ns for stat in stats), default=0),
    }


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
