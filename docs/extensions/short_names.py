"""Lead a short name in a docstring, such as ``:class:`Optics```, to the one object of that name."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    if node.get("refdomain") != "py" or node["reftarget"].startswith(("scipy.", "numpy.")):
        return None
    name = node["reftarget"].rsplit(".", 1)[-1]
    objects = env.domains["py"].objects  # type: ignore[attr-defined]
    # An alias is where the object is defined, besides where the page documents it.
    found = [
        full
        for full, entry in objects.items()
        if full.rsplit(".", 1)[-1] == name and not entry.aliased
    ]
    if len(found) != 1:
        return None
    entry = objects[found[0]]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, text, found[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
