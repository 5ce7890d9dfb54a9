"""Links of the pages that lead out of docs/: to the files beside it, and to the pages that chalkgrad itself wrote."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""Files beside docs/, and the page of the site that includes each."""


def onto_the_site(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to files beside docs/ lead to their pages; those to pages/ are links, and nothing to download."""
    text = source[0]
    for file, page in OUTSIDE.items():
        text = text.replace(f"](../{file}", f"]({page}")
    source[0] = re.sub(r"\[([^]]+)\]\((pages/[\w-]+\.html)\)", r'<a href="\2">\1</a>', text)


def copy_pages(app: Sphinx, exception: Exception | None) -> None:
    """docs/pages as they are."""
    if exception is None and app.builder.format == "html":
        shutil.copytree(Path(app.srcdir) / "pages", Path(app.outdir) / "pages", dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", onto_the_site)
    app.connect("build-finished", copy_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
