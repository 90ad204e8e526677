"""What a run keeps, so that it can go on: what tells it from others, and what its pieces share."""

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
"""Arguments that have marks of their own."""

Fingerprints = dict[str, str]
"""What tells one run from another: what may differ, in words, and a digest of it."""


@dataclass(frozen=True)
class RunState:
    """What is kept of a run besides its pieces.

    Attributes
    ----------
    marks : dict of str to str
        What tells it from other runs.
    cut : Cut
        Its pieces.
    words : str
        How it was planned.
    found : Calibrated
        What was found from samples.
    """

    fingerprints: Fingerprints
    piece_grid: PieceGrid
    plan_summary: str
    sample_calibration: SampleCalibration

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; of the samples, their places only."""
        found, done = self.sample_calibration, self.sample_calibration.sample_result
        return {
            "marks": self.fingerprints,
            "cut": asdict(self.piece_grid),
            "words": self.plan_summary,
            "recipe": found.piece_solver.to_dict(),
            "regions": [[[s.start, s.stop] for s in region] for region in found.samples.regions],
            "looked_at": found.samples.candidate_count,
            "unread": found.samples.unreadable_count,
            "losses": [float(loss) for loss in done.loss_history],
            "converged": done.converged,
            "seconds": done.seconds,
            "verdict": asdict(done.verdict),
            "warnings": list(map(str, done.warnings)),
            "warning_kinds": [warning.kind for warning in done.warnings],
            "blur": None if done.blur is None else _blur_to_dict(done.blur),
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], samples: Samples) -> Self:
        """Make it of what :meth:`to_dict` gave, and of its samples."""
        from napari_tf_deblur._run.deconvolution import Deconvolution

        recipe = PieceSolver.from_dict(table["recipe"])
        blur = None if table["blur"] is None else _blur_from_dict(table["blur"])
        recipe = replace(recipe, calibration=replace(recipe.calibration, blur=blur))
        losses = np.asarray(table["losses"], np.float32)
        nothing = np.zeros(0, np.float32)
        done = Deconvolution(
            image=nothing,
            residual=nothing,
            loss_history=losses,
            iterations=len(losses),
            converged=bool(table["converged"]),
            calibration=recipe.calibration,
            blur=blur,
            seconds=float(table["seconds"]),
            verdict=_verdict_from_dict(table["verdict"]),
            warnings=_warnings_of(table),
            global_values=recipe.calibration.global_values,
        )
        cut = PieceGrid(**{name: tuple(map(int, sizes)) for name, sizes in table["cut"].items()})
        found = SampleCalibration(recipe, samples, done)
        return cls(dict(table["marks"]), cut, str(table["words"]), found)


def read_samples(table: Mapping[str, Any], read: Callable[[Region], NDArray[Any]]) -> Samples:
    """Read the samples of a run that is kept as plain data again."""
    places = tuple(tuple(slice(*ends) for ends in region) for region in table["regions"])
    pixels = np.stack([read(place) for place in places])
    return Samples(places, pixels, int(table["looked_at"]), int(table["unread"]))


def fingerprint_run(
    arguments: Arguments, image: LargeImage, dtype: np.dtype[Any]
) -> Generator[None, None, Fingerprints]:
    """Return what tells a run from another, but for the pixels of its image.

    A mask is read, all of it, block by block.

    Parameters
    ----------
    arguments : Arguments
        What is asked for.
    image : LargeImage
        The image and its mask.
    dtype : dtype
        Of the result.

    Yields
    ------
    None
        After each block of the mask.
    """
    from dask.base import tokenize

    asked = {*_names(CalibrationArguments), *result_options()} - ARGUMENTS_WITH_FINGERPRINT
    told = {name: getattr(arguments, name) for name in sorted(asked)}
    told["channel_axis"] = image.channel_axis
    spacing = arguments.spacing
    told["spacing"] = None if spacing is None else np.ravel(spacing).astype(float).tolist()
    return {
        "version": _versions(),
        "settings": tokenize(told, str(dtype)),
        "PSF": _digest_of_psf(arguments.psf),
        "mask": (yield from _digest_of_mask(image.mask)),
    }


def fingerprint_image(image: LargeImage, samples: Samples) -> Fingerprints:
    """Return what tells an image from others: its shape, and its pixels where samples are."""
    digest = hashlib.sha256(repr((image.shape, str(image.data.dtype))).encode())
    digest.update(repr(samples.regions).encode())
    digest.update(np.ascontiguousarray(samples.pixels).tobytes())
    return {"image": digest.hexdigest()}


def _names(arguments: Any) -> set[str]:
    return {field.name for field in fields(arguments)}


def _digest_of_psf(psf: Any) -> str:
    found = hasattr(psf, "psf")  # a blur that was found in an image
    values = np.ascontiguousarray(psf.psf() if found else () if psf is None else psf, np.float64)
    return hashlib.sha256(repr((found, values.shape)).encode() + values.tobytes()).hexdigest()


def _digest_of_mask(mask: Any) -> Generator[None, None, str]:
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
    """Yield the parts of a mask: along its first axis in memory, and else as it is stored."""
    if isinstance(mask, np.ndarray):
        yield from (mask[k : k + 1] for k in range(len(mask)))
        return
    yield from (mask.blocks[place] for place in product(*map(range, mask.numblocks)))


def _versions() -> str:
    versions = list_versions("napari-tf-deblur", "tensorflow", "numpy")
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _blur_to_dict(blur: BlurEstimate) -> dict[str, Any]:
    return {**asdict(blur), "curve": [values.tolist() for values in blur.curve]}


def _blur_from_dict(table: Mapping[str, Any]) -> BlurEstimate:
    widths, fits = (np.asarray(values) for values in table["curve"])
    for values in (widths, fits):
        values.flags.writeable = False
    return BlurEstimate(**{**table, **_tuples(table, "sigma", "interval"), "curve": (widths, fits)})


def _warnings_of(table: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Make warnings of their texts, and of their kinds unless a version kept none."""
    texts = table["warnings"]
    kinds = table.get("warning_kinds") or ["other"] * len(texts)
    return tuple(Notice.of_file(kind, text) for kind, text in zip(kinds, texts, strict=True))


def _verdict_from_dict(table: Mapping[str, Any]) -> Verdict:
    return Verdict(**{**table, **_tuples(table, "others")})


def _tuples(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return some entries with tuples for the lists that JSON made of them."""
    return {name: _as_tuple(table[name]) for name in names}


def _as_tuple(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_as_tuple(one) for one in value)
    return value
