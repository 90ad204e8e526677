"""What a user can mend: errors whose message says what is wrong and what to do about it.

The window shows their message as a sentence; any other error is shown with its traceback,
as a fault of the program.
"""


class UserError(Exception):
    """Base of all errors that a user can mend."""


class InvalidValueError(UserError, ValueError):
    """An argument, an image or a layer has a value that cannot be used."""


class InvalidTypeError(UserError, TypeError):
    """An argument, an image or a layer is of a kind that cannot be used."""


class OutOfMemoryError(UserError, MemoryError, ValueError):
    """The image is too large for the memory at hand."""


class PiecesFailedError(UserError, RuntimeError):
    """Some pieces of a large image could not be read, deblurred or written; the others are done."""


class TensorFlowUnavailableError(UserError, ImportError):
    """TensorFlow is missing, or is installed and does not load."""


class MissingPackageError(UserError, ImportError):
    """A package is missing that only some of the work needs."""


class FileInTheWayError(UserError, FileExistsError):
    """A file or folder is there that must not be replaced."""
