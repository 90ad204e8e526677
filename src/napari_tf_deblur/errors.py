"""The errors of this package, whose messages are sentences for the user."""

from napari_tf_deblur._core.errors import (
    FileInTheWayError,
    InvalidTypeError,
    InvalidValueError,
    MissingPackageError,
    OutOfMemoryError,
    PiecesFailedError,
    SolverLostError,
    StoppedError,
    TensorFlowUnavailableError,
    UserError,
)

__all__ = [
    "FileInTheWayError",
    "InvalidTypeError",
    "InvalidValueError",
    "MissingPackageError",
    "OutOfMemoryError",
    "PiecesFailedError",
    "SolverLostError",
    "StoppedError",
    "TensorFlowUnavailableError",
    "UserError",
]
