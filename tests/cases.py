"""Random operands for every operation: odd shapes, every option, strided arrays, values away from kinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chalkgrad import rules
from chalkgrad.describe.layers import AvgPool2D, Concat, Conv1D, Conv2D, MaxPool2D
from chalkgrad.rules import Operation, Rule
from chalkgrad.testing import Case

Draw = Callable[[Any], Any]
PRESENT = st.sampled_from([True, False])
"""Whether an operand that may be absent is there; in the simplest case, which is always drawn, it is."""


def values(rng: np.random.Generator, *shape: int) -> Any:
    """Distinct numbers between about -2 and 2, none near 0 and no two near each other; now and then strided."""
    size = int(np.prod(shape))
    flat = 4 * (rng.permutation(size) + 0.5 + 0.3 * rng.random(size)) / max(size, 1) - 2
    flat = np.where(np.abs(flat) < 0.01, 0.05, flat)
    array = flat.reshape(shape)
    if rng.random() < 0.5 and array.ndim:
        wide = np.zeros((*shape[:-1], shape[-1] * 2))
        wide[..., ::2] = array
        array = wide[..., ::2]
    return array


def _sizes(draw: Draw, count: int, most: int = 5) -> list[int]:
    return [draw(st.integers(1, most)) for _ in range(count)]


def _rng(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def _dense(draw: Draw) -> Case:
    n, i, o = _sizes(draw, 3)
    rng = _rng(draw)
    operands: dict[str, Any] = {"x": values(rng, n, i), "W": values(rng, i, o), "b": values(rng, o)}
    if not draw(PRESENT):
        operands["b"] = None
    return Case(rules.dense.operation, operands, {})


def _dense_transposed(draw: Draw) -> Case:
    case = _dense(draw)
    return Case(rules.dense.transposed, {**case.operands, "W": case.operands["W"].T}, {})


def _several(draw: Draw, least: int, most: int) -> tuple[np.random.Generator, int, list[int]]:
    """How many operands, and the shape of the first."""
    return _rng(draw), draw(st.integers(least, most)), _sizes(draw, draw(st.integers(1, 3)), 4)


def _add(draw: Draw) -> Case:
    rng, count, shape = _several(draw, 2, 4)
    operands = {f"x{i + 1}": values(rng, *shape) if i < count else None for i in range(4)}
    return Case(rules.add.operation, operands, {})


def _multiply(draw: Draw) -> Case:
    rng, _, shape = _several(draw, 2, 2)
    return Case(rules.multiply.operation, {"x1": values(rng, *shape), "x2": values(rng, *shape)}, {})


def _concat(draw: Draw) -> Case:
    rng, count, shape = _several(draw, 2, 4)
    widths = [draw(st.integers(1, 4)) if i < count else 0 for i in range(4)]
    operands = {
        f"x{i + 1}": values(rng, shape[0], width, *shape[1:]) if width else None for i, width in enumerate(widths)
    }
    return Case(rules.concat.operation, operands, Concat("a").combined_options([(w,) for w in widths]))


@dataclass
class Shares(Case):
    """A value v that is used several times, each time multiplied by a number: each use gives back a share."""

    factors: tuple[float, ...]

    def forward(self, operands: Mapping[str, Any] | None = None) -> dict[str, Any]:
        v = (self.operands if operands is None else operands)["v"]
        return {"v": sum(factor * v for factor in self.factors)}

    def backward(self, upstream: Any) -> dict[str, Any]:
        names = {f"p{i + 1}": factor * upstream for i, factor in enumerate(self.factors)}
        return {**names, "dv": self.call(rules.shares.sum_of_shares, names)}

    def results(self) -> tuple[dict[Rule, Any], dict[str, Any]]:
        names = self.backward(self.upstream())
        return {rules.shares.sum_of_shares: names["dv"]}, names


def _shares(draw: Draw) -> Case:
    rng, count, shape = _several(draw, 2, rules.shares.MOST)
    return Shares(rules.shares.operation, {"v": values(rng, *shape)}, {}, tuple(map(float, values(rng, count))))


def _input(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        n, before, after = _sizes(draw, 3)
        shape = tuple(_sizes(draw, 2, 3))
        size = shape[0] * shape[1]
        options = {"o": before, "I": size, "shape": shape}
        return Case(operation, {"x": values(_rng(draw), n, before + size + after)}, options)

    return make


def _window_layer(draw: Draw, kind: type) -> tuple[Any, tuple[int, int]]:
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    kernel = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    most = (2, 2) if kind is Conv2D else (kernel[0] // 2, kernel[1] // 2)
    pads = st.tuples(st.integers(0, most[0]), st.integers(0, most[1]))
    padding = draw(st.one_of(st.sampled_from(["same", "valid"]), pads))
    if kind is Conv2D:
        return Conv2D(draw(st.integers(1, 3)), kernel, stride, padding), (height, width)
    return kind(kernel, stride, padding), (height, width)


def _conv2d(draw: Draw) -> Case:
    layer, size = _window_layer(draw, Conv2D)
    rng = _rng(draw)
    n, c = _sizes(draw, 2, 3)
    W = values(rng, layer.filters, c, *layer.kernel)
    b = values(rng, layer.filters) if draw(PRESENT) else None
    x = values(rng, n, c, *size)
    return Case(rules.conv2d.operation, {"x": x, "W": W, "b": b}, layer.options((c, *size)))


def _conv1d(draw: Draw) -> Case:
    n, i, o, k, t = _sizes(draw, 5, 3)
    stride, padding = draw(st.integers(1, 3)), draw(st.sampled_from([0, 1, "same", "causal"]))
    layer, rng, t = Conv1D(o, k, stride, padding), _rng(draw), t + k
    b = values(rng, o) if draw(PRESENT) else None
    x = values(rng, n, t, i)
    return Case(rules.conv1d.operation, {"x": x, "W": values(rng, o, i, k), "b": b}, layer.options((t, i)))


def _global_pool(operation: Operation, axes: int) -> Callable[[Draw], Case]:
    return lambda draw: Case(operation, {"z": values(_rng(draw), *_sizes(draw, axes, 4))}, {})


def _masked_pool(draw: Draw) -> Case:
    rng, (n, t, d) = _rng(draw), _sizes(draw, 3, 4)
    keep = rng.integers(0, 2, (n, t))
    keep[:, -1] = 1
    operands = {"z": values(rng, n, t, d), "keep": keep.astype(float)}
    return Case(rules.global_avg_pool.of_masked_sequences, operands, {})


def _pool(kind: type, operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        layer, size = _window_layer(draw, kind)
        n, c = _sizes(draw, 2, 3)
        return Case(operation, {"z": values(_rng(draw), n, c, *size)}, layer.options((c, *size)))

    return make


def _rows(operation: Operation, name: str, options: dict[str, Any] | None = None, images: bool = True) -> Any:
    def make(draw: Draw) -> Case:
        shape = _sizes(draw, draw(st.integers(2, 4)) if images else 2)
        return Case(operation, {name: values(_rng(draw), *shape)}, options or {})

    return make


def _dropout(draw: Draw) -> Case:
    shape = _sizes(draw, draw(st.integers(2, 4)))
    options = {"rate": draw(st.sampled_from([0.1, 0.5, 0.9])), "seed": draw(st.integers(0, 9)), "layer": 2}
    operands = {"z": values(_rng(draw), *shape), "clock": draw(st.integers(1, 100))}
    return Case(rules.dropout.operation, operands, options)


def _batch_norm(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        shape = [draw(st.integers(2, 5)), *_sizes(draw, draw(st.sampled_from([1, 3])), 3)]
        rng = _rng(draw)
        c = shape[1]
        operands = {"x": values(rng, *shape), "gamma": values(rng, c), "beta": values(rng, c)}
        operands |= {"running_mu": values(rng, c), "running_var": values(rng, c) ** 2}
        if "predicting" in operation.name or "running" in operation.name:
            operands |= {"mu": values(rng, c), "var": values(rng, c) ** 2}
        return Case(operation, operands, {"eps": 1e-2, "momentum": 0.1})

    return make


def _scaling(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        shape = _sizes(draw, draw(st.sampled_from([2, 4])), 3)
        rng = _rng(draw)
        operands = {operation.input: values(rng, *shape), "mu": values(rng, shape[1])}
        return Case(operation, {**operands, "sigma": values(rng, shape[1]) ** 2 + 0.1}, {})

    return make


def _relative(draw: Draw) -> Case:
    n, k = _sizes(draw, 2)
    rng = _rng(draw)
    operands = {"y_hat": values(rng, n, k), "y": values(rng, n, k), "sigma": values(rng, k) ** 2 + 0.1}
    return Case(rules.standardize.squared_error, operands, {"scale": 0.7})


def _layer_norm(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        shape = [draw(st.integers(1, 4)), draw(st.integers(2, 5)), *_sizes(draw, draw(st.sampled_from([0, 2])), 3)]
        rng = _rng(draw)
        operands = {n: values(rng, *s) for n, s in (("x", shape), ("gamma", shape[1:]), ("beta", shape[1:]))}
        return Case(operation, operands, {"eps": 1e-2})

    return make


def _loss(operation: Operation, name: str, target: Any, options: dict[str, Any], images: bool = False) -> Any:
    def make(draw: Draw) -> Case:
        shape = [draw(st.integers(1, 5)), draw(st.integers(2, 5))]
        if images and draw(st.booleans()):
            shape += _sizes(draw, 2, 3)
        rng = _rng(draw)
        guess = values(rng, *shape)
        if name == "y_hat" and "clip" in options:
            guess = 0.05 + 0.9 / (1 + np.exp(-guess))
        scale = draw(st.sampled_from([1.0, 0.5, 1 / 3]))
        return Case(operation, {name: guess, "y": target(rng, *shape)}, {**options, "scale": scale})

    return make


def _one_hot(rng: np.random.Generator, n: int, k: int) -> Any:
    return np.eye(k)[rng.integers(0, k, n)]


def _probabilities(rng: np.random.Generator, n: int, k: int) -> Any:
    rows = rng.random((n, k)) + 0.1
    return rows / rows.sum(axis=1, keepdims=True)


def _reduced(operation: Operation) -> Callable[[Draw], Case]:
    return lambda draw: Case(operation, {"l": values(_rng(draw), draw(st.integers(1, 6)))}, {})


def _weighted(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        rng, n = _rng(draw), draw(st.integers(1, 6))
        return Case(operation, {"l": values(rng, n), "w": rng.random(n) * 3 + 0.1}, {})

    return make


def _counting(draw: Draw) -> Case:
    rng, (n, k) = _rng(draw), _sizes(draw, 2)
    y = _one_hot(rng, n, k + 1)
    y[rng.random(n) < 0.5] = 0
    return Case(rules.reduction.counting, {"y": y, "v": rng.random(n)}, {})


def _smoothing(draw: Draw) -> Case:
    rng, (n, k) = _rng(draw), _sizes(draw, 2)
    options = {"smoothing": draw(st.sampled_from([0.1, 0.3]))}
    return Case(rules.label_smoothing.operation, {"y": _one_hot(rng, n, k + 1)}, options)


def _penalty(draw: Draw) -> Case:
    shape = _sizes(draw, draw(st.integers(1, 4)))
    rng = _rng(draw)
    options = {"l1": draw(st.sampled_from([0.0, 0.3])), "l2": draw(st.sampled_from([0.0, 0.7]))}
    return Case(rules.penalty.operation, {"L": 1.5, "W": values(rng, *shape), "dW_data": np.zeros(shape)}, options)


def _elementwise(operation: Operation, **options: float) -> Any:
    return _rows(operation, "z", options)


def _embedding(draw: Draw) -> Case:
    n, t, v, d = _sizes(draw, 4)
    rng = _rng(draw)
    return Case(rules.embedding.operation, {"x": rng.integers(0, v, (n, t)), "W": values(rng, v, d)}, {})


def _recurrent(operation: Operation) -> Callable[[Draw], Case]:
    """Of any recurrent layer: its parameters are W, U and b (or c) of every gate."""

    def make(draw: Draw) -> Case:
        n, t, i, u = _sizes(draw, 4, 3)
        rng = _rng(draw)
        known = {rule.output for rule in operation.forward}
        names = sorted({o for rule in operation.forward for o in rule.operands} - known)
        shapes = {"x": (n, t, i), "W": (i, u), "U": (u, u)}
        operands: dict[str, Any] = {name: values(rng, *shapes.get(name[0], (u,))) for name in names}
        if not draw(PRESENT):
            operands |= {name: None for name in names if name[0] in "bc"}
        return Case(operation, operands, {"T": t} if operation.output == "last" else {})

    return make


RECURRENCES = (rules.rnn.with_tanh, rules.rnn.with_relu, rules.lstm.lstm, rules.gru.before, rules.gru.after)


def _attention(cross: bool, causal: bool, padded: bool) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        n, heads, width = (draw(st.sampled_from([2, 1])) for _ in range(3))
        t = draw(st.sampled_from([3, 2, 1]))
        other = draw(st.sampled_from([t, 3, 2, 1])) if cross else t
        rng, D = _rng(draw), heads * width
        operands: dict[str, Any] = {"x": values(rng, n, t, D)}
        if cross:
            operands["u"] = values(rng, n, other, D)
        if padded:
            keep = rng.integers(0, 2, (n, other))
            keep[:, 0] = 1
            operands["keep"] = keep.astype(float)
        biased = draw(PRESENT)
        for each in "qkvo":
            operands[f"W{each}"] = values(rng, D, D)
            operands[f"b{each}"] = values(rng, D) if biased else None
        return Case(rules.attention.KINDS[cross, causal, padded], operands, {"M": heads, "E": width})

    return make


def _positions(operation: Operation) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        n, t, half = _sizes(draw, 3)
        rng = _rng(draw)
        x = values(rng, n, t, 2 * half)
        if operation is rules.positions.learnt:
            return Case(operation, {"x": x, "P": values(rng, t, 2 * half)}, {})
        return Case(operation, {"x": x}, {"T": t, "H": half, "longest": 100.0, "quarter": rules.positions.QUARTER})

    return make


CASES: dict[str, Callable[[Draw], Case]] = {
    "embedding": _embedding,
    **{o.name: _recurrent(o) for recurrence in RECURRENCES for o in recurrence.operations},
    **{operation.name: _attention(*kind) for kind, operation in rules.attention.KINDS.items()},
    "positions.learnt": _positions(rules.positions.learnt),
    "positions.sinusoidal": _positions(rules.positions.sinusoidal),
    "dense": _dense,
    "dense.transposed": _dense_transposed,
    "add": _add,
    "multiply": _multiply,
    "concat": _concat,
    "shares": _shares,
    "inputs.row": _input(rules.inputs.row),
    "inputs.array": _input(rules.inputs.array),
    "conv2d": _conv2d,
    "conv1d": _conv1d,
    "global_avg_pool.of_sequences": _global_pool(rules.global_avg_pool.of_sequences, 3),
    "global_avg_pool.of_masked_sequences": _masked_pool,
    "global_avg_pool.of_images": _global_pool(rules.global_avg_pool.of_images, 4),
    "max_pool2d": _pool(MaxPool2D, rules.max_pool2d.operation),
    "avg_pool2d": _pool(AvgPool2D, rules.avg_pool2d.operation),
    "flatten": _rows(rules.flatten.operation, "x"),
    "sum_outputs": _rows(rules.sum_outputs.operation, "a", images=False),
    "dropout": _dropout,
    "batch_norm": _batch_norm(rules.batch_norm.operation),
    "batch_norm.unscaled": _batch_norm(rules.batch_norm.unscaled),
    "batch_norm.predicting": _batch_norm(rules.batch_norm.predicting),
    "batch_norm.predicting_unscaled": _batch_norm(rules.batch_norm.predicting_unscaled),
    "layer_norm": _layer_norm(rules.layer_norm.operation),
    "layer_norm.unscaled": _layer_norm(rules.layer_norm.unscaled),
    "rms_norm": _layer_norm(rules.rms_norm.operation),
    "rms_norm.unscaled": _layer_norm(rules.rms_norm.unscaled),
    "standardize": _scaling(rules.standardize.operation),
    "standardize.back": _scaling(rules.standardize.back),
    "standardize.squared_error": _relative,
    "sigmoid": _elementwise(rules.sigmoid.operation),
    "tanh": _elementwise(rules.tanh.operation),
    "relu": _elementwise(rules.relu.operation),
    "leaky_relu": _elementwise(rules.leaky_relu.operation, slope=0.2),
    "elu": _elementwise(rules.elu.operation, alpha=0.7),
    "gelu": _elementwise(rules.gelu.operation),
    "gelu.tanh": _elementwise(rules.gelu.tanh_operation, slope=rules.gelu.SLOPE, cubic=rules.gelu.CUBIC),
    "softplus": _elementwise(rules.softplus.operation),
    "silu": _elementwise(rules.silu.operation),
    "softmax": _rows(rules.softmax.operation, "z", images=False),
    "squared_error": _loss(rules.squared_error.operation, "y_hat", values, {}, images=True),
    "absolute_error": _loss(rules.absolute_error.operation, "y_hat", values, {}, images=True),
    "cross_entropy": _loss(rules.cross_entropy.operation, "y_hat", _probabilities, {"clip": 1e-7}),
    "cross_entropy.fused": _loss(rules.cross_entropy.fused, "z", _probabilities, {}),
    "binary_cross_entropy": _loss(
        rules.binary_cross_entropy.operation, "y_hat", lambda r, *s: r.random(s), {"clip": 1e-7}, images=True
    ),
    "binary_cross_entropy.fused": _loss(
        rules.binary_cross_entropy.fused, "z", lambda r, *s: r.random(s), {}, images=True
    ),
    "hinge": _loss(rules.hinge.operation, "y_hat", lambda r, *s: r.choice([-1.0, 1.0], s), {"margin": 0.8}),
    "hinge.classes": _loss(rules.hinge.classes, "y_hat", _one_hot, {"margin": 0.8}),
    "mean": _reduced(rules.reduction.mean),
    "sum": _reduced(rules.reduction.sum),
    "weighted_mean": _weighted(rules.reduction.weighted_mean),
    "weighted_sum": _weighted(rules.reduction.weighted_sum),
    "counting": _counting,
    "label_smoothing": _smoothing,
    "penalty": _penalty,
}


def update_case(draw: Draw, operation: Operation) -> Case:
    """Operands and options of an optimizer's update."""
    shape = _sizes(draw, draw(st.integers(1, 3)))
    rng = _rng(draw)
    operands = {"W": values(rng, *shape), "g": values(rng, *shape), "m": values(rng, *shape)}
    operands |= {"v": values(rng, *shape) ** 2, "dW": values(rng, *shape), "lr": 0.1, "t": draw(st.integers(1, 9))}
    operands["before"] = float(rng.random()) if draw(PRESENT) else None
    options = {
        "limit": float(rng.random()) * 4,
        "momentum": 0.9,
        "rho": 0.8,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-3,
        "decay": 0.05,
    }
    return Case(operation, operands, options)


@cache
def first_cases() -> dict[str, Case]:
    """One random case of each operation."""
    found: dict[str, Case] = {}

    @settings(max_examples=5)
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        found.update({name: make(data.draw) for name, make in CASES.items()})

    draw()
    return found
