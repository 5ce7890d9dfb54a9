"""A board as one HTML file: MathML for the formulas, SVG for the drawings, nothing from outside, no script."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

from ..base.text import visible, visible_lines
from ..formula.nodes import Node
from .blocks import Block, Contents, Drawing, Equation, Heading, Listing, Paragraph, Table
from .glyphs import GREEK, Glyph, glyph, label_glyph
from .mathematics import MathPrinter
from .text import TextMath

LETTERS: dict[str, str] = dict(
    zip(
        (*GREEK, "infinity"),
        ("γ", "β", "μ", "α", "ε", "η", "δ", "σ", "ρ", "θ", "∞"),
        strict=True,
    )
)
COMPARISONS = {"<=": "≤", ">=": "≥"}
CSS = """
.chalkgrad { font: 16px/1.5 system-ui, sans-serif; color: #1c2321; max-width: 62rem; }
.chalkgrad h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
.chalkgrad h2, .chalkgrad h3 { overflow-wrap: anywhere; }
.chalkgrad h2 { font-size: 1.2rem; margin-top: 2rem; }
.chalkgrad .equation { margin: 1rem 0; padding: .6rem .9rem; border-left: 3px solid #2f6f5e; background: #f4f6f3; }
.chalkgrad .equation:target { background: #fff3c9; }
.chalkgrad .lines { overflow-x: auto; }
.chalkgrad .lines table { border-collapse: collapse; margin: 0; }
.chalkgrad .lines td { padding: .3rem .1rem; vertical-align: baseline; border: 0; text-align: left; }
.chalkgrad .lines td:not(:last-child) { white-space: nowrap; }
.chalkgrad .lines tr { background: none; }
.chalkgrad math { font-size: 1.08em; }
.chalkgrad .note { font-size: .85rem; color: #46514d; margin: .25rem 0 0; overflow-wrap: anywhere; }
.chalkgrad .table { overflow-x: auto; }
.chalkgrad .table table { border-collapse: collapse; }
.chalkgrad .table th, .chalkgrad .table td { padding: .25rem .7rem; border-bottom: 1px solid #c9d1cc; }
.chalkgrad .table th, .chalkgrad .table td { text-align: left; }
.chalkgrad .table td:nth-child(4) { min-width: 15rem; }
.chalkgrad .table .right { text-align: right; font-variant-numeric: tabular-nums; }
.chalkgrad pre { overflow-x: auto; background: #f4f6f3; padding: .8rem; }
.chalkgrad figure { margin: 1rem 0; overflow-x: auto; }
.chalkgrad figure svg { max-width: none !important; }
.chalkgrad a { color: #1d5a4b; }
@media (prefers-color-scheme: dark) {
  .chalkgrad { color: #e8ece9; background: #18211e; }
  .chalkgrad .equation, .chalkgrad pre { background: #212d29; border-color: #7fc4ae; }
  .chalkgrad .equation:target { background: #4a4224; }
  .chalkgrad .note { color: #b9c5c0; }
  .chalkgrad .table th, .chalkgrad .table td { border-color: #45544e; }
  .chalkgrad a { color: #9ad9c5; }
}
@media print {
  .chalkgrad { max-width: none; font-size: 12px; }
  .chalkgrad .equation, .chalkgrad figure, .chalkgrad tr { break-inside: avoid; }
  .chalkgrad h1, .chalkgrad h2, .chalkgrad h3 { break-after: avoid; }
  .chalkgrad .lines, .chalkgrad .table, .chalkgrad figure { overflow: visible; }
  .chalkgrad figure svg { max-width: 100% !important; max-height: 24cm; height: auto; }
  .chalkgrad pre { overflow: visible; white-space: pre-wrap; overflow-wrap: anywhere; }
  .chalkgrad .table td, .chalkgrad .table th { overflow-wrap: break-word; }
  .chalkgrad .note { font-size: .9em; }
}
"""
PAGE_CSS = """
body { margin: 0; padding: 1rem; background: #fff; }
.chalkgrad { margin: 0 auto; }
@media (prefers-color-scheme: dark) { body { background: #18211e; } }
"""


def escaped(text: str) -> str:
    """`text` on one line, escaped for an element or for quotes."""
    return escape(visible(" ".join(text.split())))


def _row(*pieces: str) -> str:
    return f"<mrow>{''.join(pieces)}</mrow>"


def _sign(text: str) -> str:
    return f"<mo>{escaped(text)}</mo>"


class MathML(MathPrinter):
    """Mathematics as MathML Core."""

    times = _sign("·")
    hadamard = _sign("⊙")
    matmul = '<mspace width="0.2em"></mspace>'
    minus = "<mrow><mo>−"
    fractions_hold = True

    def text(self, words: str) -> str:
        last = "\u00a0" if words.endswith(" ") else ""  # a last space would be lost
        return f"<mtext>{escaped(words)}{last}</mtext>"

    def digits(self, text: str) -> str:
        mantissa, _, exponent = text.partition("e")
        unsigned = mantissa.lstrip("-")
        result = f"<mi>{LETTERS['infinity']}</mi>" if unsigned == "infinity" else f"<mn>{unsigned}</mn>"
        if exponent:
            power = exponent.replace("-", "−")
            ten = f"<msup><mn>10</mn><mn>{power}</mn></msup>"
            result = ten if unsigned == "1" else _row(result, _sign("·"), ten)
        return _row(_sign("−"), result) if mantissa != unsigned else result

    def bracketed(self, inner: str) -> str:
        return _row(_sign("("), inner, _sign(")"))

    def name(self, name: str, place: Sequence[str]) -> str:
        indices = [p if p.startswith("<") else f"<mn>{p}</mn>" for p in place]
        return "<mn>𝟏</mn>" if name == "1" else self._set(glyph(name), indices)

    def label(self, label: str, mark: str = "") -> str:
        parts = label_glyph(label, mark)
        return f"<mtext>{escaped(f'{label} {mark}'.strip())}</mtext>" if parts is None else self._set(parts, ())

    def _set(self, parts: Glyph, place: Sequence[str]) -> str:
        base = f"<mi>{escaped(LETTERS.get(parts.base, parts.base))}{'′' * parts.primes}</mi>"
        if parts.hat:
            base = f"<mover>{base}<mo>^</mo></mover>"
        above = [f"<mtext>({escaped(parts.level)})</mtext>"] if parts.level else []
        above += [f"<mtext>{' ' if above else ''}{escaped(mark)}</mtext>" for mark in parts.marks]
        below = [f"<mi>{escaped(parts.below)}</mi>"] if parts.below else []
        for index in place:
            below += [_sign(","), index] if below else [index]
        up, down = _row(*above), _row(*below)
        if above and below:
            return f"<msubsup>{base}{down}{up}</msubsup>"
        return f"<msup>{base}{up}</msup>" if above else f"<msub>{base}{down}</msub>" if below else base

    def derivative(self, of: str, by: str) -> str:
        return f"<mfrac>{_row(_sign('∂'), of)}{_row(_sign('∂'), by)}</mfrac>"

    def through(self, derivative: str, value: str) -> str:
        return f"<msub>{_row(derivative, _sign('|'))}{_row(value)}</msub>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{_row(above)}{_row(below)}</mfrac>"

    def power(self, base: str, exponent: str) -> str:
        plain = not base.startswith(_row(_sign("("))[: -len("</mrow>")])
        body = self.bracketed(base) if plain and re.search("<msup|<msubsup|<mfrac", base) else _row(base)
        return f"<msup>{body}{_row(exponent)}</msup>"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        if name == "sqrt":
            return f"<msqrt>{arguments[0]}</msqrt>"
        if name == "abs":
            return _row(_sign("|"), arguments[0], _sign("|"))
        inner = _sign(",").join(arguments)
        return _row(f"<mi>{escaped(name)}</mi>", _sign("("), inner, _sign(")"))

    def indicator(self, left: str, comparison: str, right: str) -> str:
        return _row(_sign("["), left, _sign(COMPARISONS.get(comparison, comparison)), right, _sign("]"))

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        below = _row(_sign(",").join(f"<mi>{'…' if i == '...' else i}</mi>" for i in indices))
        head = _sign("∑") if kind == "sum" else f"<mi>{kind}</mi>"
        return _row(f"<munder>{head}{below}</munder>", self.matmul, body)

    def continued(self, sign: str, piece: str) -> str:
        return _row(f'<mo form="infix">{"−" if sign == "-" else sign}</mo>', piece)

    def joined(self, pieces: Sequence[tuple[str, str]]) -> str:
        terms = [f"{_sign('−' if sign == '-' else sign) if sign else ''}{piece}" for sign, piece in pieces]
        return _row(*terms) if terms else "<mn>0</mn>"

    def transposed(self, body: str) -> str:
        return f"<msup>{_row(body)}<mi>T</mi></msup>"

    def count(self, index: str) -> str:
        return "<mi>N</mi>" if index == "n" else _row(_sign("|"), f"<mi>{escaped(index)}</mi>", _sign("|"))

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        cells = "".join(f"<mtr>{''.join(f'<mtd>{self.digits(c)}</mtd>' for c in row)}</mtr>" for row in rows)
        return _row(_sign("["), f"<mtable>{cells}</mtable>", _sign("]"))


def to_html(board: Contents) -> str:
    """The board as an HTML document that needs nothing from outside and reads without JavaScript."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(board.title)}</title>\n<style>{PAGE_CSS}</style>\n</head>\n<body>\n"
        f"{to_fragment(board)}\n</body>\n</html>\n"
    )


def to_fragment(board: Contents) -> str:
    """The board as a piece of HTML, for a notebook."""
    addresses = {block.address for block in board.blocks if isinstance(block, Equation)}
    body = "\n".join(_block(block, board, addresses) for block in board.blocks)
    return f'<style>{CSS}</style>\n<article class="chalkgrad">\n<h1>{escaped(board.title)}</h1>\n{body}\n</article>'


def anchor(address: str) -> str:
    """The id of an address: "dW1-0-2" of "dW1[0, 2]"."""
    return re.sub(r"[^\w.]+", "-", address).strip("-")


def _block(block: Block, board: Contents, addresses: Collection[str]) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level}>{escaped(text)}</h{level}>"
        case Paragraph(text=text):
            return f"<p>{escaped(text)}</p>"
        case Equation():
            return _equation(block, board, addresses)
        case Table(head=head, rows=rows, right=right):
            return _table(head, rows, right)
        case Drawing(svg=svg):
            return f'<figure tabindex="0">{svg}</figure>'
        case Listing(code=code):
            return f"<pre><code>{escape(visible_lines(code))}</code></pre>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]) -> str:
    def cells(row: Sequence[str], kind: str) -> str:
        return "".join(
            f"<{kind}{' class=right' if i in right else ''}{' scope=col' if kind == 'th' else ''}>{escaped(c)}</{kind}>"
            for i, c in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _remark(words: str) -> str:
    return f'<td class="note">&emsp;{escaped(words)}</td>'


def _equation(block: Equation, board: Contents, addresses: Collection[str]) -> str:
    math, words = MathML(board.style), TextMath(board.style)

    def formula(node: Node, *, numbers: bool = False) -> str:
        """One formula for every term of a sum, so that a narrow page can break it."""
        pairs = zip(math.broken(node, numbers=numbers), words.broken(node, numbers=numbers), strict=True)
        return " ".join(
            f'<math displaystyle="true" alttext="{escaped(text)}">{markup}</math>' for markup, text in pairs
        )

    left = formula(block.left)
    rights = [formula(line.node, numbers=line.numbers) for line in block.lines]
    if block.one_line:
        rights = [" = ".join(rights)]
    cells = [
        f"<td>{left if place == 0 else ''}</td><td>&nbsp;{block.sign if place == 0 else '='}&nbsp;</td><td>{right}</td>"
        + ("" if block.one_line or not block.lines[place].words else _remark(block.lines[place].words))
        for place, right in enumerate(rights)
    ] or [f"<td>{left}</td>"]
    rows = "".join(f"<tr>{row}</tr>" for row in cells)
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in block.notes)
    links = [
        f'<a href="#{anchor(a)}">{escaped(words.named(a))}</a>'
        for a in block.inputs
        if a in addresses and a != block.address
    ]
    if links:
        notes += f'<p class="note">from {", ".join(links)}</p>'
    name = f' id="{anchor(block.address)}"' if block.address else ""
    lines = f'<div class="lines" tabindex="0"><table role="presentation">{rows}</table></div>'
    return f'<section class="equation"{name}>{lines}{notes}</section>'
