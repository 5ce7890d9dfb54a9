"""What is displayed in notebooks: right mathematics with and without style sheets, in the notebook's colours."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.render.blocks import Drawing, Heading, Listing, Paragraph, Table
from chalkgrad.render.board import Board
from chalkgrad.render.thumbnails import png

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
KEPT = re.compile(
    "a|article|b|br|code|div|em|figure|h[1-6]|hr|i|img|li|ol|p|pre|progress|section|span|strong|su[bp]|table|t[drh]|"
    "tbody|thead|ul"
)
EMPTY_IS_LEFT_OUT = {"hidden", "id", "style", "class"}


def digits() -> cg.Network:
    layers = [cg.Conv2D(2, 3), cg.ReLU(), cg.Flatten(), cg.Dense(10), cg.Softmax()]
    return cg.Network(layers, input_shape=(1, 8, 8), loss="CrossEntropy")


def shown() -> dict[str, Any]:
    """Everything that shows itself, of a small network."""
    example = cg.load_example("web")
    net, x, y = example.network, example.x, example.y
    return {
        "network": net, "program": net.program, "trace": example.trace(), "history": net.copy().fit(x, y, epochs=30),
        "evaluation": net.evaluate(x, y), "check": net.check_gradients(x, y), "data": cg.data.digits(),
        "rows": cg.data.spiral(), "names": cg.data.names(), "example": example, "derivation": example.trace().explain("dw1"),
        "pass": net.derive(x, y), "picture": net.diagram("neurons", x, y),
    }  # fmt: skip


SHOWN = shown()


@pytest.mark.parametrize("name", SHOWN)
def test_everything_shows_itself_and_says_what_it_is_in_a_line(name: str) -> None:
    thing = SHOWN[name]
    html = thing._repr_html_()
    assert html.startswith("<style>")
    assert "<script" not in html
    assert len(repr(thing)) < 200
    assert re.match(r"<[\w ]+.*>$", repr(thing))
    if hasattr(thing, "board"):
        assert f"# {thing.board().title[:10]}"[:8] in thing._repr_markdown_().replace("\\", "")


def test_what_the_displays_hold() -> None:
    assert re.search(r">z2</td>.*>dense\(a1, W2, b2\)</td>", SHOWN["program"]._repr_html_())
    assert SHOWN["program"]["dz1"].__repr__() == "<backward step dz1 = sigmoid_dz(da1, a1), layer 2, Sigmoid>"
    assert repr(SHOWN["program"]) == "<program of 16 steps: forward 4, loss 2, backward 10>"
    assert "0.298371" in SHOWN["trace"]._repr_html_()
    assert "10 more" in SHOWN["history"]._repr_html_()
    assert "all epochs done" in SHOWN["history"]._repr_html_()
    assert "14 numbers in 5 gradients agree" in repr(SHOWN["check"])
    assert "1,438" in SHOWN["data"]._repr_html_()
    assert SHOWN["data"]._repr_html_().count("data:image/png") == 10
    assert "aaron" in SHOWN["names"]._repr_html_()
    assert "net_h1" in SHOWN["example"]._repr_html_()
    first, *others = SHOWN["check"].values
    wrong = dataclasses.replace(SHOWN["check"], values=(dataclasses.replace(first, error=1.0), *others))
    assert repr(wrong) == "<gradient check: of 5 gradients dW1 differs from the central differences>"


def test_long_programs_and_traces_are_cut_in_the_middle() -> None:
    net = cg.Network([cg.Dense(2) for _ in range(40)], input_shape=2, loss="SquaredError")
    for thing in (net.program, net.trace(np.ones((1, 2)), np.ones((1, 2)))):
        html = thing._repr_html_()
        assert html.count("<tr>") == 62
        assert re.search(r"\.\.\. \d+ more", html)
        assert len(repr(thing)) < 200
    assert "..." in net.board().title


def test_completion() -> None:
    assert sorted(dir(cg)) == sorted(cg.__all__)
    assert sorted(dir(cg.data)) == sorted(cg.data.__all__)
    trace = SHOWN["trace"]
    keys = trace._ipython_key_completions_()
    assert {"z1", "dW1", "a2", "L", "W1_new"} <= set(keys)
    assert all(trace[key] is not None for key in keys)
    program = SHOWN["program"]
    assert [program[key].output for key in program._ipython_key_completions_()] == [s.output for s in program]


# -- with and without style sheets -----------------------------------------------------------------------------


class _Cut(HTMLParser):
    """What JupyterLab makes of HTML that it does not trust (sanitize-html): of other elements the text is left, of style
    sheets nothing; an attribute without a value is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.out = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script"):
            self.inside = tag
        elif KEPT.fullmatch(tag):
            kept = "".join(' {}="{}"'.format(n, escape(v or "")) for n, v in attrs if v or n not in EMPTY_IS_LEFT_OUT)
            self.out += f"<{tag}{kept}>"

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""
        elif KEPT.fullmatch(tag):
            self.out += f"</{tag}>"

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.out += escape(data)


def cut(html: str) -> str:
    reader = _Cut()
    reader.feed(html)
    return reader.out


HOST = """<!doctype html><meta charset="utf-8"><title></title><style>
body { margin: 0; font: 14px sans-serif } .light { color: #212121; background: #ffffff } .dark { color: #fff; background: #111 }
.jp-RenderedHTMLCommon table { border-collapse: collapse; font-size: 12px; table-layout: fixed; margin: 0 auto }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { text-align: right; vertical-align: middle; padding: .5em }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: #f0f } .jp-RenderedHTMLCommon tbody tr:hover { background: #f0f }
.jp-RenderedHTMLCommon h1 { font-size: 29px } .jp-RenderedHTMLCommon h3 { font-size: 21px }
.jp-RenderedHTMLCommon h5 { font-size: 40px } .jp-RenderedHTMLCommon pre { color: #f0f; background: #f0f }
.jp-RenderedHTMLCommon [hidden] { display: none }
</style>"""
OWN = "<table id=own><tbody><tr><td>a</td></tr></tbody></table><h5 id=head>b</h5>"
LOOK = """<script>
const seen = e => e.getBoundingClientRect().width > 0, style = (e, p) => getComputedStyle(e)[p];
document.title = JSON.stringify([...document.querySelectorAll('body > div')].map(d => {
  const all = q => [...d.querySelectorAll(q)], board = all('.chalkgrad');
  return {
    name: d.id, mathml: all('.equation math').filter(seen).length, latex: all('.mathjax_process').filter(seen).length,
    svg: all('svg').filter(seen).length, images: all('img').filter(seen).length,
    colours: [...new Set(all('.chalkgrad p, .chalkgrad h3, .chalkgrad h4, .chalkgrad h5, .chalkgrad td, .chalkgrad mn, .chalkgrad pre')
      .filter(seen).map(e => style(e, 'color')))],
    backgrounds: [...new Set(all('.chalkgrad tr, .chalkgrad td, .chalkgrad pre, .chalkgrad .line').map(e => style(e, 'backgroundColor')))],
    align: [...new Set(all('.chalkgrad td:not(.right)').map(e => style(e, 'textAlign')))],
    sizes: ['h3', 'h4', 'h5'].map(h => all('.chalkgrad ' + h).map(e => parseFloat(style(e, 'fontSize')))[0]),
    own: [style(all('#own tr')[0], 'backgroundColor'), style(all('#own td')[0], 'textAlign'), style(all('#head')[0], 'fontSize')],
    scheme: style(d, 'color'), wide: Math.max(...board.map(e => e.getBoundingClientRect().right)) > innerWidth,
    run: all('.styled').filter(seen).length,
  };
}));
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_a_notebook_shows_mathematics_in_its_own_colours_run_or_only_opened(tmp_path: Path) -> None:
    """In one page with JupyterLab's rules, as where some cells were run; the system's own theme counts for nothing."""
    blocks = (
        Heading("One"), Heading("Two", 3), Paragraph("costs $1 or $2"), Table(("a",), (("b",),)), Listing("c"),
        Drawing(SHOWN["picture"].svg, "d"),
    )  # fmt: skip
    every = (
        Board("t", (*SHOWN["derivation"].board().blocks[:4], *blocks))._repr_html_() + SHOWN["picture"]._repr_html_()
    )
    cases = {
        f"{theme} {state}": f'<div id="{theme} {state}" class="{theme}"><div class="jp-RenderedHTMLCommon">{html}{OWN}</div></div>'
        for theme in ("light", "dark")
        for state, html in (("run", every), ("opened", cut(every)))
    }
    for scheme in ("light", "dark"):
        (tmp_path / "page.html").write_text(HOST + "".join(cases.values()) + LOOK, "utf-8")
        command = [
            BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            f"--blink-settings=preferredColorScheme={int(scheme == 'light')}", "--window-size=900,900", "--dump-dom",
            (tmp_path / "page.html").as_uri(),
        ]  # fmt: skip
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
        title = re.search(r"<title>(.*)</title>", dom)
        assert title is not None
        found = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
        assert [f["name"] for f in found] == list(cases)
        for look in found:
            own = look["own"]
            assert own == ["rgb(255, 0, 255)", "right", "40px"], "the board's style does not leak"
            assert not look["wide"]
            if look["name"].endswith("run"):
                assert look["mathml"] > 5
                assert (look["latex"], look["svg"], look["images"]) == (0, 2, 0)
                assert look["colours"] == [look["scheme"]]
                assert set(look["backgrounds"]) == {"rgba(0, 0, 0, 0)", "rgba(127, 127, 127, 0.1)"}
                assert look["align"] == ["left"]
                assert look["sizes"] == sorted(look["sizes"], reverse=True)
            else:
                assert (look["run"], look["mathml"], look["svg"]) == (0, 0, 0), look
                assert (look["latex"], look["images"]) == (3, 2)
                assert look["align"] == ["left"]


def test_only_formulas_are_typeset() -> None:
    """A dollar in a text is one: MathJax skips the board, but for its formulas, which stand there as LaTeX."""
    board = SHOWN["derivation"].board()
    html = Board("a $x$", (Paragraph("$y$"), *board.blocks[:3]), board.style)._repr_html_()
    assert re.search(r'<article class="chalkgrad tex2jax_ignore mathjax_ignore">', html)
    formulas = re.findall(r'<div class="unstyled tex2jax_process mathjax_process">\\\((.*?)\\\)</div>', html, re.DOTALL)
    assert len(formulas) == html.count('<section class="equation"')
    assert all(f.strip().startswith(r"\begin{aligned}") for f in formulas)
    assert formulas[0].strip("\n") in SHOWN["derivation"].to_markdown().replace("&", "&amp;")


def test_links_lead_to_the_equation_of_their_own_board() -> None:
    first, second = SHOWN["derivation"]._repr_html_(), SHOWN["pass"]._repr_html_()
    for html in (first, second):
        ids = re.findall(r'<section class="equation"[^>]* id="([^"]*)"', html)
        links = re.findall(r'href="#([^"]*)"', html)
        assert links
        assert set(links) <= set(ids)
        assert len(ids) == len(set(ids))
    assert not set(re.findall(r' id="chalkgrad-\w{8}-', first)) & set(re.findall(r' id="chalkgrad-\w{8}-', second))


# -- pictures ----------------------------------------------------------------------------------------------------


def test_small_pictures_are_png(tmp_path: Path) -> None:
    from matplotlib.image import imread

    grey = np.arange(12.0).reshape(1, 3, 4) / 11
    colour = np.random.default_rng(0).random((3, 5, 2))
    for image, right in ((grey, 1 - grey[0]), (colour, colour.transpose(1, 2, 0))):
        (tmp_path / "a.png").write_bytes(png(image))
        read = np.asarray(imread(tmp_path / "a.png"))
        assert np.abs(read - right).max() < 1 / 255


@pytest.mark.long
def test_plots_from_python(tmp_path: Path) -> None:
    net, data = digits(), cg.data.digits()
    x, y = data.x_test[:60], data.y_test[:60]
    history = net.fit(data.x_train[:100], data.y_train[:100], epochs=2, validation=0.1)
    rows = np.eye(10)[y]
    plots = [
        history.plot(), net.plot("kernels"), net.plot("confusion", x, y), net.plot("misread", x, y),
        net.plot("confusion", x, rows, classes=data.classes),
    ]  # fmt: skip
    assert plots[2].png == plots[4].png
    for plot in plots:
        assert plot._repr_png_().startswith(b"\x89PNG")
        assert f'alt="{plot.title}"' in plot._repr_html_()
        assert len(repr(plot)) < 100
        plot.save(tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes() == plot.png
    yes = cg.Network([cg.Dense(1), cg.Sigmoid()], input_shape=2, loss="BinaryCrossEntropy")
    assert yes.plot("confusion", np.ones((3, 2)), [[0], [1], [1]], classes=("no", "yes")).png


def test_what_cannot_be_plotted_is_refused_with_the_reason() -> None:
    line = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    x = np.ones((3, 2))
    several = cg.Network([cg.Dense(2), cg.Sigmoid()], input_shape=2, loss="BinaryCrossEntropy")
    for net, arguments, words in (
        (line, ("kernels",), "first layer with weights has none"),
        (line, ("confusion",), "give x and y"),
        (line, ("confusion", x, x), "class numbers are integers"),
        (line, ("misread", x, np.array([0, 1, 1])), "images"),
        (several, ("confusion", x, np.ones((3, 2))), "class numbers"),
        (line, ("curves",), "known: kernels, confusion, misread"),
    ):
        with pytest.raises(cg.OptionError, match=words):
            net.plot(*arguments)
    with pytest.raises(cg.OptionError, match="2 names"):
        line.plot("confusion", x, np.array([0, 1, 1]), classes=("a",))
    with pytest.raises(cg.OptionError, match="no epoch"):
        cg.History().plot()


# -- the bar -----------------------------------------------------------------------------------------------------


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """A kernel without widgets: what was displayed, each time that it changed."""
    pictures: list[dict[str, str]] = []

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> SimpleNamespace:
        assert raw
        assert display_id
        pictures.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: pictures.append(bundle))

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return pictures


@pytest.mark.parametrize("samples", [4, 2000])
def test_a_bar_in_a_notebook(notebook: list[dict[str, str]], capsys: pytest.CaptureFixture[str], samples: int) -> None:
    """Of epochs where they are short, of steps where they are long; it ends as the training did, and stays."""
    net = cg.Network([cg.Dense(1)], input_shape=1, loss="SquaredError")
    net.fit(np.ones((samples, 1)), np.ones((samples, 1)), epochs=3, progress=True)
    assert capsys.readouterr().err == ""
    last = notebook[-1]
    assert re.match(r"epoch 3/3 \[00:0\d\], loss ", last["text/plain"])
    counted = 3 if samples == 4 else -(-samples // 32)
    assert f'<progress value="{counted}" max="{counted}"' in last["text/html"]


def test_a_bar_whose_end_is_open_is_words(notebook: list[dict[str, str]]) -> None:
    net = cg.Network([cg.Dense(1)], input_shape=1, loss="SquaredError")
    net.fit([[1.0]], [[1.0]], stop_below=1e-3, progress=True)
    assert "<progress" not in notebook[-1]["text/html"]
    assert notebook[-1]["text/plain"].startswith("epoch ")


def test_a_terminal_of_ipython_is_no_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for shell in (None, SimpleNamespace()):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        net = cg.Network([cg.Dense(1)], input_shape=1, loss="SquaredError")
        net.fit([[1.0]], [[1.0]], epochs=1, progress=True)
        assert capsys.readouterr().err.startswith("epoch 1, loss ")
