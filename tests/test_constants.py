"""Constants say where they come from; `benchmarks/constants.py` reads and counts them."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def constants():
    spec = spec_from_file_location("constants", REPOSITORY / "benchmarks" / "constants.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    try:
        spec.loader.exec_module(module)
        yield module.all_constants()
    finally:
        del sys.modules[spec.name]


def test_every_tuned_constant_says_where_it_comes_from(constants):
    silent = [f"{one.path}: {one.name}" for one in constants if one.kind == "no reason"]
    assert not silent, f"how benchmarks/constants.py says; missing in {', '.join(silent)}"
    assert sum(one.tuned for one in constants) > 100


def test_the_commands_and_tests_that_are_named_exist(constants):
    named = {
        path
        for one in constants
        for path in re.findall(r"``((?:benchmarks|tests)/[\w/]+\.py)", " ".join(one.doc.split()))
    }
    assert named
    assert not [path for path in named if not (REPOSITORY / path).exists()]


def test_the_constants_that_are_named_exist(constants):
    known = {one.name for one in constants}
    named = {
        (one.path, name)
        for one in constants
        for name in re.findall(r"(?<!`)`(?:\w+\.)?([A-Z][A-Z0-9_]{2,})`(?!`)", one.doc)
    }
    assert named
    assert not [f"{path}: {name}" for path, name in sorted(named) if name not in known]
