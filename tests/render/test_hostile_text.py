"""Text that others wrote, in every output: it is shown, it does nothing, and nothing else is shown instead of it."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import tomllib
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.text import as_json, as_toml, visible, visible_lines
from chalkgrad.diagram.svg import Canvas
from chalkgrad.engines.c.print.source import in_comment
from chalkgrad.formula.nodes import Number
from chalkgrad.render.blocks import Drawing, Equation, Heading, Line, Listing, Paragraph, Style, Table
from chalkgrad.render.board import Board
from chalkgrad.worksheet.files import grading_files, sheet_files, solution_files
from chalkgrad.worksheet.grading import grade
from chalkgrad.worksheet.worksheet import make_worksheet

PDFLATEX = shutil.which("pdflatex")
COMPILER = shutil.which("cc")
TEX = (
    r"^^5cnewwrite^^5co ^^5cimmediate^^5copenout^^5co=made.txt ^^5cimmediate^^5cwrite^^5co{hi} ^^5cinput{/etc/hostname}"
)
HOSTILE = {
    "an escape sequence": "a \x1b[31mred\x1b[0m \x1b]0;title\x07 b",
    "one of eight bits": "a \x9b31m b \x85 c \x90 d",
    "other control characters": "a\x00b\x08c\x7fd\re\x0cf\vg",
    "the reading direction": "a \u202egnp.exe\u202c \u2066b\u2069 \u200fc\u061c",
    "what shows nothing": "a\u200bb\ufeffc\u00add\u2060e\U000e0041f",
    "surrogates and private letters": "a \ud800 b \ue000 \ufffe c",
    "lines": "first\nsecond\u2028third\u2029fourth\x1efifth",
    "the end of a C comment": "x **// int made(void); //**",
    "another": "x */ int made(void) { return 0; } /* **/ ***/// /*/ */*",
    "trigraphs": "x ??/ *??/\n/ ????/ int made; ???/",
    "a backslash at the end": "x \\",
    "an asterisk and a backslash at the end": "x *\\",
    "the end of a docstring": 'x """; import os; os.mkdir("made") #',
    "quotation marks": '""""""" \'\'\'\'\'\' "',
    "long without a space": "\\" * 301 + "N{x" + '"' * 200 + "\\",
    "the end of a listing": r"x \end{verbatim}" + TEX + r" \begin{verbatim}",
    "the end of another": r"\end{lstlisting}\end{document}\end{Verbatim}\input{/etc/hostname}} \fi \par $ $$ \)",
    "what TeX reads as marks": "100% #1 a_b {c} ~ ^ & \\\\ \\[ -- --- `` '' ?` !` ,, << >> |",
    "the beginning of an argument": "[4cm] x",
    "an asterisk first": "* x",
    "letters beyond TeX's": "Ħħĸ ŀ ŉ ŧ ſ ы 漢字 ∑ é ß ½ µ",
    "a fence": "``` \n```\n````\n<b>\n~~~~~ `` `",
    "a list": "- x",
    "a numbered one": "1. x",
    "another numbered one": "12) x",
    "an underline": "=== x",
    "a rule": "---",
    "what Markdown reads as marks": "# a *b* _c_ ~~d~~ [e](http://f) ![g](h) <i> | `j` $k$ &lt; &#x202e; \\",
    "elements": "</title></style></pre></code><script>made()</script><!-- --> ]]> <![CDATA[ ' \" &amp;",
    "an attribute": "\"onload='made()' x=",
}
"""What somebody might write as a title or a name."""
each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
some = pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name, marks=pytest.mark.long if number % 3 else [])
        for number, (name, text) in enumerate(HOSTILE.items())
    ],
)
"""For what takes long: every third of them in the short tests."""


def board(text: str) -> Board:
    equation = Equation(Number(1.0), (Line(Number(2.0)),), notes=(text,))
    table = Table((text, "b"), ((text, text), ("c", text)))
    return Board(
        text,
        (Heading(text), Heading(text, 3), Paragraph(text), equation, table, Drawing("<svg/>", text), Listing(text)),
        Style(),
    )


def harmless(printed: str) -> bool:
    """Whether there is nothing that moves the cursor, turns the direction or cannot be seen."""
    return all(c == "\n" or c in "\u200c\u200d" or c.isprintable() or unicodedata.category(c) == "Zs" for c in printed)


def words(text: str) -> str:
    """What has to be seen of it, without its spaces."""
    return visible(" ".join(text.split())).replace(" ", "")


def network() -> cg.Network:
    return cg.Network([cg.Dense(2), cg.Sigmoid()], input_shape=2, loss="SquaredError")


@each
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "json"])
def test_nothing_in_any_format_is_more_than_text(text: str, form: str) -> None:
    assert harmless(getattr(board(text), f"to_{form}")())


@each
def test_text_and_tables(text: str) -> None:
    lines = board(text).to_text().split("\n")
    assert lines[1] == "=" * len(lines[0])
    assert words(text) in board(text).to_text().replace(" ", "").replace("\n", "")


@each
def test_markdown_fences_hold_what_is_in_them(text: str) -> None:
    code = f"before\n{text}\nafter"
    lines = Board("t", (Listing(code),)).to_markdown().rstrip("\n").split("\n")
    fence = re.fullmatch(r"(`{3,})python", lines[2])
    assert fence
    assert lines[-1] == fence[1]
    inside = lines[3:-1]
    assert "\n".join(inside) == visible_lines(code)
    assert not any(line.lstrip().startswith(fence[1]) for line in inside)


@each
def test_markdown_escapes_give_the_text_back(text: str) -> None:
    """CommonMark: a backslash before a mark of ASCII is that mark; without one, none of these may stand alone."""
    printed = Board("t", (Paragraph(text),)).to_markdown().rstrip("\n").split("\n")[2]
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", printed)
    assert not re.search(r"[\\`*_\[\]<>|#$&~]", bare)
    assert not re.match(r"(\d+[.)]|[-+=])", printed)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", printed) == visible(" ".join(text.split()))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@each
def test_html_has_no_element_more(text: str) -> None:
    reader, plain = Reader(), Reader()
    reader.feed(board(text).to_html())
    plain.feed(board("x").to_html())
    assert reader.tags == plain.tags
    assert words(text) in re.sub(r"\s", "", reader.text)


@each
def test_drawings_are_xml(text: str) -> None:
    canvas = Canvas()
    canvas.text(0, 0, text, hint=text)
    svg = canvas.picture(text, text).svg
    assert harmless(svg)
    root = ElementTree.fromstring(svg)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "desc", "rect", "text"}
    assert words(text) in re.sub(r"\s", "", "".join(root.itertext()))


@each
@pytest.mark.parametrize("to", ["numpy", "torch"])
def test_a_title_is_a_docstring(text: str, to: str) -> None:
    x, y = np.ones((2, 2)), np.zeros((2, 2))
    script = network().source(to, x, y, title=text)
    assert harmless(script)
    plain = network().source(to, x, y, title="x")
    first, *others = ast.parse(script).body
    assert [ast.dump(n) for n in others] == [ast.dump(n) for n in ast.parse(plain).body[1:]]
    assert isinstance(first, ast.Expr)
    assert isinstance(first.value, ast.Constant)
    said = re.sub(r"\s", "", str(first.value.value))
    assert words(text).replace('"""', "'''")[:80] in said or words(text).replace('"', "'") in said.replace('"', "'")


@each
def test_a_title_is_a_c_comment(text: str) -> None:
    """Read as a C compiler does: trigraphs first, then lines that go on, then comments."""
    source = network().source("c", np.ones((2, 2)), np.zeros((2, 2)), title=text)
    assert harmless(source)
    plain = network().source("c", np.ones((2, 2)), np.zeros((2, 2)), title="x")
    for marks, sign in (
        ("=", "#"),
        ("/", "\\"),
        ("'", "^"),
        ("(", "["),
        (")", "]"),
        ("!", "|"),
        ("<", "{"),
        (">", "}"),
        ("-", "~"),
    ):
        source = source.replace(f"??{marks}", sign)
    source = source.replace("\\\n", "")
    assert source.partition("*/")[2] == plain.partition("*/")[2]
    assert "/*" not in source.partition("*/")[0][2:]


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_a_compiler_agrees(tmp_path: Path) -> None:
    for place, text in enumerate(HOSTILE.values()):
        shown = in_comment(text)
        (tmp_path / "a.c").write_text(f"/* {shown}\n   end */ int only_{place};\n", encoding="utf-8")
        options = ["-std=c99", "-pedantic", "-trigraphs", "-Wall", "-Werror", "-fsyntax-only"]
        done = subprocess.run([str(COMPILER), *options, "a.c"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (text, done.stderr)


@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex")
def test_latex_documents_compile_and_write_nothing(tmp_path: Path) -> None:
    """All of them in one document: pdflatex takes a second to start."""
    one = board("x")
    blocks = [b for text in HOSTILE.values() for b in (*board(text).blocks, Paragraph("next"))]
    (tmp_path / "a.tex").write_text(
        Board(HOSTILE["the end of a listing"], tuple(blocks), one.style).to_latex(), "utf-8"
    )
    command = [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
    assert {p.name for p in tmp_path.iterdir()} == {"a.tex", "a.pdf", "a.log", "a.aux"}
    assert "/etc/hostname" not in "".join(re.findall(r"\((/[^\s)]*)", (tmp_path / "a.log").read_text(errors="replace")))


@each
def test_json_is_read_as_it_was(text: str) -> None:
    assert json.loads(as_json({"a": text})) == {"a": text}
    assert harmless(as_json({text: [text]}))


@each
def test_toml_is_read_as_it_was(text: str) -> None:
    if "\ud800" in text:
        pytest.skip("no TOML can hold it")
    table = {text: {"a": text, "b": [text]}}
    assert tomllib.loads(as_toml(table)) == table
    assert harmless(as_toml(table))


@some
def test_files_of_a_worksheet_and_of_its_grading(text: str) -> None:
    """What a teacher or a student may print with `cat`, the files for programs too."""
    if "\ud800" in text:
        pytest.skip("no TOML can hold it")
    sheet = make_worksheet(dataclasses.replace(cg.load_example("web"), title=text), blanks=["dW1"])
    grading = grade(sheet, {"name": text, "dw1": text})
    for name, content in {**sheet_files(sheet), **solution_files(sheet), **grading_files(grading)}.items():
        assert harmless(content), name


@some
def test_a_worked_example_is_said_in_text_alone(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way, from a file's title to the terminal."""
    from chalkgrad.cli.main import main

    if "\ud800" in text:
        pytest.skip("no TOML can hold it")
    written = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    (tmp_path / "a.toml").write_text(
        f"title = {written}\ntext = {written}\ninput_shape = 2\nloss = 'SquaredError'\nlayers = [{{ type = 'Dense', units = 2 }}]\nx = [1, 2]\ny = [0, 0]\n",
        encoding="utf-8",
    )
    for command in (
        ["explain"],
        ["derive"],
        ["check"],
        ["write"],
        ["write", "--to", "c"],
        ["explain", "--format", "json"],
    ):
        assert main([command[0], str(tmp_path / "a.toml"), *command[1:]]) == 0
        assert harmless(capsys.readouterr().out)
