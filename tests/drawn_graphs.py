"""Networks that are graphs: fixed ones of every kind, and random ones for the property tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

import chalkgrad as cg


def network(layers: list[cg.Layer], shape: Any, loss: Any = "SquaredError", **settings: Any) -> cg.Network:
    """A network in float64."""
    return cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", **settings)


def residual() -> cg.Network:
    block = cg.Residual([cg.LayerNorm(), cg.Dense(8), cg.GELU(), cg.Dense(4)])
    return network([cg.Dense(4), block, cg.Dense(2), cg.Softmax()], 3, "CrossEntropy")


def small_residual() -> cg.Network:
    layers = [cg.Residual([cg.Dense(2), cg.Tanh(), cg.Dense(2)]), cg.ReLU(), cg.Dense(1)]
    return network(layers, 2)


def used_three_times() -> cg.Network:
    layers = [
        cg.Dense(2, name="a"), cg.Tanh(name="t"), cg.Dense(2, name="b"), cg.Multiply("t", name="g"),
        cg.Add("t", name="s"), cg.Dense(1, name="out"),
    ]  # fmt: skip
    return network(layers, 2)


def branches() -> cg.Network:
    layers = [
        cg.Dense(2, name="left"), cg.ReLU(name="p"), cg.Dense(3, name="right", of="x"), cg.Tanh(name="q"),
        cg.Concat("p", name="both"), cg.Dense(2), cg.Softmax(),
    ]  # fmt: skip
    return network(layers, 3, "CrossEntropy")


def gate() -> cg.Network:
    layers = [
        cg.Dense(3, name="value"), cg.Tanh(name="v"), cg.Dense(3, name="gate", of="x"), cg.Sigmoid(),
        cg.Multiply("v", name="open"), cg.Dense(2),
    ]  # fmt: skip
    return network(layers, 2)


def tied() -> cg.Network:
    layers = [cg.Dense(2, name="tokens"), cg.Tanh(), cg.Dense(3, name="out", weights_of="tokens")]
    return network(layers, 3, l2=0.01)


def tied_twice() -> cg.Network:
    layers = [
        cg.Dense(3, name="first", bias=False), cg.Tanh(), cg.Dense(3, weights_of="first"), cg.Tanh(name="t"),
        cg.Dense(3, weights_of="first", bias=False, name="third"), cg.Add("t", name="s"),
    ]  # fmt: skip
    return network(layers, 3)


def skip_cnn() -> cg.Network:
    layers = [
        cg.Conv2D(2, 3, padding=1), cg.ReLU(),
        cg.Residual([cg.Conv2D(2, 3, padding="same"), cg.BatchNorm(), cg.ReLU(), cg.Conv2D(2, 2, padding="same")]),
        cg.MaxPool2D(2), cg.Flatten(), cg.Dense(3), cg.Softmax(),
    ]  # fmt: skip
    return network(layers, (1, 6, 6), "CrossEntropy")


def shared_kernel() -> cg.Network:
    layers = [
        cg.Conv2D(2, 2, padding="same", name="k"), cg.Tanh(name="t"),
        cg.Conv2D(2, 2, padding="same", name="again", weights_of="k"), cg.Concat("t", name="c"), cg.Flatten(),
        cg.Dense(2),
    ]  # fmt: skip
    return network(layers, (2, 4, 4))


def skip_over_skip() -> cg.Network:
    inner = cg.Residual([cg.Dense(3), cg.SiLU()])
    return network([cg.Residual([cg.Dense(3), inner, cg.Dense(3)]), cg.Sum()], 3)


def skip_of_the_input() -> cg.Network:
    layers = [cg.Dense(2, name="a"), cg.Tanh(), cg.Concat("x", name="c"), cg.Dense(2), cg.Softmax()]
    return network(layers, 3, cg.CrossEntropy(fuse=False))


def two_inputs() -> cg.Network:
    layers = [
        cg.Dense(2, name="p", of="left"), cg.Sigmoid(name="g"), cg.Dense(2, of="right"), cg.Multiply("g"), cg.Dense(1),
    ]  # fmt: skip
    return network(layers, {"left": 2, "right": 3})


def three_inputs() -> cg.Network:
    layers = [
        cg.Dense(2, of="question"), cg.Tanh(name="q"), cg.Dense(2, of="answer"), cg.Tanh(name="a"),
        cg.Dense(2, of="context"), cg.Concat(["q", "a"]), cg.Dense(2), cg.Softmax(),
    ]  # fmt: skip
    return network(layers, {"question": 3, "answer": 1, "context": 2}, "CrossEntropy")


def late_input() -> cg.Network:
    layers = [cg.Concat("right", of="left"), cg.Dense(2), cg.Tanh(), cg.Dense(2), cg.Add("right"), cg.Dense(1)]
    return network(layers, {"left": 1, "right": 2})


def picture_and_side() -> cg.Network:
    layers = [
        cg.Conv2D(2, 3, of="picture"), cg.ReLU(), cg.Flatten(), cg.Dense(2), cg.Add("side"), cg.Dense(2), cg.Softmax(),
    ]  # fmt: skip
    return network(layers, {"picture": (1, 4, 4), "side": 2}, "CrossEntropy")


GRAPHS: dict[str, Callable[[], cg.Network]] = {
    "residual": residual,
    "small residual": small_residual,
    "used three times": used_three_times,
    "branches": branches,
    "gate": gate,
    "tied": tied,
    "tied twice": tied_twice,
    "cnn with a skip": skip_cnn,
    "shared kernel": shared_kernel,
    "skip over skip": skip_over_skip,
    "skip of the input": skip_of_the_input,
    "two inputs": two_inputs,
    "three inputs": three_inputs,
    "late input": late_input,
    "picture and side": picture_and_side,
}


@st.composite
def graphs(draw: st.DrawFn, most: int = 7, widest: int = 3, *, norms: bool = True) -> cg.Network:
    """A random network whose lines take any earlier values; what nobody takes ends in a Concat."""
    names = draw(st.sampled_from([["x"], ["x"], ["question", "answer"], ["question", "answer", "context"]]))
    inputs = {name: draw(st.integers(1, widest)) for name in names}
    sizes: dict[str, int] = dict(inputs)
    weights: dict[str, tuple[int, int]] = {}
    layers: list[cg.Layer] = []
    used: set[str] = set()
    for place in range(draw(st.integers(2, most))):
        name = f"n{'abcdefghijkl'[place]}"
        source = draw(st.sampled_from(list(sizes)))
        alike = [n for n, size in sizes.items() if size == sizes[source]]
        kinds = ["dense", "dense", "activation", "add", "multiply", "concat", *["norm"] * norms]
        shared = [n for n, shape in weights.items() if sizes[source] in shape]
        kinds += ["shared", "shared"] if shared else []
        size = sizes[source]
        others: list[str] = []
        match draw(st.sampled_from(kinds)):
            case "dense":
                size = draw(st.integers(1, widest))
                layers.append(cg.Dense(size, bias=draw(st.booleans()), name=name, of=source))
                weights[name] = (sizes[source], size)
            case "shared":
                owner = draw(st.sampled_from(shared))
                rows, columns = weights[owner]
                size = columns if sizes[source] == rows else rows
                bias = draw(st.booleans())
                layers.append(cg.Dense(size, bias=bias, name=name, of=source, weights_of=owner))
            case "activation":
                kind = draw(st.sampled_from([cg.Tanh, cg.Sigmoid, cg.SiLU, cg.GELU]))
                layers.append(kind(name=name, of=source))
            case "norm":
                kind = draw(st.sampled_from([cg.LayerNorm, cg.BatchNorm]))
                layers.append(kind(name=name, of=source))
            case "add":
                others = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
                layers.append(cg.Add(tuple(others), name=name, of=source))
            case "multiply":
                others = [draw(st.sampled_from(alike))]
                layers.append(cg.Multiply(others[0], name=name, of=source))
            case _:
                others = draw(st.lists(st.sampled_from(list(sizes)), min_size=1, max_size=2))
                size = sum(sizes[o] for o in others) + size
                layers.append(cg.Concat(tuple(others), name=name, of=source))
        sizes[name] = size
        used |= {source, *others}
    loose = [n for n in sizes if n not in used]
    while len(loose) > 1:
        now, loose = loose[:4], loose[4:]
        name = f"end{len(layers)}"
        layers.append(cg.Concat(tuple(now[1:]), name=name, of=now[0]))
        loose.insert(0, name)
    layers.append(cg.Dense(2, of=loose[0], name="last"))
    loss = draw(st.sampled_from(["SquaredError", "CrossEntropy", "AbsoluteError"]))
    if loss == "CrossEntropy":
        layers.append(cg.Softmax())
    return network(
        layers,
        inputs["x"] if names == ["x"] else inputs,
        loss,
        seed=draw(st.integers(0, 99)),
        l2=draw(st.sampled_from([0.0, 0.1])),
    )
