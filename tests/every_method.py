"""Cases for tests of all methods, made from ``METHODS``, so that new methods are included."""

from dataclasses import fields

import pytest

from napari_tf_deblur import METHODS

LOCAL = [method for method in METHODS if method().can_be_cut]
"""All methods except the recipe, whose random start does not turn or move with the image."""

COUNTING = [method for method in METHODS if method().counts_photons]

WITH_WEIGHT = [method for method in METHODS if any(f.name == "weight" for f in fields(method))]


def examples(*tuned, of=METHODS):
    """Return examples of each method: the given ones, or the method with its defaults."""
    assert {type(method) for method in tuned} <= set(of)
    found = []
    for kind in of:
        found += [method for method in tuned if type(method) is kind] or [kind()]
    return found


def of_each(*tuned, of=METHODS):
    """Parametrize a test with the examples of each of these methods."""
    return pytest.mark.parametrize("method", examples(*tuned, of=of), ids=repr)
