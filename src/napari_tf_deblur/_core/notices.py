"""What a user should know about a run: sentences that say of what kind they are."""

from typing import Any, Literal, Self, get_args

NoticeKind = Literal[
    "stopped",
    "blank image",
    "blank planes",
    "background too high",
    "saturated pixels",
    "bad pixels",
    "negative values",
    "shared noise",
    "light around the PSF",
    "PSF off centre",
    "PSF larger than the image",
    "PSF found",
    "PSF narrowed",
    "microscope assumed",
    "undersampled",
    "pixel size assumed",
    "pixel sizes differ",
    "smaller pieces",
    "record not written",
    "other",
]
"""What a notice is about; "other" where only its text is known, as out of a file."""

NOTICE_KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)


class Notice(str):
    """A sentence for the user, and what it is about: text that code need not search.

    It is its text wherever text is expected: in a table, in a file, in a comparison. Pickled, it
    keeps its kind.

    Parameters
    ----------
    kind : str
        One of :data:`NOTICE_KINDS`.
    text : str
        The sentence.

    Attributes
    ----------
    kind : str
        What it is about.

    Examples
    --------
    >>> notice = Notice("blank image", "The image is blank.")
    >>> notice
    'The image is blank.'
    >>> notice.kind
    'blank image'
    """

    kind: NoticeKind

    def __new__(cls, kind: NoticeKind, text: str) -> Self:
        """Make it of its kind and its text."""
        notice = super().__new__(cls, text)
        notice.kind = kind
        return notice

    def __getnewargs__(self) -> Any:
        """Return what pickle makes it of."""
        return self.kind, str(self)

    @classmethod
    def of_file(cls, kind: object, text: str) -> Self:
        """Make it of what a file says, which may be anything; an unknown kind is "other"."""
        known: NoticeKind = next((one for one in NOTICE_KINDS if one == kind), "other")
        return cls(known, text)
