"""PSFs between napari and the core: as fields say, as a layer shows, as a layer holds."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_tf_deblur._layers.adding import adding
from napari_tf_deblur._layers.source import KEY, Source, is_length, read
from napari_tf_deblur.bead import measured_psf
from napari_tf_deblur.psf import gaussian_psf

PSF_NAME = "PSF"
PSFArray = NDArray[np.float32]


@dataclass(frozen=True)
class GaussianPSF:
    """A Gaussian PSF, by the arguments of :func:`~napari_tf_deblur.gaussian_psf`.

    Where no size is given and its tails reach beyond the image, they are cut.
    """

    sigma: tuple[float, ...]
    size: int | tuple[int, ...] | None = None
    angle: float = 0.0

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF, no larger than the image, and what was done to it, in words."""
        psf = gaussian_psf(self.sigma, self.size, angle=self.angle)
        middle = self._middle(psf.shape, source)
        if middle is None:
            return psf, ()
        psf = psf[tuple(slice(start, stop) for start, stop in middle)]
        return psf, (f"cut to {' x '.join(str(n) for n in psf.shape)} pixels to fit the image",)

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        python = f"gaussian_psf({self.sigma}, {self.size}, angle={self.angle})"
        whole = gaussian_psf(self.sigma, self.size, angle=self.angle)
        if middle := self._middle(whole.shape, source):
            python += f"[{', '.join(f'{start}:{stop}' for start, stop in middle)}]"
        return {"kind": "gaussian", **asdict(self), "python": python}

    def _middle(self, shape: Sequence[int], source: Source) -> list[tuple[int, int]] | None:
        """Return the odd middle of each axis that the image can hold; None for all of it."""
        frame = source.shape[-len(shape) :]
        fits = all(n <= m for n, m in zip(shape, frame, strict=False))
        if self.size is not None or fits or 0 in frame:
            return None
        cut = [max(0, (n - m + 1) // 2) for n, m in zip(shape, frame, strict=False)]
        return [(start, n - start) for start, n in zip(cut, shape, strict=False)]


@dataclass(frozen=True)
class ArrayPSF:
    """A PSF that is used as it is given."""

    values: Any

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF and what was done to it: nothing."""
        return np.asarray(self.values), ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": "array", "array": self.values, "python": "psf"}


@dataclass(frozen=True)
class MeasuredPSF:
    """A PSF that an image layer shows, with the voxel size of that layer."""

    layer: Source

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF on the voxels of `source`, and what was done to it, in words."""
        psf = self.layer
        if psf.rgb:
            raise TypeError(
                f"The PSF layer '{psf.name}' is a colour picture; choose one with a single "
                "intensity per pixel."
            )
        if psf.ndim > min(source.ndim, 3):
            raise ValueError(
                f"The PSF layer '{psf.name}' has {psf.ndim} axes and the image "
                f"'{source.name}' has {source.ndim}; a PSF has at most 3, and no more than "
                "its image."
            )
        spacing, note = _spacing_in(psf, source.units[-psf.ndim :])
        values, notes = measured_psf(
            np.asarray(psf.data), spacing=spacing, image_spacing=source.spacing[-psf.ndim :]
        )
        return values, (note, *notes) if note else notes

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return {"kind": "measured", "layer": self.layer.name, "python": "psf"}


AnyPSF = GaussianPSF | ArrayPSF | MeasuredPSF


def psf_from(psf: object) -> AnyPSF:
    """Take a PSF as a layer or as an array."""
    return MeasuredPSF(read(psf)) if isinstance(psf, Layer) else ArrayPSF(psf)


def find_psf_layer(viewer: ViewerModel) -> Image | None:
    """Return the layer in which the PSF is shown, if it is there."""
    for layer in viewer.layers:
        if isinstance(layer, Image) and layer.metadata.get(KEY, {}).get("kind") == "psf":
            return layer
    return None


def showing_psf(viewer: ViewerModel, source: Source, psf: GaussianPSF) -> Iterator[bool | None]:
    """Show a Gaussian PSF in its one layer, in the first corner of its image.

    The layer is named "PSF"; one that is there already is changed in place.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to show it.
    source : Source
        The image to which it belongs; it has the same pixels, units and orientation.
    psf : GaussianPSF
        The PSF.

    Yields
    ------
    None
        Between its pieces, if the layer is new or of another number of axes.
    """
    values, _ = psf.array(source)
    looks = _in_corner(source, values.shape)
    metadata = {KEY: {"kind": "psf", "source": source.name, "psf": psf.record(source)}}
    limits = (0.0, float(values.max()))
    layer = find_psf_layer(viewer)
    if layer is not None and layer.ndim == values.ndim:
        for name, value in looks.items():
            if not np.array_equal(getattr(layer, name), value):
                setattr(layer, name, value)
        if np.array_equal(layer.data, values):
            return
        layer.data = values
        layer.metadata = metadata
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        return
    if layer is not None:
        # Not now: napari may be about to remove a layer itself, and would crash.
        yield None
        if layer not in viewer.layers:
            return  # the user was faster
        viewer.layers.remove(layer)
    layer = Image(
        values,
        name=PSF_NAME,
        metadata=metadata,
        contrast_limits=limits,
        colormap="magma",
        blending="additive",
        rgb=False,
        multiscale=False,
        **looks,
    )
    yield from adding(viewer, layer, select=False)


def _in_corner(source: Source, shape: Sequence[int]) -> dict[str, Any]:
    """Place an array of this shape in the first corner of the image, at half its depth."""
    ndim = len(shape)
    last = list(range(source.ndim - ndim, source.ndim))
    affine = Affine(affine_matrix=np.asarray(source.state["affine"]))
    place = affine.inverse.compose(source.place).set_slice(last)
    corner = np.zeros(ndim)
    corner[:-2] = [(n - m) // 2 for n, m in zip(source.shape[-ndim:-2], shape, strict=False)]
    oblique = _is_oblique(place)  # else, napari would take a mirrored axis for a rotation
    return {
        "scale": place.scale,
        "rotate": place.rotate if oblique else np.eye(ndim),
        "shear": place.shear if oblique else np.zeros(ndim * (ndim - 1) // 2),
        "translate": place.translate + place.linear_matrix @ corner,
        "affine": affine.set_slice(last),
        "units": source.state["units"][-ndim:],
        "axis_labels": source.state["axis_labels"][-ndim:],
    }


def _is_oblique(place: Affine) -> bool:
    matrix = place.linear_matrix
    return not np.allclose(matrix, np.diag(np.diag(matrix)))


def _spacing_in(psf: Source, units: Sequence[str]) -> tuple[tuple[float, ...] | None, str]:
    """Return the voxel size of a PSF in the image's units; None if it has no voxel size."""
    from pint import get_application_registry

    if all(is_length(unit) for unit in (*psf.units, *units)):
        unit = get_application_registry().Unit
        factors = [
            float((1 * unit(of_psf)).to(unit(of_image)).magnitude)
            for of_psf, of_image in zip(psf.units, units, strict=True)
        ]
        return tuple(s * f for s, f in zip(psf.spacing, factors, strict=True)), ""
    same_kind = tuple(psf.units) == tuple(units)
    if same_kind and not np.allclose(psf.spacing, 1):
        return psf.spacing, ""
    return None, "the PSF layer has no voxel size of its own, the image's is taken"
