"""Drawings of what happens over time: attention weights, and gradients back in time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import diagram
from chalkgrad.diagram.attention import visible_keys
from chalkgrad.diagram.svg import shortened
from chalkgrad.program import Loop, Role
from diagram.test_graphs_drawn import check_ways
from diagram.test_pictures import SVG, check_places, check_whole, texts

ALPHABET = " abcdefghijklmnopqrstuvwxyz"


def check(picture: diagram.Picture) -> list[str]:
    check_whole(picture)
    check_places(picture.title, picture)
    return texts(picture)


def gpt(steps: int, heads: int = 2) -> cg.Network:
    layers = [
        cg.Embedding(27, 8), cg.Positions(), cg.Residual([cg.LayerNorm(), cg.Attention(heads, causal=True)]),
        cg.Dense(27), cg.Softmax(),
    ]  # fmt: skip
    return cg.Network(layers, input_shape=steps, loss="CrossEntropy", dtype="float64")


def masked(picture: diagram.Picture) -> float:
    """How many squares the hatching covers, by the lines' length; the legend has one more."""
    lines: list[float] = []
    for element in ET.fromstring(picture.svg).iter(f"{SVG}polyline"):
        (x, y), (right, top) = (map(float, p.split(",")) for p in element.attrib["points"].split())
        if x != right and y != top:
            lines.append(right - x)
    return sum(lines)


@pytest.mark.parametrize(("steps", "square"), [(1, 34), (5, 34), (12, 22), (30, 12), (40, 12)])
def test_attention_is_drawn_at_every_size(steps: int, square: float) -> None:
    net = gpt(steps)
    shown = check(net.diagram("attention"))
    assert "layer 4, Attention: A4, 2 heads, causal" in " ".join(shown)
    assert "every head" in shown
    x = np.random.default_rng(steps).integers(0, 27, (2, steps))
    picture = net.diagram("attention", x, x, sample=1, tokens=ALPHABET)
    shown = check(picture)
    assert {"head 0", "head 1"} <= set(shown)
    drawn = min(steps, 32)
    for token in x[1, :drawn]:
        assert shown.count(ALPHABET[token].replace(" ", "\u2423")) >= 4  # two axes of two heads
    assert masked(picture) == pytest.approx(2 * square * drawn * (drawn - 1) / 2 + 14 * (steps > 1), abs=0.2 * drawn)
    assert ("the first 32 of 40 queries" in " ".join(shown)) == (steps == 40)


def test_the_weights_are_those_of_the_pass() -> None:
    net = gpt(4)
    x = np.array([[3, 1, 4, 1], [5, 9, 2, 6]])
    A = net.trace(x, x)["A4"][1]
    shown = check(net.diagram("attention", x, x, sample=1))
    for head, row, key in np.ndindex(A.shape):
        if key <= row:
            assert f"{A[head, row, key]:.2f}" in shown
        else:
            assert A[head, row, key] == 0
    assert sum(text.startswith(("0.", "1.")) for text in shown) == 2 * 10 + 5  # and the scale's


def test_masks_are_told_from_small_weights() -> None:
    layers = [cg.Embedding(9, 4, of="ids"), cg.Attention(2, mask="keep"), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape={"ids": 4, "keep": 4}, loss="CrossEntropy")
    x = {"ids": [[3, 1, 4, 0], [5, 7, 0, 0]], "keep": [[1, 1, 1, 0], [1, 1, 0, 0]]}
    y = np.zeros((2, 4), int)
    (line,) = [line for line in net.layout.lines if isinstance(line.layer, cg.Attention)]
    assert visible_keys(line, net.trace(x, y), 1).tolist() == [[True, True, False, False]] * 4
    picture = net.diagram("attention", x, y, sample=1, tokens=[f"word{k}" for k in range(9)])
    assert masked(picture) == pytest.approx(2 * 8 * 34 + 14)
    shown = check(picture)
    assert shown.count("word5") == 2  # before the rows; above the columns there is less room
    assert "masked" in shown
    assert "masked" not in check(net.diagram("attention"))


def test_queries_and_keys_of_different_lengths() -> None:
    layers = [cg.Dense(4, of="a", name="p"), cg.Dense(4, of="b", name="q"), cg.Attention(1, of=("p", "q")), cg.Dense(1)]
    net = cg.Network(layers, input_shape={"a": (3, 2), "b": (9, 2)}, loss="SquaredError")
    shown = check(net.diagram("attention"))
    assert shown.count("2") == 2
    assert shown.count("8") == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tokens": "ab"}, "2 tokens were given, but there are 27 ids, 0 to 26"),
        ({"tokens": [1] * 27}, "tokens are texts"),
        ({"sample": 2}, "there are 2 samples"),
        ({"sample": -1}, "sample"),
    ],
)
def test_what_attention_cannot_show(settings: dict[str, Any], said: str) -> None:
    x = np.zeros((2, 3), int)
    with pytest.raises(cg.OptionError, match=said):
        gpt(3).diagram("attention", x, x, **settings)


def test_networks_without_attention_or_time() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=(3, 2), loss="SquaredError")
    with pytest.raises(cg.OptionError, match="no Attention"):
        net.diagram("attention")
    with pytest.raises(cg.OptionError, match="tokens are the texts of ids"):
        cg.Network([cg.Attention(1)], input_shape=(3, 2), loss="SquaredError").diagram("attention", tokens="ab")
    with pytest.raises(cg.OptionError, match="no layer goes through time"):
        net.diagram("gradients", np.ones((1, 3, 2)), np.ones((1, 3, 2)))
    with pytest.raises(cg.OptionError, match="give x and y"):
        net.diagram("gradients")


# -- gradients ---------------------------------------------------------------------------------------------------------


def test_sizes_are_the_norms_of_the_trace() -> None:
    net = cg.Network([cg.LSTM(3), cg.Dense(2)], input_shape=(7, 2), loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, 7, 2)), rng.standard_normal((5, 2))
    found, trace = diagram.back_in_time(net, x, y), net.trace(x, y)
    assert list(found.sizes) == ["h1", "c1"]
    for name, sizes in found.sizes.items():
        each = 5 * np.linalg.norm(trace[f"d{name}"], axis=2)  # the loss is the mean of five
        assert sizes == pytest.approx(each.mean(axis=0)[::-1])
    shown = check(net.diagram("gradients", x, y))
    assert any(text.startswith("h1 of layer 1, LSTM: ") and "after 6 steps back" in text for text in shown)
    assert str(found).splitlines()[0].split() == ["by", "layer", "0", "1", "2", "5", "6", "a", "step"]


@pytest.mark.parametrize("reverse", [False, True])
def test_one_loss_of_each_sample_is_followed_back(reverse: bool) -> None:
    """All is linear, and a step back is half as much, whatever the other steps' losses add."""
    layers = [cg.RNN(2, "relu", sequences=True, reverse=reverse), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape=(6, 1), loss=cg.CrossEntropy(ignore=-1), dtype="float64")
    rng = np.random.default_rng(0)
    net.set_parameters({"W1": np.ones((1, 2)), "U1": np.eye(2) / 2, "b1": np.ones(2)})
    x, y = rng.random((4, 6, 1)), rng.integers(0, 3, (4, 6))
    y[0, 3:], y[1, :2], y[2] = -1, -1, -1
    found = diagram.back_in_time(net, x, y)
    one = [n for n in (0, 1, 3) if n != (1 if reverse else 0)]  # those that reach furthest
    alone = diagram.back_in_time(net, x[one], y[one])
    assert alone.sizes["h1"] == pytest.approx(alone.sizes["h1"][0] * 0.5 ** np.arange(6))
    first = [diagram.back_in_time(net, x[[n]], y[[n]]).sizes["h1"] for n in (0, 1, 3)]
    assert found.sizes["h1"][0] == pytest.approx(np.mean([sizes[0] for sizes in first]))
    assert [len(sizes) for sizes in first] == ([6, 4, 6] if reverse else [3, 6, 6])
    assert "x0.5 a step" in " ".join(check(alone.picture()))


def test_a_gradient_of_nothing_and_a_single_step() -> None:
    net = cg.Network([cg.RNN(2, "relu"), cg.Dense(1)], input_shape=(3, 1), loss="SquaredError")
    net.set_parameters({"W1": np.zeros((1, 2)), "U1": np.zeros((2, 2)), "b1": -np.ones(2)})
    shown = check(net.diagram("gradients", np.ones((2, 3, 1)), np.ones((2, 1))))
    assert any(text.endswith(", 0 after 2 steps back") for text in shown)
    net = cg.Network([cg.GRU(2), cg.Dense(1)], input_shape=(1, 1), loss="SquaredError")
    assert any(text.startswith("h1 of layer 1, GRU: ") for text in check(net.diagram("gradients", [[[1]]], [[1]])))


# -- cells, unrolled networks, graphs ----------------------------------------------------------------------------------

RECURRENT: dict[str, Callable[[], cg.Layer]] = {
    "rnn": lambda: cg.RNN(3),
    "relu": lambda: cg.RNN(3, "relu", sequences=True, reverse=True, bias=False),
    "lstm": lambda: cg.LSTM(3),
    "named": lambda: cg.LSTM(3, name="a_rather_long_name_of_a_memory"),
    "gru": lambda: cg.GRU(3, sequences=True),
    "after": lambda: cg.GRU(3, "after", reverse=True),
    "both ways": lambda: cg.LSTM(2, bidirectional=True),
    "both ways, every step": lambda: cg.GRU(2, bidirectional=True, sequences=True, name="m"),
}


def recurrent(kind: str, steps: int = 4) -> cg.Network:
    layers = [cg.Embedding(9, 3), RECURRENT[kind](), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=steps, loss="CrossEntropy")


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_cell_has_every_value_and_what_goes_round(kind: str) -> None:
    net = recurrent(kind)
    picture = net.diagram("cell")
    shown = check(picture)
    check_ways(picture)
    loops = [s for s in net.program.segments if isinstance(s, Loop) and s.steps[0].part == "forward"]
    assert loops
    round_ = [e for e in ET.fromstring(picture.svg).iter(f"{SVG}polyline") if e.get("stroke-dasharray")]
    assert len(round_) == sum(len(loop.carried) for loop in loops)
    for loop in loops:
        layer = loop.steps[0].owner
        prefix = next((f"{line.prefix}." for line in net.layout.lines if line.place == layer.line and line.prefix), "")
        assert f"{layer}: one step of time" in shown
        for step in loop.steps:
            name = step.output.replace(prefix, "") if prefix else step.output
            assert name in shown or any(text.startswith(f"{name} = ") for text in shown), step
        for name in loop.carried:
            assert f"{name.replace(prefix, '') if prefix else name}'" in shown
    assert any("time runs backwards" in text for text in shown) == any(loop.backward for loop in loops)


def test_the_cell_of_an_lstm() -> None:
    shown = check(recurrent("lstm").diagram("cell"))
    assert "zf2 = e1 @ Wf2 + h2' @ Uf2 + bf2" in shown
    assert {"f2 \u2299 c2' + i2 \u2299 g2", "o2 \u2299 tanh(c2)", "sigmoid(zf2)", "tanh(zg2)"} <= set(shown)
    assert "h2 of the last step goes on" in shown
    assert "h2 goes on at every step" in check(recurrent("gru").diagram("cell"))


def over_time(kind: str) -> cg.Network:
    if kind in RECURRENT:
        return recurrent(kind)
    if kind == "long":
        return recurrent("lstm", 20)
    if kind == "gpt":
        return gpt(5)
    layers = [cg.Embedding(9, 4, of="ids"), cg.Attention(2, mask="keep"), cg.Conv1D(4, 3, padding="same"), cg.Flatten(),
              cg.Dense(3), cg.Softmax()]  # fmt: skip
    return cg.Network(layers, input_shape={"ids": 4, "keep": 4}, loss="CrossEntropy")


@pytest.mark.parametrize("kind", [*RECURRENT, "long", "gpt", "masked"])
def test_a_network_is_unrolled(kind: str) -> None:
    net = over_time(kind)
    picture = net.diagram("unrolled")
    shown = check(picture)
    check_ways(picture)
    T = {"long": 20, "gpt": 5}.get(kind, 4)
    times = [0, 1, 2, 19] if kind == "long" else range(T)
    assert ("\u2026" in shown) == (kind == "long")
    for loop in (s for s in net.program.segments if isinstance(s, Loop) and s.steps[0].part == "forward"):
        name = loop.steps[-1].output
        assert any(text.startswith("hands on ") and name in text for text in shown)
        places = [next(i for i, text in enumerate(shown) if text.startswith(name[:10]) and text.endswith(f"[{t}]"))
                  for t in times] if len(name) < 12 else []  # fmt: skip
        assert places == sorted(places)
    for line in net.layout.lines:
        assert any(line.layer.kind in text for text in shown), line
    if kind == "gpt":
        assert "each step takes from itself and those before" in shown
    if kind == "masked":
        assert shown.count("each step takes from all") == 2
        assert "of all steps" in shown


def test_arrows_run_with_the_time_of_the_layer() -> None:
    def ways(kind: str) -> list[float]:
        elements = ET.fromstring(recurrent(kind).diagram("unrolled").svg).iter(f"{SVG}polyline")
        points = [[tuple(map(float, p.split(","))) for p in e.attrib["points"].split()] for e in elements]
        return [p[-1][0] - p[0][0] for p in points if len(p) == 2 and p[0][1] == p[1][1]]

    assert len(ways("rnn")) == 3
    assert all(way > 0 for way in ways("rnn"))
    assert all(way < 0 for way in ways("relu"))
    assert sum(way > 0 for way in ways("both ways")) == sum(way < 0 for way in ways("both ways")) == 3


def test_what_cannot_be_unrolled() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError")
    with pytest.raises(cg.OptionError, match="no layer goes over time"):
        net.diagram("unrolled")
    with pytest.raises(cg.OptionError, match="no layer is recurrent"):
        net.diagram("cell")
    layers = [cg.RNN(2, sequences=True), cg.Conv1D(2, 2), cg.Dense(1)]
    with pytest.raises(cg.OptionError, match="sequences of 5 and 4 steps"):
        cg.Network(layers, input_shape=(5, 2), loss="SquaredError").diagram("unrolled")


@pytest.mark.parametrize("kind", [*RECURRENT, "gpt", "masked"])
def test_graphs_and_layers_of_networks_over_time(kind: str) -> None:
    net = over_time(kind)
    for program in (net.program, net.prediction_program):
        shown = check(diagram.graph(program))
        joined = " ".join(shown)
        for step in (*program.part("forward", "loss"), *program.part("backward")):
            cut = step.value.role is Role.SHARE and "\u2026" in joined  # the last of many in a sum
            assert shortened(step.output, 28) in joined or cut, step
        for loop in (s for s in program.segments if isinstance(s, Loop) and s.steps[0].part == "forward"):
            assert {f"{shortened(name, 28)} of the step before" for name in loop.carried} <= set(shown)
            assert any(text.startswith(f"d{loop.carried[0]} = ") for text in shown)
    shown = check(net.diagram("layers"))
    assert any(text.lstrip("+ ").startswith(("RNN", "LSTM", "GRU", "Attention 2 heads")) for text in shown)


def test_many_parameters_of_one_shape_stand_in_a_line() -> None:
    shown = check(recurrent("lstm").diagram("layers"))
    assert {"Wi2, Wf2, Wg2, Wo2: 3 x 3", "bi2, bf2, bg2, bo2: 3", "LSTM, last step"} <= set(shown)
    shown = check(recurrent("both ways").diagram("layers"))
    assert {"right.Wi 3 x 2", "left.bo 2"} <= set(shown)


def test_the_pictures_of_the_docs_are_not_stale() -> None:
    """Those of docs/sequences.md, whose Python draws them."""
    layers = [cg.Embedding(27, 8), cg.LSTM(16), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape=10, loss="CrossEntropy")
    for kind in ("cell", "unrolled"):
        drawn = Path(__file__).parents[2] / "docs" / "pictures" / f"lstm-{kind}.svg"
        assert net.diagram(kind).svg + "\n" == drawn.read_text("utf-8"), f"stale: {drawn.name}"
