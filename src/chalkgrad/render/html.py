"""A board as one HTML file: MathML for the formulas, SVG for the drawings, nothing from outside, no script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Sequence
from html import escape

from ..base.text import visible, visible_lines
from ..formula.nodes import Node
from .blocks import Block, Contents, Drawing, Equation, Heading, Listing, Paragraph, Table
from .glyphs import GREEK, Glyph, glyph, label_glyph
from .latex import LatexMath, aligned
from .mathematics import MathPrinter
from .style import CSS, FIGURE, LEFT, NOTE, NOTEBOOK_CSS, PAGE_CSS, PANEL
from .text import TextMath

LETTERS: dict[str, str] = dict(
    zip(
        (*GREEK, "infinity"),
        ("γ", "β", "μ", "α", "ε", "η", "δ", "σ", "ρ", "θ", "∞"),
        strict=True,
    )
)
AS_TEXT, AS_LATEX = "tex2jax_ignore mathjax_ignore", "tex2jax_process mathjax_process"
"""MathJax's classes of what it leaves as it is, and of what it sets."""
COMPARISONS = {"<=": "≤", ">=": "≥"}


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
        f"<title>{escaped(board.title)}</title>\n<style>{CSS}{PAGE_CSS}</style>\n</head>\n<body>\n"
        f'<article class="chalkgrad">\n{_Printer(board).body()}\n</article>\n</body>\n</html>\n'
    )


def to_fragment(board: Contents) -> str:
    """The board as a piece of HTML, for a notebook.

    JupyterLab takes style sheets, MathML and SVG out of what was computed elsewhere, and sets LaTeX. So each formula
    stands there twice, as MathML that only a style sheet shows, and as LaTeX that a style sheet hides; and so does each
    drawing, as SVG and as an image. LaTeX is set nowhere else: a dollar sign in a text is one.
    """
    body = _Printer(board, notebook=True).body()
    return f'<style>{CSS}{NOTEBOOK_CSS}</style>\n<article class="chalkgrad {AS_TEXT}">\n{body}\n</article>'


def drawing(svg: str, description: str) -> str:
    """A drawing alone, for a notebook."""
    return f'<style>{NOTEBOOK_CSS}</style>\n<div class="chalkgrad {AS_TEXT}">{_drawn(svg, description)}</div>'


def _drawn(svg: str, description: str) -> str:
    """The SVG, and the same as an image where SVG is taken out."""
    data = base64.b64encode(svg.encode("utf-8", "replace")).decode("ascii")
    image = f'<img class="unstyled" alt="{escaped(description)}" src="data:image/svg+xml;base64,{data}">'
    return f'<div class="styled" hidden="hidden">{svg}</div>{image}'


def anchor(address: str) -> str:
    """The id of an address: "dW1-0-2" of "dW1[0, 2]"."""
    return re.sub(r"[^\w.]+", "-", address).strip("-")


class _Printer:
    """Prints the blocks of a board, for a page of its own or for a notebook."""

    def __init__(self, board: Contents, *, notebook: bool = False) -> None:
        self.board = board
        self.notebook = notebook
        self.math, self.words, self.latex = MathML(board.style), TextMath(board.style), LatexMath(board.style)
        self.addresses = {block.address for block in board.blocks if isinstance(block, Equation)}
        self.prefix = ""
        if notebook:  # a notebook shows many boards, in which the same address stands
            digest = hashlib.sha256(repr((board.title, sorted(self.addresses))).encode("utf-8", "replace")).hexdigest()
            self.prefix = f"chalkgrad-{digest[:8]}-"

    def body(self) -> str:
        """The title and the blocks."""
        return "\n".join([self._title(), *map(self._block, self.board.blocks)])

    def _title(self) -> str:
        title = escaped(self.board.title)
        if not self.notebook:
            return f"<h1>{title}</h1>"
        if any(isinstance(block, (Heading, Equation)) for block in self.board.blocks):
            return f'<h3 class="title">{title}</h3>'
        return f'<p class="title"><strong>{title}</strong></p>'

    def _block(self, block: Block) -> str:
        match block:
            case Heading(text=text, level=level):
                level += 2 * self.notebook
                return f"<h{level}>{escaped(text)}</h{level}>"
            case Paragraph(text=text):
                return f"<p>{escaped(text)}</p>"
            case Equation():
                return self._equation(block)
            case Table(head=head, rows=rows, right=right):
                return _table(head, rows, right, LEFT if self.notebook else "")
            case Drawing(svg=svg, description=description):
                if self.notebook:
                    return f'<figure tabindex="0"{FIGURE}>{_drawn(svg, description)}</figure>'
                return f'<figure tabindex="0">{svg}</figure>'
            case Listing(code=code):
                return f"<pre><code>{escape(visible_lines(code))}</code></pre>"

    def _formula(self, node: Node, *, numbers: bool = False) -> str:
        """One formula for every term of a sum, so that a narrow page can break it."""
        pairs = zip(self.math.broken(node, numbers=numbers), self.words.broken(node, numbers=numbers), strict=True)
        return " ".join(
            f'<math displaystyle="true" alttext="{escaped(text)}">{markup}</math>' for markup, text in pairs
        )

    def _equation(self, block: Equation) -> str:
        note = f'<p class="note"{NOTE if self.notebook else ""}>'
        notes = "".join(f"{note}{escaped(text)}</p>" for text in block.notes)
        links = [
            f'<a href="#{self.prefix}{anchor(a)}">{escaped(self.words.named(a))}</a>'
            for a in block.inputs
            if a in self.addresses and a != block.address
        ]
        if links:
            notes += f"{note}from {', '.join(links)}</p>"
        at = self.prefix + anchor(block.address)
        name = f' id="{at}"{f" data-jupyter-id={at}" if self.notebook else ""}' if block.address else ""
        lines = f'<div class="lines" tabindex="0">{self._lines(block)}</div>'
        if self.notebook:
            latex = escape(aligned(block, self.latex))
            lines = (
                f'<div class="styled" hidden="hidden">{lines}</div><div class="unstyled {AS_LATEX}">\\({latex}\\)</div>'
            )
        return f'<section class="equation"{PANEL if self.notebook else ""}{name}>{lines}{notes}</section>'

    def _lines(self, block: Equation) -> str:
        """The equation's lines, each with its left side, its sign and its right side with a remark."""
        left = self._formula(block.left)
        rights = [self._formula(line.node, numbers=line.numbers) for line in block.lines]
        if block.one_line:
            rights = [" = ".join(rights)]
        lines: list[tuple[str, str, str]] = [("", "", "")] if not rights else []
        for place, right in enumerate(rights):
            words = "" if block.one_line else block.lines[place].words
            remark = f' <span class="note">{escaped(words)}</span>' if words else ""
            lines.append(("", block.sign if place == 0 else "=", right + remark))
        lines[0] = (left, *lines[0][1:])
        return "".join(
            f'<div class="line"><span class="left">{first}</span><span class="sign">{sign}</span>'
            f'<span class="right">{right}</span></div>'
            for first, sign, right in lines
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], left: str) -> str:
    def cells(row: Sequence[str], kind: str) -> str:
        scope = " scope=col" if kind == "th" else ""
        return "".join(
            f"<{kind}{' class=right' if i in right else left}{scope}>{escaped(c)}</{kind}>" for i, c in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}</tbody></table></div>'
