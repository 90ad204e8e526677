"""The Python of the README, of the site's pages and of its notebook runs, in order, page by page.

A block that begins with "python needs: WHAT" is compiled only: it needs what a test does not have.
What needs "a checkout" is a file that a page for developers adds; tests of their own run those.
A block of ``>>>`` lines is a doctest. Pages find a ``viewer`` without a window.
"""

import doctest
import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

CHECKOUT = Path(__file__).parent.parent
DOCS = CHECKOUT / "docs"
BLOCK = re.compile(r"^```(?:\{code-block\} )?python(?: needs: ([^\n]+))?\n(.*?)^```", re.M | re.S)

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="needs the checkout")

AS_USERS_DO = ("README.md", "notebook.ipynb")
"""Pages whose runs find weights by trials; to be quick, others do not."""


def _blocks(page):
    """What each block needs, if a test does not have it, and its code."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text("utf-8"))["cells"]
        return [("", "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    return BLOCK.findall(page.read_text("utf-8"))


def _pages():
    written = [CHECKOUT / "README.md", *DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    return sorted(page for page in written if "_build" not in page.parts and _blocks(page))


@pytest.fixture(scope="module")
def viewer():
    """Layers as in napari's console, without a window."""
    from napari.components import ViewerModel

    return ViewerModel()


def _parameter(page):
    marks = pytest.mark.finds_weight if page.name in AS_USERS_DO else ()
    return pytest.param(page, id=page.relative_to(CHECKOUT).as_posix(), marks=marks)


@pytest.mark.parametrize("page", [_parameter(page) for page in _pages()])
def test_code_of_page_runs(page, viewer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    viewer.layers.clear()
    names = {"viewer": viewer, "__name__": "page"}
    for number, (needed, code) in enumerate(_blocks(page), 1):
        name = f"{page.name}, block {number}"
        if needed:
            compile(code, name, "exec")
        elif code.startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(code, names, name, str(page), 0)
            failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(
                example, clear_globs=False
            )
            assert not failed, name
            names = example.globs
        else:
            exec(compile(code, name, "exec"), names)


def test_blocks_that_do_not_run_are_few():
    blocks = [block for page in _pages() for block in _blocks(page)]
    skipped = [needed for needed, _ in blocks if needed not in ("", "a checkout")]
    assert len(skipped) <= len(blocks) / 10, skipped


def _block(page, line):
    """The block of a page for developers that has a line."""
    (code,) = [code for _, code in _blocks(DOCS / "developers" / page) if line in code]
    return code


@pytest.fixture
def as_module(monkeypatch):
    """Make a module of code, as if it were a file of the package."""

    def make(name, code):
        module = ModuleType(f"napari_tf_deblur.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(code, name, "exec"), vars(module))
        return module

    return make


def test_the_method_that_a_page_adds_deblurs(as_module, monkeypatch):
    from napari_tf_deblur import convolve, deconvolve, gaussian_psf, methods

    page = "add-a-method.md"
    method = as_module("methods.landweber", _block(page, "class Landweber(")).Landweber
    monkeypatch.setattr(methods, "Landweber", method, raising=False)
    as_module("_solvers.landweber", _block(page, "def _compiled("))
    for name, module in list(sys.modules.items()):
        if name.startswith("napari_tf_deblur") and "METHODS" in vars(module):
            monkeypatch.setattr(module, "METHODS", (*methods.METHODS, method))
    scene, psf = np.zeros((64, 64)), gaussian_psf(1.5)
    scene[20:40, 20:50] = 1
    image = convolve(scene, psf)
    result = deconvolve(image, psf, method())
    assert np.all(np.diff(result.loss_history) < 0)
    assert np.std(result.image - scene) < 0.8 * np.std(image - scene)


def test_the_solver_without_a_loop_of_a_page_blurs(as_module, monkeypatch):
    from napari_tf_deblur import Wiener, convolve, deconvolve, gaussian_psf

    as_module("_solvers.once_more", _block("add-a-method.md", "class FinishedEstimate"))
    monkeypatch.setattr(Wiener, "solver", "once_more")
    image, psf = convolve(np.eye(64), gaussian_psf(1.5), boundary="periodic"), gaussian_psf(1.5)
    result = deconvolve(image, psf, Wiener(balance=0.01), boundary="periodic")
    np.testing.assert_allclose(result.image, convolve(image, psf, boundary="periodic"), atol=1e-5)
    assert result.converged
    assert result.iterations == 1


def test_the_kind_of_psf_that_a_page_adds_is_one(as_module, monkeypatch):
    from napari.layers import Image

    from napari_tf_deblur._core import psf_shapes
    from napari_tf_deblur._layers.source import read_source

    names = {**vars(psf_shapes)}
    exec(_block("add-a-psf-kind.md", "def moffat_psf("), names)
    monkeypatch.setattr(psf_shapes, "moffat_psf", names["moffat_psf"], raising=False)
    module = as_module("_layers.psf_kinds.moffat", _block("add-a-psf-kind.md", "class MoffatPSF("))
    psf, source = module.MoffatPSF(2.0), read_source(Image(np.eye(64), name="stars"))
    psf.check(source)
    array, _ = psf.array(source)
    assert array.sum() == pytest.approx(1)
    assert array[array.shape[0] // 2, array.shape[1] // 2 + 2] == pytest.approx(array.max() / 2)
    assert psf.describe_width(source) == "Star of half width 2 px"
    assert module.MoffatPSF.from_record(psf.record(source)) == psf
    with pytest.raises(ValueError, match="only 64 x 64 pixels"):
        module.MoffatPSF(50.0).check(source)


def test_files_that_pages_link_to_are_there():
    for page in [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        if "_build" not in page.parts:
            for name in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
                assert (page.parent / name).exists(), f"{page}: {name}"


def test_what_the_reference_describes_is_there():
    for page in DOCS.rglob("*.md"):
        for path in re.findall(r"^\.\. auto\w+:: napari_tf_deblur\.(\S+)$", page.read_text(), re.M):
            module, _, name = f"napari_tf_deblur.{path}".rpartition(".")
            assert hasattr(importlib.import_module(module), name), f"{page}: {path}"


def test_every_public_name_is_in_the_reference():
    import napari_tf_deblur

    text = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    described = set(re.findall(r":: napari_tf_deblur\.(\w+)$", text, re.M))
    assert described >= set(napari_tf_deblur.__all__)


def test_findings_are_listed():
    page = (DOCS / "developers" / "findings.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+\.sh)`", page, re.M)) == {
        p.name for p in CHECKOUT.glob("findings/*.sh")
    }
