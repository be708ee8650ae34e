"""How Sphinx builds the site: `make docs`. Nothing is fetched from the network.

The source folder is the whole checkout, so that links between the pages here, the README and the measured
tables in benchmarks/ are all checked: one that leads nowhere stops the build.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "gan-augmentor"
author = "the gan-augmentor authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "recipe_fields"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}
include_patterns = ["*.md", "docs/**", "benchmarks/*.md", "reports/README.md", "reports/example/report.md"]
# Folders that are not even looked into.
exclude_patterns = [".*", "build", "runs", "augmentor", "tests", "pipelines", "datasets", "docs/_ext"]

html_theme = "furo"
html_title = "gan-augmentor"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False

LITERAL = re.compile(r"(``.*?``|`[^`]*`)")


def escaped(_app: Sphinx, _what: str, _name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Take a docstring's stars as they are: shapes such as (N, C, *S) are no emphasis."""
    for i, line in enumerate(lines):
        parts = LITERAL.split(line)
        parts[::2] = [part.replace("*", "\\*") for part in parts[::2]]
        lines[i] = "".join(parts)


def setup(app: Sphinx) -> None:
    """Connect what is done to docstrings: after napoleon, which makes stars of its own."""
    app.connect("autodoc-process-docstring", escaped, priority=400)
