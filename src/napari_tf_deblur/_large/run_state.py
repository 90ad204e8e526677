"""Store the state of a run as plain data, so that an interrupted run can continue."""

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.packages import list_versions
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.lazy_arrays import read_region
from napari_tf_deblur._large.options import result_options
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._large.pieces import PieceGrid
from napari_tf_deblur._large.sample_calibration import SampleCalibration
from napari_tf_deblur._large.samples import Samples
from napari_tf_deblur._preparation.arguments import Arguments, CalibrationArguments
from napari_tf_deblur._run.verdict import Verdict
from napari_tf_deblur._storage.regions import Region, full_region

ARGUMENTS_WITH_FINGERPRINT = {"image", "psf", "mask"}
"""Arguments that have their own fingerprints."""

Fingerprints = dict[str, str]
"""Digests that distinguish runs, by the name of what may differ; see `DIFFERENCE_TEXTS`."""


@dataclass(frozen=True)
class RunState:
    """What all pieces of a run share.

    Attributes
    ----------
    fingerprints : dict of str to str
        Digests that distinguish the run from other runs.
    piece_grid : PieceGrid
        The pieces.
    plan_summary : str
        Number and size of the pieces; see `Plan.summary_text`.
    sample_calibration : SampleCalibration
        What was found from samples of the image.
    """

    fingerprints: Fingerprints
    piece_grid: PieceGrid
    plan_summary: str
    sample_calibration: SampleCalibration

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain data. Of the samples, it contains the regions only."""
        calibration = self.sample_calibration
        samples, result = calibration.samples, calibration.sample_result
        return {
            "marks": self.fingerprints,
            "cut": asdict(self.piece_grid),
            "words": self.plan_summary,
            "recipe": calibration.piece_solver.to_dict(),
            "regions": [[[s.start, s.stop] for s in region] for region in samples.regions],
            "looked_at": samples.candidate_count,
            "unread": samples.unreadable_count,
            "losses": [float(loss) for loss in result.loss_history],
            "converged": result.converged,
            "seconds": result.seconds,
            "verdict": asdict(result.verdict),
            "warnings": list(map(str, result.warnings)),
            "warning_kinds": [warning.kind for warning in result.warnings],
            "blur": None if result.blur is None else _blur_to_dict(result.blur),
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], samples: Samples) -> Self:
        """Restore a state from the data of :meth:`to_dict`, and its samples.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the data are damaged.
        """
        from napari_tf_deblur._run.deconvolution import Deconvolution

        solver = PieceSolver.from_dict(table["recipe"])
        blur = None if table["blur"] is None else _blur_from_dict(table["blur"])
        solver = replace(solver, calibration=replace(solver.calibration, blur=blur))
        losses = np.asarray(table["losses"], np.float32)
        no_pixels = np.zeros(0, np.float32)
        result = Deconvolution(
            image=no_pixels,
            residual=no_pixels,
            loss_history=losses,
            iterations=len(losses),
            converged=bool(table["converged"]),
            calibration=solver.calibration,
            blur=blur,
            seconds=float(table["seconds"]),
            verdict=_verdict_from_dict(table["verdict"]),
            warnings=_read_warnings(table),
            global_values=solver.calibration.global_values,
        )
        grid = PieceGrid(**{name: tuple(map(int, sizes)) for name, sizes in table["cut"].items()})
        calibration = SampleCalibration(solver, samples, result)
        return cls(dict(table["marks"]), grid, str(table["words"]), calibration)


def read_samples(table: Mapping[str, Any], read: Callable[[Region], NDArray[Any]]) -> Samples:
    """Read the samples of an earlier run again.

    Parameters
    ----------
    table : mapping
        The state of the run, as data of `RunState.to_dict`.
    read : callable
        Function that reads a region of the image.
    """
    regions = tuple(tuple(slice(*ends) for ends in region) for region in table["regions"])
    pixels = np.stack([read(region) for region in regions])
    return Samples(regions, pixels, int(table["looked_at"]), int(table["unread"]))


def fingerprint_run(
    arguments: Arguments, image: LargeImage, dtype: np.dtype[Any]
) -> Generator[None, None, Fingerprints]:
    """Compute the fingerprints of a run, without that of its image.

    The whole mask is read, block by block.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run.
    image : LargeImage
        The image and its mask.
    dtype : dtype
        Type of the pixels of the result.

    Yields
    ------
    None
        After each block of the mask.

    Returns
    -------
    dict of str to str
        The fingerprints of version, settings, PSF and mask.
    """
    from dask.base import tokenize

    names = {*_field_names(CalibrationArguments), *result_options()} - ARGUMENTS_WITH_FINGERPRINT
    settings = {name: getattr(arguments, name) for name in sorted(names)}
    settings["channel_axis"] = image.channel_axis
    spacing = arguments.spacing
    settings["spacing"] = None if spacing is None else np.ravel(spacing).astype(float).tolist()
    return {
        "version": _package_versions(),
        "settings": tokenize(settings, str(dtype)),
        "PSF": _digest_psf(arguments.psf),
        "mask": (yield from _digest_mask(image.mask)),
    }


def fingerprint_image(image: LargeImage, samples: Samples) -> Fingerprints:
    """Compute the fingerprint of an image from its shape, dtype and the pixels of its samples."""
    digest = hashlib.sha256(repr((image.shape, str(image.data.dtype))).encode())
    digest.update(repr(samples.regions).encode())
    digest.update(np.ascontiguousarray(samples.pixels).tobytes())
    return {"image": digest.hexdigest()}


def _field_names(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)}


def _digest_psf(psf: Any) -> str:
    is_estimate = hasattr(psf, "psf")  # a BlurEstimate
    psf = psf.psf() if is_estimate else () if psf is None else psf
    values = np.ascontiguousarray(psf, np.float64)
    return hashlib.sha256(repr((is_estimate, values.shape)).encode() + values.tobytes()).hexdigest()


def _digest_mask(mask: Any) -> Generator[None, None, str]:
    if mask is None:
        return ""
    digest = hashlib.sha256(repr(mask.shape).encode())
    for block in _blocks(mask):
        values = (
            block if isinstance(block, np.ndarray) else read_region(block, full_region(block.shape))
        )
        digest.update(np.packbits(np.not_equal(values, 0)).tobytes())
        yield
    return digest.hexdigest()


def _blocks(mask: Any) -> Any:
    """Yield the blocks of a mask: planes if it is in memory, else its chunks."""
    if isinstance(mask, np.ndarray):
        yield from (mask[k : k + 1] for k in range(len(mask)))
        return
    yield from (mask.blocks[index] for index in product(*map(range, mask.numblocks)))


def _package_versions() -> str:
    versions = list_versions("napari-tf-deblur", "tensorflow", "numpy")
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _blur_to_dict(blur: BlurEstimate) -> dict[str, Any]:
    return {**asdict(blur), "curve": [values.tolist() for values in blur.curve]}


def _blur_from_dict(table: Mapping[str, Any]) -> BlurEstimate:
    widths, fits = (np.asarray(values) for values in table["curve"])
    for values in (widths, fits):
        values.flags.writeable = False
    return BlurEstimate(**{**table, **_tuples(table, "sigma", "interval"), "curve": (widths, fits)})


def _read_warnings(table: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Restore warnings; the kind is "other" if the file was written by a version without kinds."""
    texts = table["warnings"]
    kinds = table.get("warning_kinds") or ["other"] * len(texts)
    return tuple(Notice.of_file(kind, text) for kind, text in zip(kinds, texts, strict=True))


def _verdict_from_dict(table: Mapping[str, Any]) -> Verdict:
    return Verdict(**{**table, **_tuples(table, "others")})


def _tuples(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return some entries with the lists of JSON turned into tuples."""
    return {name: _as_tuple(table[name]) for name in names}


def _as_tuple(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_as_tuple(part) for part in value)
    return value
