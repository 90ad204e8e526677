"""What one run does: all it needs, taken from the layers, its steps, and its result."""

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._layers.masks import Mask, with_nan
from napari_tf_deblur._layers.psf_layers import AnyPSF
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur.deconvolve import Deconvolution, Step, iter_deconvolve
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.methods import Method


@dataclass(frozen=True)
class Job:
    """All that one run needs, taken from the layers before it begins.

    Attributes
    ----------
    source : Source
        The image.
    psf : GaussianPSF, ArrayPSF or MeasuredPSF
        The PSF; its number of axes says which axes are deblurred.
    method : Method
        What to do.
    boundary : str
        What lies outside the frame.
    mask : callable, optional
        Returns which pixels to ignore.
    ignore_nan : bool
        Ignore pixels that are NaN or infinite, too.
    """

    source: Source
    psf: AnyPSF
    method: Method
    boundary: Boundary = "unknown"
    mask: Callable[[], Mask] | None = None
    ignore_nan: bool = False

    def steps(self, stop: Event | None = None) -> Generator[Step, None, "Result"]:
        """Do it: yield the core's steps, return the result.

        Parameters
        ----------
        stop : threading.Event, optional
            Set it to be given the best image so far.

        Returns
        -------
        Result
            What goes into the layer.
        """
        psf, notes = self.psf.array(self.source)
        mask = self.mask() if self.mask is not None else None
        if self.ignore_nan:
            mask = with_nan(mask, self.source)
        done = yield from iter_deconvolve(
            self.source.data,
            psf,
            self.method,
            boundary=self.boundary,
            channel_axis=self.source.channel_axis,
            spacing=self.source.spacing[-psf.ndim :],
            mask=mask,
            stop=stop,
        )
        data = displayable(done.image, self.source)
        return Result(
            data,
            fitting_limits(data),
            done,
            notes,
            self._record(done, psf, notes, mask),
        )

    def _record(
        self,
        done: Deconvolution,
        psf: NDArray[np.float32],
        notes: tuple[str, ...],
        mask: Mask | None,
    ) -> dict[str, Any]:
        about_psf = self.psf.record(self.source)
        arguments = [f"image, {about_psf['python']}, {done.method!r}"]
        arguments += [f"boundary={self.boundary!r}"]
        arguments += [f"channel_axis={self.source.channel_axis}"]
        arguments += [f"spacing={self.source.spacing[-psf.ndim :]}"]
        arguments += ["mask=mask"] if mask is not None else []
        return {
            "kind": "result",
            "source": self.source.name,
            "method": {"name": type(done.method).__name__, **asdict(done.method)},
            "psf": {**about_psf, "array": psf, "notes": notes},
            "boundary": self.boundary,
            "mask": mask,
            "python": f"deconvolve({', '.join(arguments)})",
            "iterations": done.iterations,
            "converged": done.converged,
            "seconds": done.seconds,
            "loss_history": np.asarray(done.loss_history),
            "warnings": done.warnings,
            "versions": _versions(),
        }


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    Attributes
    ----------
    data : ndarray
        The sharp image, as a layer shows it.
    limits : tuple of float
        Contrast limits that fit it.
    done : Deconvolution
        The core's own result.
    notes : tuple of str
        What was done to the PSF.
    record : dict
        What is kept in the layer's metadata, enough to repeat the run.
    """

    data: NDArray[Any]
    limits: tuple[float, float]
    done: Deconvolution
    notes: tuple[str, ...]
    record: dict[str, Any]


def displayable(image: NDArray[np.float32], source: Source) -> NDArray[Any]:
    """Return an image in values that napari shows: colours in the source's own type.

    Grey images stay float32, in the source's units. Colours of an integer type are rounded
    back to it, because napari takes floating-point colours for parts of one.
    """
    dtype = np.dtype(source.data.dtype)
    if not source.rgb or dtype.kind not in "ui":
        return image
    info = np.iinfo(dtype)
    return np.rint(np.clip(image, info.min, info.max)).astype(dtype.newbyteorder("="))


def fitting_limits(data: NDArray[Any]) -> tuple[float, float]:
    """Return contrast limits that fit an image: all of it but a few stray pixels.

    A bead that becomes a hundred times brighter than the cells must not hide them.

    Parameters
    ----------
    data : ndarray
        The image.

    Returns
    -------
    tuple of float
        Two different values, lowest first.
    """
    some = data.ravel()[:: max(1, data.size // 2_000_000)]
    low, high = (float(v) for v in np.nanpercentile(some, (0.05, 99.95)))
    if not high > low:
        low, high = float(np.nanmin(data)), float(np.nanmax(data))
    return (low, high) if high > low else (low, low + 1.0)


def _versions() -> dict[str, str]:
    found = {}
    for package in ("napari-tf-deblur", "tensorflow", "napari", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
