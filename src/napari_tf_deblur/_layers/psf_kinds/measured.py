"""A PSF that is measured from an image layer of beads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._beads.measured_psf import measured_psf
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._layers.psf_kinds.kind import MAX_PSF_PIXELS, OpenFile, PSFKind
from napari_tf_deblur._layers.psf_kinds.spacing import Spacing, compare_spacing
from napari_tf_deblur._layers.psf_kinds.varying import NOT_VARYING
from napari_tf_deblur._layers.source import Source, read_source
from napari_tf_deblur._preparation import record_check as check
from napari_tf_deblur._storage.axes import Axis

GREY_TOLERANCE = 0.01
"""Largest difference between the colours of a grey picture, as a fraction of its brightest pixel.
Derived: from two steps of 8 bits."""


@dataclass(frozen=True)
class LayerPSF:
    """A PSF that is measured from an image layer of beads, with the pixel size of that layer.

    Axes of length 1 before the last two are left out.

    Attributes
    ----------
    layer : Source
        The layer.
    window : int or None
        Side, in pixels of the layer, of a window that holds one bead of any shape; None for round
        beads. See `measured_psf`.
    """

    name: ClassVar[str] = "measured"
    title: ClassVar[str] = "Bead image"
    hint: ClassVar[str] = (
        "An image layer that shows the blur of one bright point, such as a bead. It is resampled "
        "to the image's pixels, its background is removed, and it is centred and normalised"
    )
    progress_text: ClassVar[str] = "making the PSF"
    functions: ClassVar[tuple[str, ...]] = ()

    layer: Source
    window: int | None = None

    @property
    def ndim(self) -> int:
        """Number of axes that are used."""
        return len(self._axes)

    def check(self, source: Source) -> None:
        """Raise an error if the layer cannot be the PSF of this image."""
        psf = self.layer
        if psf.layer() is source.layer():
            raise InvalidValueError(
                f"'{psf.name}' is both the image and its PSF; as PSF, choose a layer that "
                "shows the blur of one bright point."
            )
        if self.ndim > min(source.ndim, 3):
            raise InvalidValueError(
                f"The PSF layer '{psf.name}' has {self.ndim} axes and the image "
                f"'{source.name}' has {source.ndim}; a PSF has at most 3, and no more than "
                "its image."
            )
        self._spacing(source).check(psf.name, source.name, MAX_PSF_PIXELS)

    def array(self, source: Source) -> tuple[Float32Array, tuple[str, ...]]:
        """Measure the PSF on the pixels of `source`; return it, and what was done, in words."""
        picture, sizes, notes = self._picture(source)
        values, more = measured_psf(picture, **sizes, window=self.window)
        return values, (*notes, *more)

    def check_varying(self) -> None:
        """Raise an error if the beads are not round."""
        if self.window is not None:
            raise InvalidValueError(NOT_VARYING)

    def varying_array(self, source: Source) -> tuple[VaryingPSF, tuple[str, ...]]:
        """Measure the PSF at places all over the field of `source`; return them, and words."""
        picture, sizes, notes = self._picture(source)
        values, more = measured_psf(picture, **sizes, places=True)
        places = np.asarray(values.places) + self._find_offset(source)
        inside = np.all((places > -1) & (places < [a.size for a in self._frame(source)]), axis=1)
        if not inside.any():
            raise InvalidValueError(
                f"'{self.layer.name}' shows another part of the field than '{source.name}': move "
                "the layer of beads to its place, or switch 'Varying PSF' off."
            )
        return VaryingPSF(values.psfs, places), (*notes, *more)

    def varying_record(self, source: Source) -> dict[str, Any]:
        """Return the record: the layer is measured again by a script."""
        return self.record(source)

    def describe_width(self, source: Source) -> str:
        """Say that the width is not known before a run."""
        return "Its beads are measured when you press Deblur."

    def preview(self, source: Source) -> Float32Array | None:
        """Return None: the array is made in a run."""
        return None

    def warnings(self, source: Source) -> tuple[Notice, ...]:
        """Return warnings about pixel sizes that were assumed, or look wrong."""
        return self._spacing(source).warnings(self.layer.name, source.name)

    def record(self, source: Source) -> dict[str, Any]:
        """Return the kind, the name of the layer, and the window of beads that are not round."""
        return {"kind": self.name, "layer": self.layer.name, **_window_entry(self.window)}

    @classmethod
    def read_settings(cls, record: Mapping[str, Any], open_file: OpenFile) -> "BeadPSFSettings":
        """Return settings that measure the same picture of beads for every image."""
        origin = record.get("origin") or {}
        path = record.get("path") or origin.get("path")
        if not path:
            raise check.NotRecordedError(
                "The PSF was measured from an image that has no file: save that image, and give it "
                "as the picture of beads."
            )
        return BeadPSFSettings(check.text(path), open_file, read_window(record))

    def _frame(self, source: Source) -> tuple[Axis, ...]:
        """Return the axes of the image that the PSF has."""
        return source.frame(self.ndim).axes

    def _find_offset(self, source: Source) -> NDArray[np.float64]:
        """Return where the first pixel of the picture lies in the image, in pixels of the image.

        Only the positions of both layers count, not rotations.
        """
        beads = self.layer.world_transform.translate[list(self._indices)]
        image = source.world_transform.translate[list(source.frame(self.ndim).indices)]
        own = [axis.spacing for axis in self._axes]
        steps = np.array([axis.spacing for axis in self._frame(source)])
        spacing = self._spacing(source)
        zoom = np.ones(self.ndim)
        if spacing.psf_sizes is not None and spacing.image_sizes is not None:
            zoom = np.divide(spacing.psf_sizes, spacing.image_sizes)
        return np.asarray(beads / own * zoom - image / steps)

    def _picture(self, source: Source) -> tuple[NDArray[Any], dict[str, Any], tuple[str, ...]]:
        """Return the picture of beads, the pixel sizes as arguments, and notes on both."""
        spacing = self._spacing(source)
        pixels, about_colours = self._intensities()
        sizes = {"spacing": spacing.psf_sizes, "image_spacing": spacing.image_sizes}
        picture = pixels.reshape([axis.size for axis in self._axes])
        return picture, sizes, (*spacing.notes, *about_colours)

    def _intensities(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Return the pixels of the layer; of a grey picture in colour, the mean of the colours."""
        pixels = np.asarray(self.layer.data)
        if not self.layer.rgb:
            return pixels, ()
        colours = pixels[..., :3]  # the fourth one is transparency
        if np.ptp(colours, axis=-1).max() > GREY_TOLERANCE * colours.max():
            raise InvalidTypeError(
                f"The PSF layer '{self.layer.name}' is a colour picture; choose one with a single "
                "intensity per pixel, such as one of its channels (right-click the layer: 'Split "
                "RGB')."
            )
        return colours.mean(axis=-1), ("its colours, which are all equal, were averaged",)

    @property
    def _axes(self) -> tuple[Axis, ...]:
        """The axes without those of length 1 before the last two."""
        return tuple(self.layer.axes[k] for k in self._indices)

    @property
    def _indices(self) -> tuple[int, ...]:
        axes = self.layer.axes
        return tuple(k for k, a in enumerate(axes) if a.size != 1 or k >= len(axes) - 2)

    def _spacing(self, source: Source) -> Spacing:
        """Return the pixel sizes of both layers in one unit."""
        return compare_spacing(self._axes, source.frame(self.ndim).axes)


@dataclass(frozen=True)
class BeadPSFSettings:
    """Settings that measure the PSF from a picture of beads in a file; see `PSFSettings`.

    Attributes
    ----------
    path : str
        The file.
    open_file : callable
        Function that opens the image of a file as a layer.
    window : int or None
        See `LayerPSF`.
    """

    path: str
    open_file: OpenFile = field(compare=False, repr=False)
    window: int | None = None

    def choose_psf(
        self, source: Source, ndim: int, channel: int = 0, channels: int = 1
    ) -> tuple[Source, PSFKind]:
        """Return the PSF of the present file."""
        return source, LayerPSF(read_source(self.open_file(self.path)), self.window)

    def record(self) -> dict[str, Any]:
        """Return the kind, the file, and the window of beads that are not round."""
        return {"kind": LayerPSF.name, "path": self.path, **_window_entry(self.window)}


def read_window(record: Mapping[str, Any]) -> int | None:
    """Return the window of a record of beads; None for round beads."""
    window: int | None = check.optional(check.count)(record.get("window"))
    return window


def _window_entry(window: int | None) -> dict[str, Any]:
    """Return the entry of a window for a record; none for round beads."""
    return {} if window is None else {"window": window}
