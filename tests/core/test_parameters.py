"""A parameter is declared once: argument, documentation and check come from the declaration."""

import inspect
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import pytest

import napari_tf_deblur
from napari_tf_deblur import METHODS, calibrate, deblur_layer, deconvolve, iter_deconvolve
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.parameters import (
    check_parameters,
    describe_fields,
    parameters_of,
    types_of,
    with_arguments_of,
)
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._preparation.run_options import CalibrationOptions, RunOptions

PACKAGE = Path(napari_tf_deblur.__file__).parent


@dataclass(frozen=True)
class Cake:
    """A cake.

    Parameters
    ----------
    flour : str
        What it is made of,
        finely ground.
    eggs : int
        How many.
    """

    flour: str
    eggs: Annotated[int, {"min": 0, "max": 12}] = 2
    butter: Annotated[float, {"above": 0.0, "max": math.inf, "meaning": "in grams"}] = 100.0
    glaze: Literal["none", "sugar"] = "none"

    def __post_init__(self):
        check_parameters(self, "Cake: ")


@with_arguments_of(Cake)
def bake(cake: Cake) -> str:
    """Bake it.

    Returns
    -------
    str
        What it is.
    """
    return f"{cake.flour} {cake.eggs}"


@with_arguments_of(Cake)
def bake_slowly(cake: Cake) -> Generator[int, None, str]:
    """Bake it, step by step."""
    yield cake.eggs
    return cake.flour


def test_a_function_takes_the_arguments_of_its_dataclass():
    assert bake("rye", eggs=3) == "rye 3"
    assert str(inspect.signature(bake)).startswith("(flour: str, eggs: int = 2, butter: float = ")
    assert inspect.signature(bake).return_annotation is str
    assert bake.__doc__.index("What it is made of,") < bake.__doc__.index("Returns\n-------")
    assert "Parameters\n----------\nflour : str\n" in bake.__doc__
    assert "finely ground" in bake_slowly.__doc__
    with pytest.raises(TypeError, match=r"bake\(\): .*'sugar'"):
        bake("rye", sugar=1)
    with pytest.raises(TypeError, match=r"bake_slowly\(\): missing"):
        bake_slowly()


def test_a_generator_checks_its_arguments_when_it_begins():
    steps = bake_slowly("rye", eggs=99)
    with pytest.raises(InvalidValueError, match="'eggs' is 99; it must be a whole number from 0"):
        next(steps)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"eggs": 2.5}, InvalidTypeError, "whole number from 0 to 12."),
        ({"eggs": True}, InvalidTypeError, "whole number"),
        ({"eggs": math.nan}, InvalidValueError, "whole number"),
        ({"butter": 0}, InvalidValueError, "a number above 0: in grams."),
        ({"butter": math.inf}, InvalidValueError, "above 0"),
        ({"butter": None}, InvalidTypeError, "above 0"),
        ({"glaze": "ice"}, InvalidValueError, "choose one of 'none', 'sugar'."),
        ({"glaze": ["none"]}, InvalidValueError, "choose one of"),
    ],
)
def test_each_value_is_checked_against_its_annotation(wrong, error, words):
    with pytest.raises(error) as caught:
        Cake("rye", **wrong)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"Cake: '{next(iter(wrong))}' is")


def test_a_word_that_its_meaning_explains_is_not_said_twice():
    with pytest.raises(InvalidValueError, match=r"'memory' is -1.*gigabytes, or 'auto'") as error:
        RunOptions(memory=-1)
    assert str(error.value).count("'auto'") == 1


def test_meanings_are_those_of_the_docstring():
    assert describe_fields(Cake) == {
        "flour": "What it is made of, finely ground.",
        "eggs": "How many.",
    }
    assert types_of(parameters_of(Cake)["eggs"]) == (int, float)
    for declared in (*METHODS, LayerOptions):
        assert set(describe_fields(declared)) == {field.name for field in fields(declared)}
        assert all(words.endswith(".") for words in describe_fields(declared).values())


def test_every_option_of_a_run_is_an_argument_that_is_described():
    for options, functions in (
        (CalibrationOptions, (calibrate, deconvolve, iter_deconvolve, deblur_layer)),
        (RunOptions, (deconvolve, iter_deconvolve, deblur_layer)),
        (LayerOptions, (deblur_layer,)),
    ):
        for field in fields(options):
            for function in functions:
                parameter = inspect.signature(function).parameters[field.name]
                assert parameter.kind is parameter.KEYWORD_ONLY
                assert parameter.default == field.default
                assert f"\n{field.name} : " in function.__doc__
    assert list(inspect.signature(deconvolve).parameters)[:3] == ["image", "psf", "method"]
    assert "smoothing" not in inspect.signature(calibrate).parameters


NEW = """
    rounds: Annotated[int, {
        "min": 1, "max": 9, "label": "Rounds", "in_name": "{} rounds", "in_words": "{} rounds",
    }] = 1
"""
PROGRAM = """
import inspect, json
import numpy as np
from napari.layers import Image
import napari_tf_deblur as package
from napari_tf_deblur import Wiener, calibrate, deblur_layer, deconvolve, gaussian_psf
from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._files.command import main
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._large.piece_solver import PieceSolver
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._layers.record import check_record, describe_settings
from napari_tf_deblur._storage.record_file import record_from_json, record_to_json
from napari_tf_deblur._layers.result_names import choose_distinct_name
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._large.options import piece_options

assert "rounds" in inspect.signature(deconvolve).parameters
assert "rounds" in inspect.signature(deblur_layer).parameters
assert "How many rounds." in deconvolve.__doc__
assert "rounds" not in inspect.signature(calibrate).parameters
image = np.random.default_rng(0).poisson(100, (24, 24)).astype(np.uint16)
layer = Image(image, name="cells")
done = deblur_layer(layer, gaussian_psf(1), Wiener(balance=0.02), rounds=3)
record = done.metadata["napari_tf_deblur"]
assert record["rounds"] == 3
assert "rounds=3" in record["python"] and "rounds=3" in write_script(record)
assert check_record(record_from_json(record_to_json(record)))["rounds"] == 3
assert describe_settings(record).endswith(" 3 rounds.")
name = choose_distinct_name(record, [{**record, "rounds": 1}])
assert name == "cells deblurred, 3 rounds (Wiener)"
assert piece_options() == ("boundary", "rounds")
found = calibrate(image, gaussian_psf(1), Wiener(balance=0.02))
options = {"boundary": "zero", "rounds": 3}
solver = PieceSolver(gaussian_psf(1), found, options, None, False, None)
again = PieceSolver.from_dict(json.loads(json.dumps(solver.to_dict())))
assert again.options == solver.options
assert solver.piece_arguments(image, None, (slice(0, 0),) * 2).rounds == 3
assert any("--rounds" in one.opts for one in main.params)
settings = Settings(options=LayerOptions(rounds=3))
assert Settings.from_json(settings.as_json()) == settings
assert settings.digest != Settings().digest
for wrong in (0, "3", None):
    try:
        check_record({**record, "rounds": wrong})
    except UserError as error:
        assert "'rounds'" in str(error)
    else:
        raise AssertionError(wrong)
print(package.__file__)
"""


def test_an_option_that_is_added_is_in_signature_record_and_script(tmp_path):
    """In a copy of the package, the declaration has one more line; nothing else is changed."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    declaration = copy / "_preparation" / "run_options.py"
    text = declaration.read_text("utf-8")
    meaning = "    rounds : int, optional\n        How many rounds.\n"
    before = '    """\n\n    smoothing: Annotated['
    assert before in text
    declaration.write_text(text.replace(before, meaning + before) + NEW, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == copy
