"""Text that others wrote is shown as text."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from chalkgrad.base.text import visible


@pytest.mark.parametrize("text", ["W1", "Zoë Müller-Łukasz", "網絡", "a\u200cb", "∂E/∂w1", "back\\slash", "👩‍🔬"])
def test_what_can_be_read_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Eve\x1b[2J", "Eve\\x1b[2J"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("non\u00a0breaking", "non breaking"),
        ("\ud800", "\\ud800"),
        ("\U000e0041tag", "\\U000e0041tag"),
    ],
)
def test_what_does_something_else_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_character_controls_or_reorders() -> None:
    places = (
        *range(0x40000),
        *range(0xE0000, 0xE1000),
        0xF0000,
        sys.maxunicode,
    )  # no character is assigned between them
    left = visible("".join(map(chr, places)))
    assert not {unicodedata.category(c) for c in left} & {"Cc", "Zl", "Zp", "Cs"}
    turning = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
    assert not {unicodedata.bidirectional(c) for c in left} & turning
