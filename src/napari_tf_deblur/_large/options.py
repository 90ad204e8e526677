"""Which options of a run count for the pieces of an image, as their declarations say."""

from napari_tf_deblur._core.parameters import options_of, parameters_of
from napari_tf_deblur._preparation.run_options import RunOptions


def result_options() -> tuple[str, ...]:
    """Return the names of the options that make another result."""
    return tuple(
        name
        for name, annotation in parameters_of(RunOptions).items()
        if not options_of(annotation).get("same_result")
    )


def piece_options() -> tuple[str, ...]:
    """Return the names of the options that each piece of an image is run with.

    What the others ask for, the method's values and the plan of the pieces say.
    """
    declared = parameters_of(RunOptions)
    return tuple(n for n in result_options() if not options_of(declared[n]).get("in_method"))
