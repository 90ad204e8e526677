"""The verdict on a result: a kind, and sentences for the user."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

VerdictKind = Literal[
    "fits",
    "over-smoothed",
    "noise fitted",
    "PSF too wide",
    "PSF too narrow",
    "PSF too short along z",
    "medium not given",
    "saturated",
    "undersampled",
    "hardly blurred",
    "unknown",
]

KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)

PSFAssessment = Literal["not too wide", "untested", "seems soft", "found", "guessed"]
"""What is known of the PSF. A narrower one would be worse ("not too wide"); the image does not tell
("untested"); the image is softer than the PSF makes it ("seems soft"); or the blur was estimated
from the image, with confidence ("found") or without ("guessed")."""

SENTENCES: dict[VerdictKind, str] = {
    "fits": "The result fits the data: what it leaves unexplained looks like noise.",
    "over-smoothed": "The result is smoother than the data: it leaves structure unexplained; try "
    "less smoothing.",
    "noise fitted": "Noise is being fitted: the finest detail of the result is not to be trusted; "
    "try more smoothing.",
    "PSF too wide": "The PSF is probably too wide: the image has finer detail than such a PSF "
    "lets through, and edges may ring; try a narrower PSF, or measure it.",
    "PSF too narrow": "The PSF is probably too narrow, or the sample itself is soft: the image has "
    "less fine detail than such a PSF lets through; try a wider PSF, or measure it.",
    "PSF too short along z": "The image has less detail along z than such a PSF lets through: the "
    "PSF is too short along z, or the objects are long along z; give the mounting medium and the "
    "depth, or measure the PSF.",
    "medium not given": "The result fits the data, but the PSF of this objective depends on the "
    "mounting medium and the depth, and at least one was not given: give both, or measure the PSF.",
    "saturated": "Some pixels are saturated, and the result is wrong near them; mark them as "
    "pixels to ignore, or take the image with less light.",
    "undersampled": "The pixels are too large for this PSF: detail finer than two pixels shows as "
    "false patterns, which no method can undo; take the image with smaller pixels or steps.",
    "hardly blurred": "This PSF hardly blurs the image, so that there is little to gain; check "
    "that its width is in pixels, or keep the image as it is.",
    "unknown": "The image and its result do not tell whether the result is to be believed; "
    "compare it with the image by eye.",
}
"""The sentence for each kind; it says what the user can do."""

FOUND_BLUR_SENTENCES: dict[VerdictKind, str] = {
    "PSF too wide": "The blur that was found in the image is too wide: the image has finer detail "
    "than such a blur lets through, and edges may ring; measure the PSF, or give one that is "
    "known.",
    "hardly blurred": "The image seems hardly blurred, so that there is little to gain; keep the "
    "image as it is, or give a PSF that is known.",
    "undersampled": "The pixels are too large for the blur that was found in the image: detail "
    "finer than two pixels shows as false patterns, which no method can undo; take the image with "
    "smaller pixels.",
}
"""Sentences for runs without a given PSF, whose blur was estimated from the image."""

GUESSED_BLUR_SENTENCES: dict[VerdictKind, str] = FOUND_BLUR_SENTENCES | {
    "PSF too wide": FOUND_BLUR_SENTENCES["PSF too wide"].replace(
        "was found in the image", "was guessed"
    ),
    "hardly blurred": "The image does not tell how blurred it is: a narrow blur was guessed, which "
    "sharpens little; measure the PSF, or give one that is known.",
}
"""Sentences for runs whose blur is a guess. It is narrow on purpose, and says nothing of the
image."""

PSF_SENTENCES: dict[PSFAssessment, str] = {
    "not too wide": "A narrower PSF explains the image worse, so that this one is not too wide; "
    "whether it is too narrow, the image does not tell.",
    "untested": "Whether the PSF is right, this image does not tell.",
    "seems soft": "The image is softer than this PSF makes it: the sample is soft, or the PSF is "
    "too narrow.",
    "found": "The blur was found in the image.",
    "guessed": "But the blur was guessed, because the image does not show it clearly: measure the "
    "PSF, or give one that is known.",
}
"""A second sentence: what is known of the PSF."""

KINDS_WITHOUT_PSF = ("fits", "medium not given", "over-smoothed", "noise fitted")
"""Kinds whose sentence says nothing of the PSF, so that a second sentence follows."""


MAX_NAMED_PLANES = 8
"""Largest number of planes that a verdict names. Set by eye."""


@dataclass(frozen=True)
class Verdict:
    """Whether a result can be believed. ``str(verdict)`` says so in sentences, and what to do.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`. Of several planes, the most frequent kind.
    psf : {"not too wide", "untested", "seems soft", "found", "guessed"} or None
        What is known of the PSF; None if nothing is said of it. The kind "fits" does not mean that
        the PSF is right.
    planes : int
        Number of planes that were judged.
    others : tuple of (str, tuple of str)
        Other kinds, each with the names of its planes.
    unit : str
        What was judged: "plane", or for example "piece".

    Examples
    --------
    >>> print(Verdict("fits"))
    The result fits the data: what it leaves unexplained looks like noise.
    >>> print(Verdict("fits", "untested"))
    The result fits the data: what it leaves unexplained looks like noise. Whether the PSF is \
right, this image does not tell.
    """

    kind: VerdictKind
    psf: PSFAssessment | None = None
    planes: int = 1
    others: tuple[tuple[VerdictKind, tuple[str, ...]], ...] = ()
    unit: str = "plane"

    def __str__(self) -> str:
        """Return the verdict in sentences."""
        by_psf: dict[PSFAssessment | None, dict[VerdictKind, str]]
        by_psf = {"found": FOUND_BLUR_SENTENCES, "guessed": GUESSED_BLUR_SENTENCES}
        sentences = [by_psf.get(self.psf, SENTENCES).get(self.kind, SENTENCES[self.kind])]
        if self.others:
            same = self.planes - sum(len(names) for _, names in self.others)
            rest = "; ".join(f"{kind}: {self._list_planes(names)}" for kind, names in self.others)
            sentences.append(f"This holds for {same} of {self.planes} {self.unit}s; {rest}.")
        if self.psf is not None and self.kind in KINDS_WITHOUT_PSF:
            sentences.append(PSF_SENTENCES[self.psf])
        return " ".join(sentences)

    def without_medium(self) -> "Verdict":
        """Return the verdict on a result whose PSF depends on a medium that was not given."""

        def restrict(kind: VerdictKind) -> VerdictKind:
            return "medium not given" if kind == "fits" else kind

        others = tuple((restrict(kind), names) for kind, names in self.others)
        return replace(self, kind=restrict(self.kind), others=others)

    def _list_planes(self, names: tuple[str, ...]) -> str:
        more = len(names) - MAX_NAMED_PLANES
        named = ", ".join(names[:MAX_NAMED_PLANES]) + (f" and {more} more" if more > 0 else "")
        return f"{self.unit}{'s' * (len(names) > 1)} {named}"


UNKNOWN_VERDICT = Verdict("unknown")


def summarise_verdicts(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Summarise the verdicts on several planes.

    Parameters
    ----------
    verdicts : mapping of str to Verdict
        The verdict on each plane, by the name of the plane.

    Returns
    -------
    Verdict
        The most frequent one, with the other kinds and their planes.
    """
    kinds = Counter(verdict.kind for verdict in verdicts.values())
    most = max(kinds, key=lambda kind: (kinds[kind], kind != "fits"))
    others = {kind: [name for name, v in verdicts.items() if v.kind == kind] for kind in kinds}
    return replace(
        next(verdict for verdict in verdicts.values() if verdict.kind == most),
        planes=len(verdicts),
        others=tuple((kind, tuple(names)) for kind, names in others.items() if kind != most),
    )
