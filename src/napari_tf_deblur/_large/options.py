"""Select the options of a run that matter for its pieces, by their declarations."""

from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._preparation.run_options import RunOptions


def result_options() -> tuple[str, ...]:
    """Return the names of the options that change the result."""
    return tuple(
        name
        for name, annotation in parameters_of(RunOptions).items()
        if not options_of(annotation).get("same_result")
    )


def piece_options() -> tuple[str, ...]:
    """Return the names of the options that the run on each piece gets.

    The other options are contained in the values of the method, or in the plan of the pieces, or do
    not act in pieces.
    """
    declared = {name: options_of(one) for name, one in parameters_of(RunOptions).items()}
    return tuple(
        name
        for name in result_options()
        if not declared[name].get("in_method") and declared[name].get("in_pieces", True)
    )
