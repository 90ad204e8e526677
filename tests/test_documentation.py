"""The Python of the README, of the site's pages and of its notebook runs, in order, page by page.

A block that begins with "python needs: WHAT" is compiled only: it needs what a test does not have.
A block of ``>>>`` lines is a doctest. Pages find a ``viewer`` without a window.
"""

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
DOCS = CHECKOUT / "docs"
BLOCK = re.compile(r"^```(?:\{code-block\} )?python(?: needs: (.+))?\n(.*?)^```", re.M | re.S)

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
    skipped = [needed for needed, _ in blocks if needed]
    assert len(skipped) <= len(blocks) / 10, skipped


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
