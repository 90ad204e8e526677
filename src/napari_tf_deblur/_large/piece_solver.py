"""Deblur one piece of an image, with the calibration that all pieces share."""

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
"""One piece at a time: it uses all threads of a process, and the memory is planned for one."""


@dataclass(frozen=True)
class PieceSolver:
    """Deblurs each piece in the same way.

    Attributes
    ----------
    psf : ndarray of float32
        PSF of sum 1.
    calibration : Calibration
        Calibration that was found from samples of the whole image, with its global values.
    options : mapping
        Options of the run that the calibration does not contain, by name; see `piece_options`.
    channel_axis : int or None
        Axis of colours.
    alpha : bool
        Whether the last channel is transparency.
    spacing : tuple of float or None
        Voxel size along each deblurred axis.
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
        """Return the arguments of a run on a piece.

        Parameters
        ----------
        pixels : ndarray
            Pixels of the input region of the piece.
        mask : ndarray or None
            Pixels to ignore in the input region.
        gap : tuple of slice
            Part of the input region that lies beyond the image, along each axis.
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
        """Deblur the input region of a piece, and cut out its output region.

        Parameters
        ----------
        pixels, mask
            See :meth:`piece_arguments`.
        piece : Piece
            The piece.

        Returns
        -------
        Solution
            Result and residual in the output region, verdict and warnings.
        """
        from napari_tf_deblur._core.steps import finish
        from napari_tf_deblur._run.whole_image import solve

        inner = piece.inner_region
        with _solve_lock:
            result = finish(solve(self.piece_arguments(pixels, mask, piece.gap)))
        residual_region = tuple(
            slice(None) if axis == self.channel_axis else part for axis, part in enumerate(inner)
        )  # transparency has no residual
        return Solution(
            np.ascontiguousarray(result.image[inner]),
            np.ascontiguousarray(result.residual[residual_region]),
            result.verdict.kind,
            result.warnings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the solver as plain data; :meth:`from_dict` restores it bit by bit."""
        calibration, shared = self.calibration, self.calibration.global_values
        return {
            "psf": _array_to_dict(self.psf),
            "method": {"name": type(calibration.method).__name__, **asdict(calibration.method)},
            "scale": calibration.scale,
            "reason": calibration.reason,
            "psf_width": calibration.psf_width,
            "background_error": calibration.background_error,
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
        """Restore a solver from the data of :meth:`to_dict`; the method checks its values."""
        values = dict(table["method"])
        method = {kind.__name__: kind for kind in METHODS}[values.pop("name")](**values)
        shared = table["global_values"]
        global_values = shared and GlobalValues(
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
            global_values=global_values,
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
    """The result of a piece.

    Attributes
    ----------
    image, residual : ndarray of float32
        Result and residual in the output region; the residual without transparency.
    verdict : VerdictKind
        Kind of the verdict.
    warnings : tuple of Notice
        Warnings of the run on the piece.
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
