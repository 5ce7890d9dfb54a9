"""Glyphs: a value's name in print, W1 as W with a raised (1), y_hat with a hat, mu as the Greek letter."""

from __future__ import annotations

import re
from dataclasses import dataclass

GREEK = ("gamma", "beta", "mu", "alpha", "eps", "eta", "delta", "sigma", "rho", "theta")
WORDS = {"lr": "eta"}
HATS = {"y_hat": "y", "x_hat": "x"}
_NAME = re.compile(
    r"(?:(?P<layer>[A-Za-z]\w*)\.)?(?P<base>[A-Za-z_]+?)(?P<number>\d*)(?P<marks>(?:_data|_new|_unbiased|_before|_\d+)*)\Z"
)
_AVERAGE = re.compile(r"(?P<kind>[mvg])_(?P<of>.+?)(?P<new>_new)?\Z")
_LABEL = re.compile(r"(?P<base>[A-Za-z]+?)(?:_(?P<word>\w+)|(?P<number>\d+))?(?P<primes>'*)\Z")


@dataclass(frozen=True, slots=True)
class Glyph:
    """The parts of a printed name.

    Attributes:
        base: the letter or word; Greek ones by their names.
        hat: whether it has a hat.
        level: the layer's number or name, raised in brackets; may be empty.
        below: a word set below, before the indices (of a label, the parameter of a running average).
        marks: further raised words: "new", "data".
        primes: the number of primes after the base.
    """

    base: str
    hat: bool = False
    level: str = ""
    below: str = ""
    marks: tuple[str, ...] = ()
    primes: int = 0


def glyph(name: str) -> Glyph:
    """The parts of a value's name."""
    average = _AVERAGE.match(name)
    if average and "." not in name:
        return Glyph(average["kind"], below=average["of"], marks=("new",) if average["new"] else ())
    match = _NAME.match(name)
    if match is None:
        return Glyph(name)
    base = match["base"]
    words = [m for m in (match["marks"] or "").split("_") if m]
    position = "".join(f".{m}" for m in words if m.isdigit())  # the second value of its name: a1_2 is level 1.2
    marks = tuple(m for m in words if not m.isdigit())
    while base.startswith("running_"):
        base, marks = base.removeprefix("running_"), ("running", *marks)
    hat = base in HATS
    level = (match["layer"] or match["number"] or "") + position
    return Glyph(HATS.get(base, WORDS.get(base, base)), hat, level, "", marks)


def label_glyph(label: str, mark: str = "") -> Glyph | None:
    """The parts of a document's own name such as w5, h1' or net_o1; None where it is other text."""
    match = _LABEL.match(label)
    if match is None:
        return None
    below = match["word"] or match["number"] or ""
    return Glyph(match["base"], below=below, marks=(mark,) if mark else (), primes=len(match["primes"]))
