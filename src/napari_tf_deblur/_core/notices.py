"""Notices: sentences about a run for the user, each with its kind."""

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
    "planes differ",
    "skewed stack",
    "microscope assumed",
    "undersampled",
    "pixel size assumed",
    "pixel sizes differ",
    "smaller pieces",
    "record not written",
    "other",
]
"""Kinds of notices; "other" if only the text is known, for example after reading a file."""

NOTICE_KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)


class Notice(str):
    """A sentence for the user with a kind, so that code need not search the text.

    A notice is a string and behaves as its text: in a table, in a file, in a comparison. It keeps
    its kind when it is pickled.

    Parameters
    ----------
    kind : str
        One of :data:`NOTICE_KINDS`.
    text : str
        The sentence.

    Attributes
    ----------
    kind : str
        One of :data:`NOTICE_KINDS`.

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
        """Create a notice from its kind and its text."""
        notice = super().__new__(cls, text)
        notice.kind = kind
        return notice

    def __getnewargs__(self) -> Any:
        """Return the arguments with which pickle creates the notice again."""
        return self.kind, str(self)

    @classmethod
    def of_file(cls, kind: object, text: str) -> Self:
        """Create a notice from a kind and a text read from a file; an unknown kind is "other"."""
        known: NoticeKind = next((one for one in NOTICE_KINDS if one == kind), "other")
        return cls(known, text)
