"""The page as one HTML document that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from ..render.html import escaped
from .bundle import bundle, style
from .data import PageData

START = """
modules["page"].mount(
  document.getElementById("page"), JSON.parse(document.getElementById("data").textContent), functions, { own: true });
"""


def document(data: PageData) -> str:
    """The page's HTML.

    Its policy allows its own script and style sheet, known by their digests, and nothing else: no request, no other
    script, no frame.

    Args:
        data: what it is made of.
    """
    script = f"{bundle()}\nconst functions = {data.functions};\n{START}"
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style())}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = escaped(data.table["title"])
    return (
        f'<!DOCTYPE html>\n<html lang="{data.table["lang"]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{style()}</style>\n</head>\n<body>\n"
        f'<main id="page"></main>\n'
        f"<noscript><p>{title}: this page computes its numbers, and needs JavaScript.</p></noscript>\n"
        f'<script type="application/json" id="data">{json_text(data.table)}</script>\n<script>{script}</script>\n'
        "</body>\n</html>\n"
    )


def json_text(table: Any) -> str:
    """JSON that may stand in a script element."""
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return visible_in_script(text)


def visible_in_script(text: str) -> str:
    """Text of JSON with nothing in it that could end the element or a line of script."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
