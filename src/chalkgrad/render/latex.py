"""LaTeX of boards, and of mathematics for Markdown and JSON too."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..base.text import visible_lines
from .blocks import Block, Contents, Drawing, Equation, Heading, Listing, Paragraph, Table
from .glyphs import GREEK, Glyph, glyph, label_glyph
from .mathematics import MathPrinter

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "∂": r"$\partial$",
    "∇": r"$\nabla$",
    "δ": r"$\delta$",
    "σ": r"$\sigma$",
    "η": r"$\eta$",
    "ᵀ": r"$^{\mathsf{T}}$",
    "Σ": r"$\Sigma$",
    "⊙": r"$\odot$",
    "×": r"$\times$",
    "½": r"$\frac12$",
    "²": r"$^2$",
}
FUNCTIONS = {
    "exp": r"\exp",
    "log": r"\log",
    "tanh": r"\tanh",
    "sin": r"\sin",
    "cos": r"\cos",
    "max": r"\max",
    "min": r"\min",
}
UNKNOWN = "ĦħĸĿŀŉŦŧſ"
"""Latin letters that pdflatex's font lacks."""
JOINED = re.compile(r"(?<=[-,'`!?])(?=[-,'`])")
"""Places between characters that fonts would join: two hyphens, two quotation marks, a question mark and an accent."""
COMPARISONS = {"<=": r"\le", ">=": r"\ge"}
HEAD = r"""\documentclass[a4paper]{article}
\usepackage[T1]{fontenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,array,longtable}
\setlength{\parindent}{0pt}
\setlength{\parskip}{3pt}
\raggedright
\allowdisplaybreaks
\title{%TITLE%}
\author{}
\date{}
\begin{document}
\section*{%TITLE%}
"""


PROSE = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2026": "..."}
)


def escaped(text: str) -> str:
    """`text` on one line for use outside mathematics; what pdflatex does not know becomes its number."""
    plain = " ".join(text.translate(PROSE).split())
    return JOINED.sub("{}", "".join(map(_character, plain)))


def _code(line: str) -> str:
    """A line of code: every space counts, no two characters become one, and nothing in it can end the listing."""
    return JOINED.sub("{}", "".join(r"\ " if c == " " else _character(c) for c in line)) or r"\strut"


def _character(character: str) -> str:
    text = SPECIAL.get(character)
    return text or (character if _known(character) else f"[U+{ord(character):04X}]")


def _known(character: str) -> bool:
    latin = "\u00a1" < character < "\u0180" and character not in UNKNOWN
    return character.isprintable() and (character.isascii() or latin)


def _plain_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def word(text: str) -> str:
    """A word within mathematics."""
    return rf"\text{{{escaped(text)}}}"


class LatexMath(MathPrinter):
    """Mathematics as LaTeX, for amsmath."""

    times = r" \cdot "
    hadamard = r" \odot "
    matmul = r"\,"
    fractions_hold = True

    def text(self, words: str) -> str:
        return words.replace("...", r"\ldots\ ").replace("#", r"\#") if words.startswith("#") else self._ellipsis(words)

    def _ellipsis(self, words: str) -> str:
        last = r"\ " if words.endswith(" ") else ""
        return r"\ldots\ " + word(words.removeprefix("... ")) + last if words.startswith("...") else word(words) + last

    def digits(self, text: str) -> str:
        mantissa, _, exponent = text.partition("e")
        if mantissa.lstrip("-") in ("NaN", "infinity"):
            return mantissa.replace("NaN", word("NaN")).replace("infinity", r"\infty")
        if not exponent:
            return mantissa
        power = rf"10^{{{exponent}}}"
        return mantissa.removesuffix("1") + power if mantissa in ("1", "-1") else rf"{mantissa} \cdot {power}"

    def bracketed(self, inner: str) -> str:
        if r"\frac" in inner and len(inner) < 90:
            return rf"\left({inner}\right)"
        return f"({inner})"

    def name(self, name: str, place: Sequence[str]) -> str:
        return r"\mathbf{1}" if name == "1" else self._set(glyph(name), place)

    def label(self, label: str, mark: str = "") -> str:
        parts = label_glyph(label, mark)
        return word(f"{label} {mark}".strip()) if parts is None else self._set(parts, ())

    def _set(self, parts: Glyph, place: Sequence[str]) -> str:
        base = rf"\{parts.base.replace('eps', 'varepsilon')}" if parts.base in GREEK else parts.base
        if len(parts.base) > 1 and parts.base not in GREEK:
            base = rf"\mathit{{{escaped(parts.base)}}}"
        if parts.hat:
            base = rf"\hat{{{base}}}"
        above = (
            [f"({parts.level})" if _plain_digits(parts.level.replace(".", "")) else rf"({word(parts.level)})"]
            if parts.level
            else []
        )
        above += [word(mark) for mark in parts.marks]
        below = list(place)
        if parts.below:
            below.insert(0, parts.below if _plain_digits(parts.below) else self._below(parts.below))
        base += "'" * parts.primes
        up = "^{" + r"\,".join(above) + "}" if above else ""
        down = f"_{{{','.join(below)}}}" if below else ""
        return f"{base}{up}{down}"

    def _below(self, text: str) -> str:
        return rf"\mathit{{{escaped(text)}}}" if text.isalnum() or "_" in text else word(text)

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def through(self, derivative: str, value: str) -> str:
        return rf"\left.{derivative}\right|_{{{value}}}"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        tall = "^" in base or r"\frac" in base
        text = rf"\left({base}\right)" if tall and not base.startswith(("(", r"\left(")) else base
        return f"{text}^{{{exponent}}}"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        if name == "sqrt":
            return rf"\sqrt{{{arguments[0]}}}"
        if name == "abs":
            return rf"\left|{arguments[0]}\right|"
        head = FUNCTIONS.get(name, rf"\operatorname{{{escaped(name)}}}")
        return head + self.bracketed(", ".join(arguments))

    def indicator(self, left: str, comparison: str, right: str) -> str:
        return rf"[{left} {COMPARISONS.get(comparison, comparison)} {right}]"

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        below = ",".join(r"\ldots" if i == "..." else i for i in indices)
        head = {"sum": r"\sum", "max": r"\max"}.get(kind, rf"\operatorname*{{{kind}}}")
        return rf"{head}_{{{below}}} {body}"

    def joined(self, pieces: Sequence[tuple[str, str]]) -> str:
        return " ".join(f"{sign} {piece}".strip() for sign, piece in pieces) or "0"

    def transposed(self, body: str) -> str:
        return rf"{{{body}}}^{{\mathsf{{T}}}}"

    def count(self, index: str) -> str:
        return "N" if index == "n" else rf"\left|{index}\right|"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        inner = r" \\ ".join(" & ".join(self.digits(cell) for cell in row) for row in rows)
        return rf"\begin{{bmatrix}} {inner} \end{{bmatrix}}"


def to_latex(board: Contents) -> str:
    """The board as a LaTeX document that pdflatex compiles with amsmath."""
    math = LatexMath(board.style)
    body = "\n\n".join(_block(block, math) for block in board.blocks)
    return f"{HEAD.replace('%TITLE%', escaped(board.title))}\n{body}\n\n\\end{{document}}\n"


def _block(block: Block, math: LatexMath) -> str:
    match block:
        case Heading(text=text, level=level):
            return "\\" + "sub" * (level - 1) + f"section*{{{escaped(text)}}}"
        case Paragraph(text=text):
            return escaped(text)
        case Equation():
            return _equation(block, math)
        case Table():
            return _table(block)
        case Drawing():
            return rf"({escaped(block.words)})"
        case Listing(code=code):
            lines = [rf"\mbox{{{_code(line)}}}\par" for line in visible_lines(code.rstrip()).split("\n")]
            return "\n".join([r"{\scriptsize\ttfamily\setlength{\parskip}{0pt}", *lines, "}"])


def _table(block: Table) -> str:
    """A table over the width of the page and over several pages, its columns as wide as their words need."""
    rows = (block.head, *block.rows)
    widths = [min(40, max(len(row[i]) for row in rows)) + 4 for i in range(len(block.head))]
    shares = [0.96 * w / max(sum(widths), 60) for w in widths]
    flush = ["left" if i in block.right else "right" for i in range(len(block.head))]
    columns = "".join(
        rf">{{\ragged{side}\arraybackslash}}p{{\dimexpr {s:.3f}\linewidth-2\tabcolsep}}"
        for side, s in zip(flush, shares, strict=True)
    )
    head, *body = (" & ".join(map(_broken_word, row)) + r" \\" for row in rows)
    body = [f"{{}}{row}" if row[:1] in "[*" else row for row in body]  # \\ takes these for its own
    lines = [rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}", head, r"\hline\noalign{\smallskip}\endhead", *body]
    return "\n".join(["{\\footnotesize", *lines, r"\end{longtable}", "}"])


def _broken_word(text: str) -> str:
    """A cell's text, whose long words may be broken after a comma, a slash or an underscore."""
    cell = escaped(text)
    for sign in (",", "/", r"\_", "="):
        cell = cell.replace(sign, rf"{sign}\allowbreak{{}}")
    return cell


def aligned(block: Equation, math: LatexMath) -> str:
    """The equation's lines under one another, to be set between dollar signs."""
    left = math.inline(block.left)
    rights = [math.inline(line.node, numbers=line.numbers) for line in block.lines]
    if block.one_line:
        rights = [" = ".join(rights)]
    lines = " \\\\\n".join(
        f"{left if place == 0 else ''} &{block.sign if place == 0 else '='} {right}"
        + ("" if block.one_line or not block.lines[place].words else rf" && {word(block.lines[place].words)}")
        for place, right in enumerate(rights)
    )
    return f"\n\\begin{{aligned}}\n{lines or left}\n\\end{{aligned}}\n"


def _remark(words: str) -> str:
    return rf" \hspace*{{1em}}{{\footnotesize {escaped(words)}}}"


def _equation(block: Equation, math: LatexMath) -> str:
    left = math.inline(block.left)
    rights = [math.inline(line.node, numbers=line.numbers) for line in block.lines]
    if block.one_line:
        rights = [" = ".join(rights)]
    # set as paragraphs, so that long sums are broken before a sign
    lines = [
        r"\hangindent=3em $\displaystyle "
        + (left if place == 0 else r"\phantom{xx}")
        + f" {block.sign if place == 0 else '='} {right}$"
        + ("" if block.one_line or not block.lines[place].words else _remark(block.lines[place].words))
        for place, right in enumerate(rights)
    ] or [f"$\\displaystyle {left}$"]
    notes = [rf"{{\footnotesize {escaped(note)}}}" for note in block.notes]
    return r"\medskip" + "\n" + "\n\n".join([*lines, *notes])
