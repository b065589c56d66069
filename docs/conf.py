"""How Sphinx builds these pages: `make docs`. Nothing is fetched, and the pages load nothing from elsewhere."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

project = "diptych"
author = "diptych contributors"
project_copyright = "diptych contributors"
try:
    release = metadata.version("diptych")
except metadata.PackageNotFoundError:
    release = "0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_math_renderer = "mathml"
exclude_patterns = ["_build", "gallery/*/seeds", "gallery/*/.diptych", "gallery/*/report*"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
default_role = "code"
nitpicky = False

# docstrings are numpydoc; types stand in them and in the signatures
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
python_display_short_literal_types = True

html_theme = "furo"
html_title = "diptych"
html_static_path = ["_static"]
html_css_files = ["diptych.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options: dict[str, Any] = {"footer_icons": [], "top_of_page_buttons": []}


def _visit_math(self: Any, node: nodes.Element) -> None:
    """Formulas as MathML, which browsers draw themselves: no script, nothing fetched."""
    block = isinstance(node, nodes.math_block)
    formula = convert(node.astext(), display="block" if block else "inline")
    self.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math, None))
