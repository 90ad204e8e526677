"""How Sphinx builds the site: ``python3 .ci/docs.py``."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "extensions"))

project = "napari-tf-deblur"
author = "napari-tf-deblur developers"
copyright = "napari-tf-deblur developers"
version = release = installed_version(project)

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "command_line",
    "mathml",
    "run_options",
    "short_names",
]

# Pages are Markdown (MyST), but for those of the reference, whose docstrings are reStructuredText.
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "extensions", "scripts"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Notebooks and blocks of code run in tests/test_documentation.py, not when the site is built.
nb_execution_mode = "off"

# Each reference within the site must be found.
nitpicky = True
smartquotes = False  # "--option" and "auto" are read as they are typed
nitpick_ignore_regex = [("py:.*", r"scipy\..*")]  # described elsewhere
linkcheck_timeout = 20
linkcheck_ignore = [r"tcp://.*"]  # an example of an address
linkcheck_retries = 2

# Types stand in the docstrings, in words.
autodoc_typehints = "none"
add_module_names = False  # public names are the package's; some of their relatives live in rooms
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True
# Citations are in the text, not as footnotes that numpydoc would number anew.
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "napari-tf-deblur"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "napari-tf-deblur"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navigation_with_keys": False,
}
html_sidebars = {"index": [], "gallery": [], "install": []}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
