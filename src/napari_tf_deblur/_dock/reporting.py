"""Reports errors to the user as notifications of napari."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from napari.utils.notifications import notification_manager, show_error, show_warning

from napari_tf_deblur._core.errors import UserError

Slot = Callable[..., None]


def report_errors(slot: Slot) -> Slot:
    """Wrap a slot so that an exception in it is reported, and not raised in the caller's code.

    Parameters
    ----------
    slot : callable
        A function that napari or Qt calls.
    """

    @wraps(slot)
    def called(*arguments: Any) -> None:
        try:
            slot(*arguments)
        except Exception as error:
            report_error(error)

    return called


def report_error(error: Exception, prefix: str = "") -> None:
    """Notify the user: with a sentence for a `UserError`, otherwise with the traceback.

    Parameters
    ----------
    error : Exception
        The exception.
    prefix : str
        Text before the sentence, such as the name of the image.
    """
    if isinstance(error, UserError):
        show_error(f"{prefix}{error}")
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


def show_warnings(texts: Iterable[str]) -> None:
    """Notify the user of each of some texts, once."""
    for text in dict.fromkeys(texts):
        show_warning(text)
