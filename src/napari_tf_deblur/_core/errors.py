"""Errors that a user can correct: the message says what is wrong and what to do.

The window shows only the message of these errors. Any other error counts as a bug of the program
and is shown with its traceback.
"""


class UserError(Exception):
    """Base of all errors that a user can correct."""


class InvalidValueError(UserError, ValueError):
    """An argument, an image or a layer has a value that cannot be used."""


class InvalidTypeError(UserError, TypeError):
    """An argument, an image or a layer has a type that cannot be used."""


class OutOfMemoryError(UserError, MemoryError, ValueError):
    """The image is too large for the available memory."""


class PiecesFailedError(UserError, RuntimeError):
    """Some pieces of a large image could not be read, deblurred or written; the others are done."""


class TensorFlowUnavailableError(UserError, ImportError):
    """TensorFlow is not installed, or it is installed but does not load."""


class MissingPackageError(UserError, ImportError):
    """An optional package is missing that this task needs."""


class SolverLostError(UserError):
    """The process that runs TensorFlow ended or hung."""


class StoppedError(UserError):
    """A run was stopped, and did not end at once."""


class FileInTheWayError(UserError, FileExistsError):
    """A file or folder exists already and must not be replaced."""
