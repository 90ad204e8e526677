"""Check that the optional packages for large images are installed."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from napari_tf_deblur._core.errors import MissingPackageError


def require_packages(*packages: str) -> None:
    """Raise an error that says what to install if a package is missing.

    Parameters
    ----------
    *packages : str
        Names under which the packages are imported.

    Raises
    ------
    MissingPackageError
        If a package is missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"Large images and OME-Zarr need {' and '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed. Install with: "
            'pip install "napari-tf-deblur[large]"'
        )


def list_versions(*packages: str) -> dict[str, str]:
    """Return the installed version of each package, by its name on PyPI; or "unknown"."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions
