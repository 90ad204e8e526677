"""Track the progress of a run: solved planes, losses, and the current image."""

from typing import Any

import numpy as np
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.steps import ImageSource, RunStage
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._preparation.problem import Iterate


class Progress(ImageSource):
    """The progress of a run over batches of planes; it gives the current image.

    Parameters
    ----------
    prepared : PreparedRun
        The run. Its values are not changed.

    Attributes
    ----------
    residual : ndarray of float32
        The planes minus the re-blurred result, in intensity units of the image; 0 for planes that
        are not solved and for ignored pixels.
    """

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared
        self._solved: dict[tuple[int, ...], Float32Array] = {}
        self.residual = np.zeros_like(prepared.values)
        self._histories: list[Float32Array] = []
        self._current: tuple[tuple[int, ...], Iterate] | None = None

    def record_iterate(self, batch: tuple[int, ...], iterate: Iterate) -> None:
        """Record the latest iterate of the solver of a batch."""
        self._current = batch, iterate

    def finish_batch(self, batch: tuple[int, ...]) -> None:
        """Store the result of a batch, and release the arrays of its solver."""
        if self._current is not None:
            scene = self._current[1].estimate.scene()
            self._solved[batch] = self._cut(scene)
            self._update_residual(batch, scene)
            self._histories.append(_sum_losses(batch, self._current[1].losses))
            self._current = None

    def losses(self) -> Float32Array:
        """Return the losses summed over batches; a finished batch keeps its last loss."""
        histories = [*self._histories]
        if self._current is not None:
            batch, iterate = self._current
            histories.append(_sum_losses(batch, iterate.losses))
        total = np.zeros(max((len(losses) for losses in histories), default=0), np.float32)
        for losses in histories:
            if len(losses):
                total += np.pad(losses, (0, len(total) - len(losses)), mode="edge")
        return total

    @property
    def fraction(self) -> float:
        """Part of the work that is done, 0 to 1."""
        done = float(sum(len(batch) for batch in self._solved))
        if self._current is not None:
            batch, iterate = self._current
            done += iterate.fraction * len(batch)
        return done / sum(len(batch) for batch in self._prepared.batches)

    @property
    def stage(self) -> RunStage:
        """The current stage of the run."""
        if len(self.losses()):
            return "iterating"
        return "preparing" if self._current is None else "first in larger pixels"

    @property
    def message(self) -> str:
        """The current stage of the run as a text, with plane and iteration."""
        if self._current is None:
            return "preparing"
        batch, iterate = self._current
        count = len(iterate.losses)
        words = f"iteration {count}" if count else "first in larger pixels"
        total = len(self._prepared.values)
        if total == 1:
            return words
        first, last = batch[0] + 1, batch[-1] + 1
        planes = f"plane {last}" if first == last else f"planes {first} to {last}"
        return f"{planes} of {total}, {words}"

    def current_image(self) -> Float32Array:
        """Return the current image, in the shape and intensity units of the input.

        Planes that are not solved yet are unchanged, except that the background is subtracted as in
        the other planes. Before the first iteration the input image is returned.
        """
        prepared = self._prepared
        solved = dict(self._solved)
        if self._current is not None:
            batch, iterate = self._current
            solved[batch] = self._cut(iterate.estimate.scene())
        values = prepared.values_without_offset() if solved else prepared.original_planes()
        for batch, planes in solved.items():
            for plane, scene in zip(batch, planes):
                image = scene * np.float32(prepared.calibration.scale)
                if prepared.brightness:
                    image = prepared.brightness.multiply_result(image, plane)
                values[plane] = image
        return prepared.planes.join_planes(values)

    def is_finite(self, batch: tuple[int, ...]) -> bool:
        """Whether the result of a batch is finite, also in the intensity units of the input."""
        scale = np.float32(self._prepared.calibration.scale)
        with np.errstate(over="ignore", invalid="ignore"):
            image = self._solved[batch] * scale
        return bool(np.isfinite(image).all() and np.isfinite(self.residual[list(batch)]).all())

    @property
    def planes(self) -> tuple[int, ...]:
        """The planes that are solved."""
        return tuple(sorted({plane for batch in self._solved for plane in batch}))

    def _cut(self, scene: Float32Array) -> Float32Array:
        """Cut the frame out of the scene."""
        window: Any = (..., *self._prepared.grid.window)
        return np.ascontiguousarray(scene[window])

    def _update_residual(self, batch: tuple[int, ...], scene: Float32Array) -> None:
        """Compute the residual of a batch: the observed planes minus the blurred scene."""
        prepared = self._prepared
        shape = prepared.grid.scene
        axes = tuple(range(-len(shape), 0))
        spectrum = fft.rfftn(scene, axes=axes, workers=fft_workers())
        spectrum *= transfer_function(prepared.psf, shape)
        blurred = self._cut(fft.irfftn(spectrum, s=shape, axes=axes, workers=fft_workers()))
        with np.errstate(over="ignore", invalid="ignore"):  # see is_finite
            for plane, model in zip(batch, blurred):
                misfit = prepared.values[plane] - model * np.float32(prepared.calibration.scale)
                if prepared.valid is not None:
                    misfit *= prepared.valid[plane]
                self.residual[plane] = misfit

    def describe_stop(self) -> str:
        """Describe in a sentence what a stopped run left unchanged."""
        prepared = self._prepared
        planes = set(prepared.used_planes)
        remaining = sorted(planes.difference(self.planes))
        if not self._solved:
            return "The run was stopped before its first iteration: the image is unchanged."
        if not remaining:
            return "The run was stopped before it was finished."
        name, offset = prepared.planes.plane_name, prepared.calibration.method.offset
        which = f"Planes {name(remaining[0])} to {name(remaining[-1])} of the image are"
        which = f"Plane {name(remaining[0])} of the image is" if len(remaining) == 1 else which
        but = f", except that the background of {offset:.4g} is subtracted" if offset else ""
        return (
            f"Only {len(planes) - len(remaining)} of {len(planes)} planes are deblurred, because "
            f"the run was stopped. {which} unchanged{but}."
        )


def _sum_losses(batch: tuple[int, ...], losses: Float32Array) -> Float32Array:
    """Sum the losses over the planes; planes that only fill the batch are left out."""
    return np.asarray(losses[:, : len(set(batch))].sum(axis=1))
