"""How each piece of an image is deblurred: the same for all, found once."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.options import piece_options
from napari_tf_deblur._large.pieces import Piece
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.arguments import Arguments, ImagePart, PartArguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._run.verdict import VerdictKind
from napari_tf_deblur._storage.regions import Region
from napari_tf_deblur.methods import METHODS

_solve_lock = threading.Lock()
"""TensorFlow uses all threads of a process for one piece, and the memory is planned for one."""


@dataclass(frozen=True)
class PieceSolver:
    """What is done to each piece.

    Attributes
    ----------
    psf : ndarray of float32
        Of sum 1.
    calibration : Calibration
        Found from samples of the whole image, with its global values.
    options : mapping
        Options of the run that the calibration does not say, by name: see `piece_options`.
    channel_axis : int or None
        Axis of colours.
    alpha : bool
        Whether the last of them is transparency.
    spacing : tuple of float or None
        Voxel size.
    """

    psf: PSF
    calibration: Calibration
    options: Mapping[str, Any]
    channel_axis: int | None
    alpha: bool
    spacing: tuple[float, ...] | None

    def piece_arguments(
        self, pixels: NDArray[Any], mask: NDArray[Any] | None, gap: Region
    ) -> Arguments:
        """Return what :func:`napari_tf_deblur.deconvolve` is asked to do with a piece.

        Parameters
        ----------
        pixels : ndarray
            What is read.
        mask : ndarray or None
            Pixels to ignore in it.
        gap : tuple of slice
            Where in it, along each axis, lies what is beyond the image.
        """
        frame = [part for axis, part in enumerate(gap) if axis != self.channel_axis]
        return PartArguments(
            pixels,
            self.psf,
            self.calibration,
            channel_axis=self.channel_axis,
            alpha=self.alpha,
            spacing=self.spacing,
            mask=mask,
            part=ImagePart(gap=tuple(frame[-self.psf.ndim :])),
            **self.options,
        )

    def solve(self, pixels: NDArray[Any], mask: NDArray[Any] | None, piece: Piece) -> "Solution":
        """Deblur what is read for a piece, and cut out what is written of it.

        Parameters
        ----------
        pixels, mask
            As of :meth:`piece_arguments`.
        piece : Piece
            Which.
        """
        from napari_tf_deblur._core.steps import finish
        from napari_tf_deblur._run.whole_image import solve

        where = piece.inner_region
        with _solve_lock:
            done = finish(solve(self.piece_arguments(pixels, mask, piece.gap)))
        of_light = tuple(
            slice(None) if axis == self.channel_axis else part for axis, part in enumerate(where)
        )  # transparency has no residual
        return Solution(
            np.ascontiguousarray(done.image[where]),
            np.ascontiguousarray(done.residual[of_light]),
            done.verdict.kind,
            done.warnings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, from which :meth:`from_dict` makes the same, bit by bit."""
        found, shared = self.calibration, self.calibration.global_values
        return {
            "psf": _array_to_dict(self.psf),
            "method": {"name": type(found.method).__name__, **asdict(found.method)},
            "scale": found.scale,
            "reason": found.reason,
            "psf_width": found.psf_width,
            "background_error": found.background_error,
            "global_values": shared
            and {
                "iterations": shared.iterations,
                "converged": shared.converged,
                "hides_areas": shared.hides_areas,
                "values": {name: _array_to_dict(value) for name, value in shared.values.items()},
                "psf_evidence": shared.psf_evidence,
                "weight_evidence": shared.weight_evidence,
                "noise_is_shared": shared.noise_is_shared,
                "noise_lines": {str(c): list(line) for c, line in shared.noise_lines.items()},
            },
            **self.options,
            "channel_axis": self.channel_axis,
            "alpha": self.alpha,
            "spacing": self.spacing,
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Make it of what :meth:`to_dict` gave; the method's class checks its values."""
        values = dict(table["method"])
        method = {one.__name__: one for one in METHODS}[values.pop("name")](**values)
        shared = table["global_values"]
        known = shared and GlobalValues(
            int(shared["iterations"]),
            bool(shared["converged"]),
            bool(shared["hides_areas"]),
            {name: _array_from_dict(value) for name, value in shared["values"].items()},
            shared["psf_evidence"],
            shared["weight_evidence"],
            bool(shared["noise_is_shared"]),
            {int(c): VarianceLine(*map(float, line)) for c, line in shared["noise_lines"].items()},
        )
        calibration = Calibration(
            method,
            float(table["scale"]),
            str(table["reason"]),
            float(table["psf_width"]),
            table["background_error"],
            global_values=known,
        )
        spacing = table["spacing"]
        return cls(
            _array_from_dict(table["psf"]),
            calibration,
            {name: table[name] for name in piece_options()},
            table["channel_axis"],
            bool(table["alpha"]),
            None if spacing is None else tuple(map(float, spacing)),
        )


@dataclass(frozen=True)
class Solution:
    """A piece that was deblurred.

    Attributes
    ----------
    image, residual : ndarray of float32
        Of the piece, without its margin; the residual without transparency.
    verdict : Kind
        Of its verdict.
    warnings : tuple of Notice
        What is to be known of it.
    """

    image: NDArray[np.float32]
    residual: NDArray[np.float32]
    verdict: VerdictKind
    warnings: tuple[Notice, ...]


def _array_to_dict(values: NDArray[np.float32]) -> dict[str, Any]:
    return {"shape": list(values.shape), "values": [float(v) for v in values.ravel()]}


def _array_from_dict(table: Mapping[str, Any]) -> NDArray[np.float32]:
    values: Sequence[float] = table["values"]
    return np.asarray(values, np.float32).reshape(table["shape"])
