"""How an error reaches the user: as a notification of napari."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from napari.utils.notifications import notification_manager, show_error

from napari_tf_deblur._core.errors import UserError

Slot = Callable[..., None]


def report_errors(slot: Slot) -> Slot:
    """Wrap a slot so that an error in it is reported, and never raised into the user's own call.

    Parameters
    ----------
    slot : callable
        What napari, or Qt, calls.
    """

    @wraps(slot)
    def called(*arguments: Any) -> None:
        try:
            slot(*arguments)
        except Exception as error:
            report_error(error)

    return called


def report_error(error: Exception, before: str = "") -> None:
    """Notify the user: by a sentence if that will do, and else with the traceback.

    Parameters
    ----------
    error : Exception
        What went wrong.
    before : str
        What is put before the sentence, such as the name of the image.
    """
    if isinstance(error, UserError):
        show_error(f"{before}{error}")
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)
