"""Make the stamp of a result: the file, the settings and the version that it is made from.

If one of them changes, a resumed batch makes the result again.
"""

import os
from pathlib import Path
from typing import Any

from napari_tf_deblur import __version__
from napari_tf_deblur._files.settings import Settings


def make_stamp(path: Path, settings: Settings, reader: str | None = None) -> dict[str, Any]:
    """Make the stamp of a result.

    Parameters
    ----------
    path : Path
        The file of the image, or the folder of an OME-Zarr.
    settings : Settings
        How the image is deblurred.
    reader : str, optional
        Name of the plugin that reads the file.

    Returns
    -------
    dict
        Plain data: size and time of the file, and of the file of a measured PSF; the digest of the
        settings; the version of this package.
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
    """Return number, size and latest change of a file, or of all files of a folder."""
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
