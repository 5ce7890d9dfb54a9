from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chalkgrad as cg
from chalkgrad.base.address import Address
from chalkgrad.base.digits import rounded, significant
from chalkgrad.formula.expression import Quantity, Terms
from chalkgrad.formula.nodes import Binary, Function, Indicator, Negative, Node, Number
from chalkgrad.render.blocks import Drawing, Equation, Heading, Line, Listing, Paragraph, Style, Table
from chalkgrad.render.board import Board
from chalkgrad.render.glyphs import glyph
from chalkgrad.render.html import MathML
from chalkgrad.render.latex import LatexMath, escaped
from chalkgrad.render.text import TextMath
from networks import IMAGE, X, Y, document_000, example, networks

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PDFLATEX = shutil.which("pdflatex")
slow = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
HOSTILE = "<b>&\"'</b> $x$ \\input{a} 100% #1 a_b {c} | ~^ `code` ∂"


def q(name: str, value: float = 2.0, *place: int) -> Quantity:
    return Quantity(Address(name, place), value)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1e-4, 3, "0.0001"), (1e-4, 1, "0.0001"), (0.0001234567, 3, "0.000123"), (1e-7, 3, "1e-7"), (-2.5e-9, 2, "-2.5e-9"),
        (123456.789, 3, "123000"), (12345678.0, 3, "1.23e7"), (0.1 + 0.2, 6, "0.3"), (-0.0, 3, "0"), (2.0, 6, "2"),
        (float("nan"), 3, "NaN"), (float("-inf"), 3, "-infinity"), (0.1, 17, "0.10000000000000001"),
    ],
)  # fmt: skip
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text
    if np.isfinite(value):
        assert rounded(value, digits) == pytest.approx(value, rel=10.0 ** (1 - digits), abs=1e-300)


@pytest.mark.parametrize(
    ("node", "text", "latex"),
    [
        (Binary("-", q("a"), Binary("-", q("b"), q("c"))), "a - (b - c)", "a - (b - c)"),
        (Binary("-", Binary("-", q("a"), q("b")), q("c")), "a - b - c", "a - b - c"),
        (Binary("*", Binary("+", q("a"), q("b")), q("c")), "(a + b) * c", r"(a + b) \cdot c"),
        (Binary("/", q("a"), Binary("*", q("b"), q("c"))), "a / (b * c)", r"\frac{a}{b \cdot c}"),
        (Binary("*", q("a"), Binary("/", q("b"), q("c"))), "a * (b / c)", r"a \cdot \frac{b}{c}"),
        (Binary("^", Negative(q("a")), Number(2.0)), "(-a)^2", "(- a)^{2}"),
        (Negative(Binary("^", q("a"), Number(2.0))), "-a^2", "- a^{2}"),
        (Negative(Binary("+", q("a"), q("b"))), "-(a + b)", "- (a + b)"),
        (Binary("^", Binary("/", q("a"), q("b")), Number(2.0)), "(a / b)^2", r"\left(\frac{a}{b}\right)^{2}"),
        (Binary("^", Binary("^", q("a"), Number(2.0)), Number(3.0)), "(a^2)^3", r"(a^{2})^{3}"),
        (Binary("*", q("a"), Number(-2.0)), "a * (-2)", r"a \cdot (-2)"),
        (Binary("-", q("a"), Number(-2.0)), "a - (-2)", "a - (-2)"),
        (Terms((q("a"), Negative(q("b")), q("c"))), "a - b + c", "a - b + c"),
        (Terms((q("a"), q("b")), 7, 0.5), "a + b + ... 7 more, together 0.5", r"a + b + \ldots\ \text{7 more, together}\ 0.5"),
        (Function("exp", (Negative(q("z")),)), "exp(-z)", r"\exp(- z)"),
        (Indicator(">", q("z"), Number(0.0)), "[z > 0]", "[z > 0]"),
        (Number(1e-5), "1e-5", "10^{-5}"),
        (Number(-2.5e-9), "-2.5e-9", r"-2.5 \cdot 10^{-9}"),
    ],
)  # fmt: skip
def test_brackets_stand_where_they_are_needed(node: Node, text: str, latex: str) -> None:
    assert TextMath(Style()).inline(node) == text
    assert LatexMath(Style()).inline(node) == latex
    assert balanced(f"<math>{MathML(Style()).inline(node)}</math>")


def test_negative_numbers_wear_brackets_behind_a_sign() -> None:
    node = Binary("+", Binary("*", q("a", -0.5), q("b", 2.0)), Binary("*", q("c", 3.0), q("d", -4.0)))
    assert TextMath(Style()).inline(node, numbers=True) == "(-0.5) * 2 + 3 * (-4)"
    assert LatexMath(Style()).inline(node, numbers=True) == r"(-0.5) \cdot 2 + 3 \cdot (-4)"
    assert "<mo>(</mo><mrow><mo>−</mo><mn>0.5</mn></mrow><mo>)</mo>" in MathML(Style()).inline(node, numbers=True)
    assert TextMath(Style()).inline(Binary("+", q("a", -1.0), q("b", -2.0)), numbers=True) == "-1 + (-2)"
    assert TextMath(Style()).inline(Binary("^", q("a", -3.0), Number(2.0)), numbers=True) == "(-3)^2"


class _Balance(HTMLParser):
    VOID = frozenset({"meta", "br", "link", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.formulas = 0
        self.without_words = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        given_ = dict(attrs)
        if tag == "math":
            self.formulas += 1
            self.without_words += not given_.get("alttext")
        for name in ("src", "href", "xlink:href"):
            value = given_.get(name)
            if value and not value.startswith("#"):
                self.wrong.append(f"{tag} {name} {value}")
        self.wrong.extend(f"{tag} {name}" for name in given_ if name.startswith("on"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def balanced(html: str) -> bool:
    reader = _Balance()
    reader.feed(html)
    return not reader.open and not reader.wrong


@slow
@given(networks())
def test_every_printer_prints_every_step(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
    net, x, y = drawn
    trace = net.trace(x, y, optimizer="SGD")
    name = list(net.parameters)[-1]
    place = ", ".join("0" * net.parameters[name].ndim)
    for form in ("delta", "paths"):
        derivation = trace.explain(f"d{name}[{place}]", form=form, terms=3, steps=15)
        text, markdown, latex = derivation.to_text(), derivation.to_markdown(), derivation.to_latex()
        html = derivation.to_html()
        reader = _Balance()
        reader.feed(html)
        assert not reader.open
        assert not reader.wrong
        assert reader.formulas > len(derivation.steps)
        assert reader.without_words == 0
        assert "<script" not in html
        style = Style(6, {}, trace.derivatives)
        for step in derivation.steps:
            assert f"{TextMath(style).inline(step.head)} = " in text
            assert LatexMath(style).inline(step.head) in latex
            assert LatexMath(style).inline(step.head) in markdown
            assert MathML(style).inline(step.head) in html
            for printed in (text, markdown):
                assert significant(abs(step.value), 6).partition("e")[0] in printed
        assert latex.count("$") % 2 == 0
        assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")


def boards() -> dict[str, Board]:
    web = example().trace(X, Y, optimizer=cg.SGD(0.5), labels={"W1[0, 0]": "w1", "L": "E", "a1[0, 0]": HOSTILE})
    cnn = document_000()
    trace = cnn.trace(IMAGE, [[0.0, 1.0]], optimizer="Adam")
    rng = np.random.default_rng(0)
    norm = cg.Network(
        [cg.Dense(8), cg.BatchNorm(), cg.GELU(), cg.Dropout(0.5), cg.Dense(3, name="out"), cg.Softmax()],
        input_shape=20, loss="CrossEntropy", dtype="float64", l2=0.1,
    )  # fmt: skip
    x, y = rng.random((4, 20)), [0, 1, 2, 0]
    odd = Board(
        HOSTILE,
        (
            Heading(HOSTILE), Heading(HOSTILE, 3), Paragraph(HOSTILE), Table((HOSTILE, "b"), ((HOSTILE, "1"),), right=(1,)),
            Equation(Number(1.0), (Line(Function("f", (q("W1", 2.0, 0, 0),))),), HOSTILE, (HOSTILE,), (HOSTILE,)),
            Drawing("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'></svg>", HOSTILE), Listing("a = 1  # <b>\n"),
        ),
    )  # fmt: skip
    return {
        "delta": web.explain("dw1").board(),
        "short": web.explain("dw1", style="short", form="paths").board(),
        "symbolic": web.explain("L", style="symbolic").board(),
        "convolution": trace.explain("dW1[0, 0, 0, 0]").board(),
        "paths": trace.explain("dW1[0, 0, 0, 0]", form="paths").board(),
        "update": trace.explain("W1_new[0, 0, 1, 1]").board(),
        "norm": norm.trace(x, y).explain("dW1[3, 2]").board(),
        "pass": cnn.derive(IMAGE, [[0.0, 1.0]], optimizer="Adam"),
        "normpass": norm.derive(x, y, optimizer="AdamW"),
        "odd": odd,
    }


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
def test_latex_compiles_without_overfull_lines(tmp_path: Path) -> None:
    for name, board in boards().items():
        (tmp_path / f"{name}.tex").write_text(board.to_latex(), "utf-8")
        command = [PDFLATEX or "", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert done.returncode == 0, (name, done.stdout[-2000:])
        assert (tmp_path / f"{name}.pdf").stat().st_size > 5000
        if name != "odd":
            assert "Overfull" not in done.stdout, name


# the pages have no script; this one measures them, each in a frame of its width
PROBE = """<script>onload = () => {
  const formulas = [...document.querySelectorAll('math')];
  const empty = formulas.filter(m => m.getBoundingClientRect().height < 5);
  const found = [window.name, document.documentElement.scrollWidth, innerWidth, formulas.length, empty.length];
  parent.document.title += found.join(' ') + '|';
}</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_a_browser_shows_the_pages_and_they_do_not_scroll_sideways(tmp_path: Path) -> None:
    pages = [(name, width, board.to_html()) for name, board in boards().items() for width in (360, 1280)]
    frames = [
        f'<iframe name="{number}" width="{width}" height="900" style="border: 0" '
        f'srcdoc="{escape(page.replace("</body>", PROBE))}"></iframe>'
        for number, (_, width, page) in enumerate(pages)
    ]
    (tmp_path / "pages.html").write_text(
        f'<!doctype html><meta charset="utf-8"><title></title>{"".join(frames)}', "utf-8"
    )
    command = [
        BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1400,900", "--dump-dom", (tmp_path / "pages.html").as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    title = re.search(r"<title>(.*)\|</title>", dom)
    assert title is not None
    found = sorted(tuple(map(int, line.split())) for line in title[1].split("|"))
    assert [number for number, *_ in found] == list(range(len(pages)))
    for (_, wide, window, formulas, empty), (name, width, page) in zip(found, pages, strict=True):
        assert window == width
        assert wide <= window, (name, wide, window)
        assert empty == 0, name
        assert formulas == page.count("<math ")


def test_hostile_words_are_only_words() -> None:
    html = boards()["odd"].to_html()
    assert "<b>" not in html.replace("<b>&", "")
    assert balanced(html)
    assert "<script" not in html
    markdown = boards()["odd"].to_markdown()
    assert "\n| ---" in markdown
    row = next(line for line in markdown.splitlines() if line.endswith("| 1 |"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("W1", ("W", False, "1", "", ())), ("y_hat", ("y", True, "", "", ())), ("hidden.W", ("W", False, "hidden", "", ())),
        ("x_hat2", ("x", True, "2", "", ())), ("m_W1_new", ("m", False, "", "W1", ("new",))), ("lr", ("eta", False, "", "", ())),
        ("running_mu3", ("mu", False, "3", "", ("running",))), ("W1_new", ("W", False, "1", "", ("new",))),
        ("gamma2", ("gamma", False, "2", "", ())), ("L_W1", ("L_W", False, "1", "", ())),
    ],
)  # fmt: skip
def test_names_as_they_are_set(name: str, parts: tuple[object, ...]) -> None:
    found = glyph(name)
    assert (found.base, found.hat, found.level, found.below, found.marks) == parts


def test_a_notebook_shows_a_fragment() -> None:
    derivation = example().trace(X, Y).explain("dW1[0, 0]")
    shown = derivation._repr_html_()
    assert shown.startswith("<style>")
    assert "<html" not in shown
    assert balanced(shown)
    assert "<svg" in example().diagram("neurons", X, Y)._repr_svg_()


def test_what_is_printed_on_paper_comes_after_what_it_overrides() -> None:
    """Rules of the same weight: the last one counts. Drawings and formulas are whole, without scroll bars."""
    page = Board("t", (Drawing("<svg/>", "d"),)).to_html()
    style = "".join(re.findall("<style>(.*?)</style>", page, re.DOTALL))
    before, _, paper = style.rpartition("@media print {")
    assert before
    assert "@media print" not in before
    for name in (".lines", ".table", "figure"):
        assert not re.search(rf"{re.escape(name)} {{[^}}]*overflow", paper.partition("\n}\n")[2]), (
            "nothing comes behind it"
        )
        assert re.search(rf"{re.escape(name)} {{[^}}]*overflow-x: auto", before)
        assert re.search(rf"{re.escape(name)}[^{{}}]*{{ overflow: visible; }}", paper), name
    assert re.search(r"figure svg[^{}]*{ max-width: 100% !important; max-height: 24cm;", paper)
    assert re.search(r"figure[^{}]*{ break-inside: avoid; }", paper)
    assert re.search(r" h3[^{}]*{ break-after: avoid; }", paper)
    assert "prefers-color-scheme" not in re.sub(r"@media screen and \(prefers-color-scheme: dark\)", "", style), (
        "on paper"
    )


def test_a_power_of_a_number_with_an_exponent_wears_brackets() -> None:
    assert MathML(Style()).inline(Binary("^", Number(1.5e-5), Number(2.0))).startswith("<msup><mrow><mo>(</mo>")


def test_names_of_layers_are_not_taken_for_averages() -> None:
    assert glyph("v_W1.W").level == "v_W1"
    assert glyph("m_W1").below == "W1"
    assert glyph("a1_2").level == "1.2"


def test_prose_in_latex() -> None:
    assert (
        escaped("a \u2013 \u201cb\u201d\n\n\x01c \u65e5") == "a - \\textquotedbl{}b\\textquotedbl{} [U+0001]c [U+65E5]"
    )
    board = Board("two\n\nlines", (Heading("a\n\n- b"), Paragraph("c\nd"), Listing("x = 1  # \u03b4\n")))
    assert "two lines" in board.to_latex()
    assert "\u03b4" not in board.to_latex()
    assert "## a - b\n" in board.to_markdown()
