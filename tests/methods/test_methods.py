import inspect
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import get_type_hints

import numpy as np
import pytest

from napari_tf_deblur import METHODS, GradientDescent, RichardsonLucy, TotalVariation, Wiener


@pytest.mark.parametrize("method", METHODS)
def test_the_repr_repeats_a_method(method):
    names = {m.__name__: m for m in METHODS}
    assert eval(repr(method()), names) == method()


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_is_described_and_bounded(method):
    hints = get_type_hints(method, include_extras=True)
    for field in fields(method):
        assert f"\n{field.name} : " in inspect.getdoc(method)
        if field.type is not bool and not isinstance(field.default, bool):
            options = getattr(hints[field.name], "__metadata__", None)
            assert options is None or "min" in options[0] or "choices" in options[0]


@pytest.mark.parametrize("method", METHODS)
def test_methods_cannot_be_changed(method):
    name = "short_name"  # which all have, even a method without parameters
    with pytest.raises(FrozenInstanceError):
        setattr(method(), name, 1)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: TotalVariation(weight=-1), ValueError, "'weight' is -1; .* from 0 to 1"),
        (lambda: TotalVariation(weight=np.nan), ValueError, "'weight' is nan"),
        (lambda: TotalVariation(weight="much"), ValueError, "'weight' is 'much'.*or a number"),
        (lambda: TotalVariation(iterations=0), ValueError, "'iterations'"),
        (lambda: TotalVariation(iterations=2.5), TypeError, "whole number"),
        (lambda: TotalVariation(nonnegative=1), TypeError, "True or False"),
        (lambda: RichardsonLucy(iterations=True), TypeError, "whole number"),
        (lambda: Wiener(balance=-1), ValueError, "'balance'"),
        (lambda: GradientDescent(optimizer="newton"), ValueError, "'sgd', 'adam'"),
        (lambda: GradientDescent(prior="flat"), ValueError, "'smoothness', 'tv'"),
    ],
)
def test_bad_parameters(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_function_of_a_module_as_prior_travels_by_its_name():
    method = GradientDescent(prior=np.ptp)
    assert pickle.loads(pickle.dumps(method)) == method
    with pytest.raises((pickle.PicklingError, AttributeError)):  # of which there is no name
        pickle.dumps(GradientDescent(prior=lambda image: image))


def test_what_is_good_is_taken():
    assert TotalVariation(weight=np.float32(0.5)).weight == 0.5
    assert TotalVariation(iterations=np.int64(7)).iterations == 7
    assert GradientDescent(prior=abs).prior is abs
    assert replace(TotalVariation(), weight=0.25).weight == 0.25
