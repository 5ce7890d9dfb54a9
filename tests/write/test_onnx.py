"""Networks as ONNX models: ONNX's checker and its reference, and onnxruntime where it has the operators, say the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import chalkgrad as cg
from cases import CASES, first_cases
from chalkgrad.describe.layers.registry import LAYERS
from chalkgrad.rules import OPERATIONS, Operation
from chalkgrad.write.onnx.graph import Graph
from drawn_graphs import graphs
from every_rule import every_rule
from networks import networks

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from chalkgrad.write.onnx.model import IR_VERSION, OPSET, _node, onnx_model  # noqa: E402
from chalkgrad.write.onnx.tracing import Traced, for_graphs  # noqa: E402

FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=150, deadline=None)


def fed(net: cg.Network, x: Any, dtype: Any = None) -> dict[str, Any]:
    """The samples of every input of the model."""
    rows, found, begin = net.inputs(x), {}, 0
    for name, shape in net.layout.inputs.items():
        size = int(np.prod(shape))
        part = rows[:, begin : begin + size] if net.layout.several else rows
        kind = np.int64 if name in net.layout.ids else (dtype or net.dtype)
        found[name] = np.ascontiguousarray(part.reshape(len(rows), *shape), dtype=kind)
        begin += size
    return found


def by_runtime(model: Any, given: dict[str, Any]) -> Any:
    """What onnxruntime computes; None where it has no such operator."""
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, given)[0]
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error) or "does not support double" in str(error):
            return None
        raise


def by_reference(model: Any, given: dict[str, Any]) -> Any:
    """What ONNX's own reference computes; None where it has not all of an operator."""
    if any(a.strings == [b"Relu"] for n in model.graph.node for a in n.attribute if a.name == "activations"):
        return None  # it knows no ReLU in an RNN
    return ReferenceEvaluator(model).run(None, given)[0]


def check(net: cg.Network, x: Any, tolerance: float = 1e-10) -> None:
    """In float64 as ONNX's reference says, in float32 as onnxruntime."""
    model, want = onnx_model(net), net.predict(x)
    if any(node.op_type == "Erf" for node in model.graph.node):
        tolerance = 1e-6  # the reference computes it with 32 bits
    got = by_reference(model, fed(net, x))
    if got is not None:
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
    got = by_runtime(model, fed(net, x))
    if got is not None:
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)
    small = net.copy(dtype="float32")
    got = by_runtime(onnx_model(small), fed(small, x, np.float32))
    assert got is not None, "onnxruntime has every operator in float32"
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * max(1.0, float(np.abs(want).max())))


def each_network() -> Iterator[Any]:
    """Every network of `every_rule` once."""
    seen: set[str] = set()
    for name, net, x, *_ in every_rule():
        text = repr(net.to_table()["layers"])
        if text not in seen:
            seen.add(text)
            yield pytest.param(net, x, id=name)


@pytest.mark.parametrize(("net", "x"), [*each_network()])
def test_every_layer(net: cg.Network, x: Any) -> None:
    net = net.copy()
    rng = np.random.default_rng(2)
    own = {**net.parameters, **net.states}
    net.set_parameters({n: a + (0.1 + rng.random(a.shape)) * 0.3 for n, a in own.items()})
    check(net, x)


def test_every_layer_is_among_them() -> None:
    there = {type(line.layer) for one in each_network() for line in one.values[0].layout.lines}
    registered = {v for v in LAYERS.values() if v is not cg.Residual}
    assert registered == there


@FEW
@given(drawn=networks())
def test_random_chains(drawn: Any) -> None:
    check(drawn[0], drawn[1])


@FEW
@given(net=graphs())
def test_random_graphs(net: cg.Network) -> None:
    check(net, np.random.default_rng(0).standard_normal((3, *net.layout.sample_shape)))


@pytest.mark.long
@MANY
@given(net=graphs())
def test_many_random_graphs(net: cg.Network) -> None:
    check(net, np.random.default_rng(0).standard_normal((3, *net.layout.sample_shape)))


@pytest.mark.long
@MANY
@given(drawn=networks())
def test_many_random_chains(drawn: Any) -> None:
    check(drawn[0], drawn[1])


# -- rules -------------------------------------------------------------------------------------------------------------

WRITTEN_AS_OPERATORS = {"dropout_mask", "conv2d", "conv1d", "embedding"}
"""The forward rules whose functions are not written down: dropout, which a prediction has not, and what ONNX has whole."""


@pytest.mark.parametrize("name", CASES)
def test_every_forward_rule_is_written_down(name: str) -> None:
    """What a rule's function writes computes what the function does; those of losses too."""
    case = first_cases()[name]
    operands = {**case.operands, **case.forward()}
    for rule in case.operation.forward:
        if rule.stepwise or rule.name in WRITTEN_AS_OPERATORS:
            continue
        given = {o: np.asarray(operands[o]) for o in rule.operands if operands.get(o) is not None}
        options = {o: case.options[o] for o in rule.options}
        graph = Graph({}, np.dtype(np.float64))
        arrays = [Traced(graph, o, given[o].shape, given[o].dtype) if o in given else None for o in rule.operands]
        result = for_graphs(rule.function)(*arrays, **options)
        want = rule.function(*(operands.get(o) for o in rule.operands), **options)
        if isinstance(result, Traced):
            assert result.shape == want.shape
            got, erf = computed(graph, given, result), any(n.operator == "Erf" for n in graph.nodes)
            np.testing.assert_allclose(got, want, rtol=1e-6 if erf else 1e-10, atol=1e-6 if erf else 1e-10)
        else:
            np.testing.assert_array_equal(result, want)


def computed(graph: Graph, given: dict[str, Any], result: Traced) -> Any:
    """What a graph gives for these arrays, by ONNX's reference."""
    graph.name(result.name, "found")
    kind = helper.np_dtype_to_tensor_dtype
    body = helper.make_graph(
        [_node(helper, node) for node in graph.nodes],
        "rule",
        [helper.make_tensor_value_info(o, kind(a.dtype), [None] * a.ndim) for o, a in given.items()],
        [helper.make_tensor_value_info("found", kind(result.dtype), [None] * result.ndim)],
        [numpy_helper.from_array(a, n) for n, a in graph.initializers.items()],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return ReferenceEvaluator(model).run(None, given)[0]


# -- what a viewer shows -----------------------------------------------------------------------------------------------


def example() -> cg.Network:
    layers = [cg.Dense(4, name="hidden"), cg.ReLU(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=2, loss="CrossEntropy")


def test_names_are_the_networks() -> None:
    net = example()
    model = onnx_model(net)
    assert [o for n in model.graph.node for o in n.output] == ["hidden.z", "hidden.a", "z2", "y_hat"]
    assert [n.name for n in model.graph.node] == ["hidden.z", "hidden.a", "z2", "y_hat"]
    assert [n.op_type for n in model.graph.node] == ["Gemm", "Relu", "Gemm", "Softmax"]
    assert [i.name for i in model.graph.initializer] == ["hidden.W", "hidden.b", "W2", "b2"]
    assert [(i.name, i.type.tensor_type.shape.dim[0].dim_param) for i in model.graph.input] == [("x", "N")]
    assert (model.producer_name, model.opset_import[0].version, model.ir_version) == ("chalkgrad", 20, 9)
    assert '"layers"' in {p.key: p.value for p in model.metadata_props}["chalkgrad.network"]
    assert {v.name for v in model.graph.value_info} == {"hidden.z", "hidden.a", "z2"}
    assert "layer 1, Dense 'hidden'" in model.graph.node[0].doc_string


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    net, one, two = example(), tmp_path / "a.onnx", tmp_path / "b.onnx"
    net.export(one)
    net.export(two)
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(cg.OptionError, match="cannot be written"):
        net.export(tmp_path / "no" / "a.onnx")


def test_the_library_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(cg.OptionError, match=r"pip install 'chalkgrad\[onnx\]'"):
        example().export(tmp_path / "a.onnx")


# -- layers of one's own -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        "a[...] = z[...] * min(max(z[...] + 3, 0), 6) / 6",
        "a[...] = z[...] / (1 + abs(z[...]))",
        "a[...] = [z[...] > 0] * z[...] + [z[...] <= 0] * z[...]^3",
        "a[n,k] = exp(z[n,k]) / (sum_i exp(z[n,i]))",
        "a[n,k] = z[n,k] - mean_i z[n,i]",
        "a[...] = z[...] * erf(z[...])",
    ],
)
def test_layers_of_formulas(lines: str) -> None:
    kind = cg.layer("OnnxOwn", lines)
    net = cg.Network([cg.Dense(4), kind(), cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    check(net, np.random.default_rng(0).standard_normal((3, 3)))


def test_a_layer_of_formulas_with_weights() -> None:
    kind = cg.layer(
        "OnnxSquares", "z[n,o] = sum_i x[n,i]^2 * W[i,o] + b[o]",
        parameters={"W": "glorot", "b": "zeros"}, sizes={"o": "units"},
    )  # fmt: skip
    net = cg.Network([kind(units=3), cg.Tanh()], input_shape=4, loss="SquaredError", dtype="float64")
    check(net, np.random.default_rng(0).standard_normal((3, 4)))


@cg.rule("a[...] = max(z[...], 0) + min(z[...], 0) / 10")
def leaking(z: Any) -> Any:
    return np.where(np.greater(z, 0), z, z / 10)


@cg.rule("a[...] = max(z[...], 0)")
def sorting(z: Any) -> Any:
    return np.sort(z, axis=1) if len(z) > 10**6 else z * (np.argsort(z) > -1) * (z > 0)


def test_functions_of_ones_own() -> None:
    """A function that has no form is named with its layer; others are written as they are."""
    own = cg.layer("OnnxLeaking", cg.Operation.of_rules("leaking", [leaking], "z"))
    net = cg.Network([cg.Dense(4), own(), cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    check(net, np.random.default_rng(0).standard_normal((3, 3)))
    other = cg.layer("OnnxSorting", cg.Operation.of_rules("sorting", [sorting], "z"))
    net = cg.Network([cg.Dense(4), other(), cg.Dense(2)], input_shape=3, loss="SquaredError")
    with pytest.raises(cg.OptionError, match=r"layer 2, OnnxSorting has no form in ONNX: a1 = sorting\(...\)"):
        onnx_model(net)


class Doubled(cg.ReLU):
    """A subclass that computes something else is not written as a ReLU."""

    def operation(self, training: bool) -> Operation:
        return OPERATIONS[[o.name for o in OPERATIONS].index("tanh")]


def test_a_subclass_that_computes_something_else() -> None:
    net = cg.Network([cg.Dense(4), Doubled(), cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    check(net, np.random.default_rng(0).standard_normal((3, 3)))
    assert {n.op_type for n in onnx_model(net).graph.node} == {"Gemm", "Tanh"}
