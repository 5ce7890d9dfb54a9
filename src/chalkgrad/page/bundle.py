"""The page's JavaScript as one script: the modules of `web/` in the order in which they need each other."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

WEB = Path(__file__).parent / "web"
MODULES = (
    "functions", "digits", "machine", "opening", "paths", "mathematics", "interpreter", "board", "dom", "view", "grid",
    "guess", "drawing-view", "lines-view", "opened-view", "training-view", "mistakes-view", "pictures-view",
    "tables-view", "slides", "share", "keys", "page",
)  # fmt: skip
"""The modules, each after those that it imports from."""
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w-]+)\.js";$', re.MULTILINE)
_COMMENT = re.compile(r"/\*\*.*?\*/ ?|^//[^\n]*\n|(?<=[;{}]) // [^\n]*", re.DOTALL | re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)


@cache
def bundle() -> str:
    """The text of a script in which `modules.page.mount` builds the page; each module has its own names."""
    parts = ["const modules = {};"]
    for name in MODULES:
        text = (WEB / f"{name}.js").read_text(encoding="utf-8")
        exported = _EXPORT.findall(text)
        text = _IMPORT.sub(r'const \1 = modules["\2"];', text)
        text = re.sub(r"^export (?=(?:async )?(?:function|class|const) )", "", text, flags=re.MULTILINE)
        text = re.sub(r"\n\s*\n", "\n", _COMMENT.sub("", text))
        parts.append(f'modules["{name}"] = (() => {{\n{text}return {{ {", ".join(exported)} }};\n}})();')
    return "\n".join(parts)


@cache
def style() -> str:
    """The page's style sheet."""
    return (WEB / "page.css").read_text(encoding="utf-8")
