"""The docs site: python -m sphinx -W --keep-going -b html docs docs/_build."""

from __future__ import annotations

import sys
from pathlib import Path

import chalkgrad

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "chalkgrad"
author = copyright = "The chalkgrad developers"
version = release = chalkgrad.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "catalogue", "commands", "docstrings", "links"]
exclude_patterns = ["_build", "jupyter_execute"]

# Markdown, and the notebooks of the tutorial, whose cells run here
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_in_temp = True
nb_merge_streams = True
nb_code_prompt_show, nb_code_prompt_hide = "Show the answer", "Hide the answer"

# The reference
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_use_rtype = False
default_role = "py:obj"  # `Name` in a docstring is a link where there is such a name, else code

html_theme = "furo"
html_title = "chalkgrad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it would fetch the pages, which a browser refuses on disk
