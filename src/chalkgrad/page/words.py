"""The page's words in its languages."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ..base.checks import choice

LANGUAGES = ("en", "de", "fr", "es", "zh")


@cache
def _table() -> dict[str, dict[str, str]]:
    return json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))


def words(lang: str) -> dict[str, str]:
    """Every sentence of the page in a language, by its key; "decimal" is the decimal sign.

    Raises:
        OptionError: where the language is unknown.
    """
    choice("page", "lang", lang, LANGUAGES)
    return {key: said[lang] for key, said in _table().items()}
