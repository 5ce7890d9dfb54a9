"""Drawings of what happens over time: attention weights, and gradients back in time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import diagram
from chalkgrad.diagram.attention import visible_keys
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
