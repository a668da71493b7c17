"""How the site of the documentation is built: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generated import write_pages  # noqa: E402

from nandoctor import __version__  # noqa: E402

project = "nandoctor"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"nandoctor {__version__}"
html_copy_source = False
html_show_copyright = False
# The keys are a part of another page.
exclude_patterns = ["build", "contract-keys.md"]
# What is not marked as Python is mostly what a terminal shows.
highlight_language = "none"
# "--" is the beginning of an option.
smartquotes = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
myst_heading_anchors = 2

write_pages(HERE)
