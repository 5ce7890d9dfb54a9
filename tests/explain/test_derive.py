from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chalkgrad as cg
from chalkgrad.formula.expression import AtTime, Hadamard, MatrixProduct, Named, Ones, Transposed
from chalkgrad.formula.nodes import (
    ARITHMETIC,
    COMPARISONS,
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Reduction,
    Symbol,
    walk,
)
from chalkgrad.render.blocks import Equation
from networks import X, Y, example, networks
from write.written import samples

slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
FUNCTIONS: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "abs": np.abs, "max": np.maximum, "min": np.minimum,
    "sign": np.sign, "erf": np.vectorize(__import__("math").erf), "erfc": np.vectorize(__import__("math").erfc),
}  # fmt: skip


def evaluate(
    node: Node, values: dict[str, np.ndarray], samples: int, target: tuple[int, ...], t: int = 0, times: int = 0
) -> Any:
    """Matrix notation put into NumPy, as its symbols say, at one time."""

    def of(part: Node, t: int = t) -> Any:
        return evaluate(part, values, samples, target, t, times)

    match node:
        case AtTime(value=Named(name=name), time=time):
            place, array = of(time), values[name]
            return array[:, int(place)] if 0 <= place < array.shape[1] else np.zeros_like(array[:, 0])
        case Symbol(name="t"):
            return t
        case Reduction(kind="sum", indices=("t",), body=body):
            return sum(of(body, step) for step in range(times))
        case Named(name=name):
            return values[name]
        case Number(value=value):
            return value
        case Count(index=index):
            assert index == "n"
            return samples
        case MatrixProduct(left=Transposed(body=Ones()), right=right):
            return np.sum(of(right), axis=0)
        case MatrixProduct(left=left, right=Transposed(body=Ones())):
            return of(left) * np.ones((1, target[1]))
        case MatrixProduct(left=left, right=Ones()):
            return np.sum(of(left), axis=1, keepdims=len(target) == 2)
        case MatrixProduct(left=left, right=right):
            return of(left) @ of(right)
        case Transposed(body=body):
            return of(body).T
        case Hadamard(left=left, right=right):
            return of(left) * of(right)
        case Negative(body=body):
            return -of(body)
        case Binary(operator=sign, left=left, right=right):
            return ARITHMETIC[sign](of(left), of(right))
        case Function(name="flatten", arguments=(body,)) | Function(name="unflatten", arguments=(body,)):
            return of(body).reshape(target)
        case Function(name=name, arguments=arguments):
            return FUNCTIONS[name](*map(of, arguments))
        case Indicator(comparison=comparison, left=left, right=right):
            return COMPARISONS[comparison](of(left), of(right)) * 1.0
        case _:
            raise AssertionError(f"{node} is no matrix notation")


@slow
@given(networks())
def test_matrix_notation_is_what_the_steps_compute(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
    net, x, y = drawn
    board = net.derive(optimizer=cg.SGD(0.1, momentum=0.9, weight_decay=0.1))
    trace = net.trace(x, y, optimizer=cg.SGD(0.1, momentum=0.9, weight_decay=0.1))
    equations = {block.address: block for block in board.blocks if isinstance(block, Equation)}
    assert list(equations) == [s.output for s in trace.program]
    for step in trace.program:
        equation = equations[step.output]
        spelled_out = any(isinstance(n, (Element, Reduction)) for n in walk(equation.lines[0].node))
        if spelled_out or step.rule.formula is None:
            continue  # an index formula, which the explanations are made from
        shape = trace[step.output].shape
        found = evaluate(equation.lines[0].node, dict(trace), len(x), shape)
        found = np.asarray(found, dtype=float)
        assert found.shape in (shape, ()), step  # 1/N stands for a vector of them
        found = np.broadcast_to(found, shape)
        np.testing.assert_allclose(found, trace[step.output], rtol=1e-9, atol=1e-12, err_msg=str(step))


def _sequences() -> dict[str, cg.Network]:
    recurrent = [cg.LSTM(3, sequences=True, reverse=True), cg.GRU(2, "after", sequences=True), cg.GRU(3)]
    classes = [cg.Embedding(5, 2), cg.RNN(3, sequences=True), cg.Dense(4), cg.Softmax()]
    return {
        "values": cg.Network([*recurrent, cg.Dense(2)], input_shape=(4, 3), loss="SquaredError", dtype="float64"),
        "ids": cg.Network(classes, input_shape=5, loss="CrossEntropy", dtype="float64"),
        "one step": cg.Network([cg.RNN(2, "relu")], input_shape=(1, 2), loss="AbsoluteError", dtype="float64"),
    }


@pytest.mark.parametrize("name", _sequences())
def test_sequences_stand_step_by_step_and_are_what_the_steps_compute(name: str) -> None:
    net = _sequences()[name]
    x, y = samples(net, rows=3)
    trace = net.trace(x, y)
    equations = {b.address: b for b in net.derive().blocks if isinstance(b, Equation)}
    assert list(equations) == [s.output for s in trace.program]
    seen = 0
    for step in trace.program:
        equation, made = equations[step.output], trace[step.output]
        node = equation.lines[0].node
        if isinstance(equation.left, Element) or (step.rule.formula is not None and step.rule.formula.ids):
            continue  # an index formula
        values, times = dict(trace), int(net.layout.sample_shape[0])
        if isinstance(equation.left, AtTime):
            seen += 1
            for t in range(times):
                found = evaluate(node, values, len(x), made[:, t].shape, t, times)
                np.testing.assert_allclose(found, made[:, t], rtol=1e-9, atol=1e-12, err_msg=f"{step} at {t}")
        else:
            found = np.broadcast_to(evaluate(node, values, len(x), made.shape, 0, times), made.shape)
            np.testing.assert_allclose(found, made, rtol=1e-9, atol=1e-12, err_msg=str(step))
    assert seen > len(trace.program) / 3


def test_backpropagation_through_time_as_in_the_textbook() -> None:
    net = cg.Network([cg.RNN(2), cg.Dense(1)], input_shape=(3, 2), loss="SquaredError", dtype="float64")
    text = net.derive().to_text()
    for line in (
        "For t = 0, 1, 2:",
        "z1[t] = x[t] @ W1 + h1[t - 1] @ U1 + b1",
        "h1[t] = tanh(z1[t])",
        "last1 = h1[2]",
        "dh1_from_last1[t] = dlast1 * [t = 2]",
        "For t = 2, 1, 0:",
        "dh1_from_z1[t] = dz1[t + 1] @ U1.T",
        "dh1[t] = dh1_from_z1[t] + dh1_from_last1[t]",
        "dz1[t] = dh1[t] ⊙ (1 - h1[t]^2)",
        "dU1 = sum_t h1[t - 1].T @ dz1[t]",
        "dW1 = sum_t x[t].T @ dz1[t]",
        "db1 = sum_t ones.T @ dz1[t]",
    ):
        assert f"\n{line}\n" in text, line
    cell = cg.Network([cg.LSTM(2)], input_shape=(9, 2), loss="SquaredError").derive()
    assert "c1[t] = f1[t] ⊙ c1[t - 1] + i1[t] ⊙ g1[t]" in cell.to_text()
    assert "For t = 8, 7, ..., 0, one after the other:" in cell.to_text()
    assert r"z^{(1)}_{t} = x_{t}\,W^{(1)} + h^{(1)}_{t - 1}\,U^{(1)} + b^{(1)}" in net.derive().to_latex()


def test_the_numbers_of_every_step_in_the_order_of_the_loop() -> None:
    net = cg.Network([cg.RNN(1)], input_shape=(2, 1), loss="SquaredError", dtype="float64")
    net.set_parameters(W1=[[0.5]], U1=[[2.0]], b1=[0.25])
    text = net.derive([[[1.0], [0.0]]], [[0.0]], precision=3).to_text()
    before, after = text.index("dh1_from_z1[1] = 0 @ 2.T"), text.index("dh1_from_z1[0] = 0.")
    assert before < after
    for line in (
        "z1[0] = 1 @ 0.5 + 0 @ 2 + 0.25",
        "z1[1] = 0 @ 0.5 + 0.635 @ 2 + 0.25",
        "      = 1.52",
        "      = 0.75",
    ):
        assert f"\n{line}\n" in text, line
    assert "dU1 = sum_t h1[t - 1].T @ dz1[t]\n    = 0.T @ " in text
    longer = cg.Network([cg.RNN(1)], input_shape=(9, 1), loss="SquaredError", dtype="float64")
    assert "z1[0]" not in longer.derive(np.ones((1, 9, 1)), [[0.0]]).to_text()


def test_the_pass_in_matrix_form() -> None:
    text = example().derive(X, Y, optimizer=cg.SGD(0.5)).to_text()
    for line in (
        "z1 = x @ W1 + b1",
        "   = [0.05, 0.1] @ [[0.15, 0.25], [0.2, 0.3]] + [0.35, 0.35]",
        "   = [0.3775, 0.3925]",
        "a1 = 1 / (1 + exp(-z1))",
        "dy_hat = 1 / N * 2 * 0.5 * (y_hat - y)",
        "dz2 = dy_hat ⊙ y_hat ⊙ (1 - y_hat)",
        "dW2 = a1.T @ dz2",
        "db2 = ones.T @ dz2",
        "da1 = dz2 @ W2.T",
        "W1_new = W1 - lr * dW1",
        "    shape 1 x 2, rule dense",
    ):
        assert f"\n{line}\n" in text, line


def test_what_has_no_matrix_form_stands_as_an_index_formula() -> None:
    layers = [cg.Conv2D(2, 3, padding=1, stride=2), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape=(1, 9, 9), loss="CrossEntropy")
    text = net.derive().to_text()
    for line in (
        "z1[n, o, p, q] = sum_{c,u,v} x[n, c, p * 2 + u - 1, q * 2 + v - 1] * W1[o, c, u, v] + b1[o]",
        "dx[n, c, p * 2 + u - 1, q * 2 + v - 1] += sum_o dz1[n, o, p, q] * W1[o, c, u, v]",
        "f1 = flatten(p1)",
        "dp1 = unflatten(df1)",
        "y_hat[n, k] = e2[n, k] / s2[n]",
        "dz1 = da1 ⊙ [z1 > 0]",
    ):
        assert f"\n{line}\n" in text, line


def test_given_values_and_settings() -> None:
    assert "clock" not in example().derive().to_text()
    with pytest.raises(cg.OptionError, match="x and y together"):
        example().derive(X)
    with pytest.raises(cg.OptionError, match="precision"):
        example().derive(precision=0)
    with pytest.raises(cg.ShapeError):
        example().derive([[1.0]], Y)
    large = cg.Network([cg.Dense(9)], input_shape=9, loss="SquaredError")
    shown = large.derive(np.ones((2, 9)), np.ones((2, 9))).to_text()
    assert "z1" not in shown  # the last value is y_hat
    assert "y_hat = x @ W1 + b1\n    shape" in shown  # no numbers of what is large


def test_a_column_beside_a_matrix_is_not_taken_for_a_row() -> None:
    sums = cg.Network([cg.Dense(3), cg.Sum()], input_shape=2, loss="SquaredError").derive().to_text()
    assert "dz1 = dy_hat @ ones.T" in sums
    hinge = cg.Network([cg.Dense(3)], input_shape=2, loss="Hinge").derive().to_text()
    assert "dy_hat[n, k] = g1[n, k] - y[n, k] * (sum_j g1[n, j])" in hinge


def test_windows_say_how_large_they_are() -> None:
    net = cg.Network([cg.MaxPool2D((2, 3)), cg.Flatten(), cg.Dense(1)], input_shape=(1, 4, 6), loss="SquaredError")
    assert "u < 2, v < 3" in net.derive().to_text()
