"""Networks from ONNX models: chalkgrad's own there and back, others by their operators, and what is not covered by name."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chalkgrad as cg
from drawn_graphs import graphs
from every_rule import every_rule
from networks import networks

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.backend.test.loader import load_model_tests  # noqa: E402

ANYWHERE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
MANY = settings(ANYWHERE, max_examples=150)


def stripped(path: Path) -> Path:
    """The file without chalkgrad's description: a graph like any other."""
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    return path


def the_same(one: cg.Network, other: cg.Network) -> None:
    assert one.to_table() == other.to_table()
    for name, array in {**one.parameters, **one.states}.items():
        np.testing.assert_array_equal(array, {**other.parameters, **other.states}[name], err_msg=name)


def each_network() -> dict[str, tuple[cg.Network, Any]]:
    """Every network of `every_rule` once, with weights that are all drawn."""
    found: dict[str, tuple[cg.Network, Any]] = {}
    rng = np.random.default_rng(4)
    for name, net, x, *_ in every_rule():
        if repr(net.layers) not in [repr(other.layers) for other, _ in found.values()]:
            own = {**net.parameters, **net.states}
            net.set_parameters({n: a + (0.1 + rng.random(a.shape)) * 0.3 for n, a in own.items()})
            found[name] = net, x
    return found


def test_our_own_files_there_and_back(tmp_path: Path) -> None:
    for net, x in each_network().values():
        net.export(tmp_path / "net.onnx")
        got = cg.from_onnx(tmp_path / "net.onnx")
        the_same(net, got)
        np.testing.assert_array_equal(got.predict(x), net.predict(x))


@ANYWHERE
@given(net=graphs())
def test_random_graphs_there_and_back(net: cg.Network, tmp_path: Path) -> None:
    net.export(tmp_path / "net.onnx")
    the_same(net, cg.from_onnx(tmp_path / "net.onnx"))


@ANYWHERE
@given(drawn=networks())
def test_random_chains_there_and_back(drawn: Any, tmp_path: Path) -> None:
    net = drawn[0].copy(dtype="float32")
    net.export(tmp_path / "net.onnx")
    the_same(net, cg.from_onnx(tmp_path / "net.onnx"))


NOT_BY_OPERATORS = {"masked", "masked means", "scaled"}
"""Networks that are read by their description only: masks of keys and steps, scaled inputs."""


def test_by_operators_alone(tmp_path: Path) -> None:
    refused = set()
    for name, (net, x) in each_network().items():
        net = net.copy(dtype="float32")
        net.export(tmp_path / "net.onnx")
        try:
            got = cg.from_onnx(stripped(tmp_path / "net.onnx"))
        except cg.OptionError as error:
            refused.add(name.partition("(")[0] if "has no counterpart here" in str(error) else str(error))
            continue
        np.testing.assert_allclose(got.predict(x), net.predict(x), rtol=1e-5, atol=1e-5, err_msg=name)
        assert [v.layer.kind for v in got.layout.lines] == [
            v.layer.kind for v in net.layout.lines if v.layer.kind != "Dropout"
        ]
    assert refused == NOT_BY_OPERATORS


def by_operators(net: cg.Network, file: Path) -> None:
    """A random graph, read by its operators, predicts the same."""
    net = net.copy(dtype="float32")
    net.export(file)
    got = cg.from_onnx(stripped(file))
    x = np.random.default_rng(0).standard_normal((3, *net.layout.sample_shape)).astype(np.float32)
    want = net.predict(x)
    given = x
    if net.layout.several:
        ends = np.cumsum([int(np.prod(s)) for s in net.layout.inputs.values()])
        parts = np.split(x, ends[:-1], axis=1)
        given = {n: p.reshape(3, *s) for (n, s), p in zip(net.layout.inputs.items(), parts, strict=True)}
    np.testing.assert_allclose(got.predict(given), want, rtol=1e-4, atol=1e-4 * max(1.0, float(np.abs(want).max())))


@ANYWHERE
@given(net=graphs())
def test_random_graphs_by_operators(net: cg.Network, tmp_path: Path) -> None:
    by_operators(net, tmp_path / "net.onnx")


@pytest.mark.long
@MANY
@given(net=graphs())
def test_many_random_graphs_by_operators(net: cg.Network, tmp_path: Path) -> None:
    by_operators(net, tmp_path / "net.onnx")


@pytest.mark.long
@MANY
@given(drawn=networks())
def test_many_random_chains_by_operators(drawn: Any, tmp_path: Path) -> None:
    by_operators(drawn[0], tmp_path / "net.onnx")


# -- the description counts only where it is true ----------------------------------------------------------------------


def small() -> cg.Network:
    return cg.Network([cg.Dense(4, name="h"), cg.ReLU(), cg.Dense(2, weights="normal(1)")], input_shape=3, loss="Hinge")


def test_a_graph_that_was_changed_is_read_as_it_is(tmp_path: Path) -> None:
    file, net = tmp_path / "net.onnx", small()
    net.export(file)
    model = onnx.load(file)
    assert model.graph.node[1].op_type == "Relu"
    model.graph.node[1].op_type = "Tanh"
    onnx.save(model, file)
    got = cg.from_onnx(file)
    assert [layer.kind for layer in got.layers] == ["Dense", "Tanh", "Dense"]
    other = cg.Network([cg.Dense(4), cg.Tanh(), cg.Dense(2)], input_shape=3, loss="SquaredError")
    other.flat[...] = net.flat
    x = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)
    np.testing.assert_array_equal(got.predict(x), other.predict(x))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "[" * 10**5, '{"layers": []}', '{"input_shape": 3, "loss": "Hinge", "layers": [{"type": "Dense", "units": 9}]}',
     '{"input_shape": 1000000000, "loss": "Hinge", "layers": [{"type": "Dense", "units": 1000000000}]}',
     '{"input_shape": [1000000, 1000000], "loss": "SquaredError", "layers": [{"type": "Positions", "form": "sinusoidal"}]}',
     '{"input_shape": [1000000, 2], "loss": "SquaredError", "layers": [{"type": "Attention", "heads": 1, "causal": true}]}'],
)  # fmt: skip
def test_other_descriptions_do_not_count(text: str, tmp_path: Path) -> None:
    file, net = tmp_path / "net.onnx", small()
    net.export(file)
    model = onnx.load(file)
    del model.metadata_props[:]
    helper.set_model_props(model, {"chalkgrad.network": text})
    onnx.save(model, file)
    x = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)
    np.testing.assert_array_equal(cg.from_onnx(file).predict(x), net.predict(x))


def test_losses(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    ends = [([cg.Softmax()], "CrossEntropy"), ([cg.Sigmoid()], "BinaryCrossEntropy"), ([], "SquaredError")]
    for end, loss in ends:
        net = cg.Network([cg.Dense(3), *end], input_shape=2, loss="AbsoluteError")
        net.export(file)
        assert cg.from_onnx(file).loss_function.kind == "AbsoluteError"
        assert cg.from_onnx(file, "SquaredError").loss_function.kind == "SquaredError"
        assert cg.from_onnx(stripped(file)).loss_function.kind == loss
    got = cg.from_onnx(file, cg.CrossEntropy(from_logits=True))
    assert got.fit([[0.0, 1.0], [1.0, 0.0]], [0, 2], epochs=3)


# -- graphs by hand ----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)


def written(path: Path, nodes: list[Any], arrays: dict[str, Any], shape: Any = ("N", 3), **settings: Any) -> Path:
    """A model of these nodes from x to y."""
    kind = settings.pop("kind", TensorProto.FLOAT)
    body = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()],
    )
    opset = [helper.make_opsetid("", settings.pop("opset", 20))]
    onnx.save(helper.make_model(body, opset_imports=opset, ir_version=9), path)
    return path


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def node(operator: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), [output], name=f"the {operator}", **attributes)


def test_shape_arithmetic_is_folded(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0), node("Unsqueeze", "n axis0", "n1"),
        node("Concat", "n1 minus", "to", axis=0), node("Reshape", "x to", "flat"),
        node("Transpose", "Wt", "W", perm=[1, 0]), node("MatMul", "flat W", "z"), node("Add", "b z", "y"),
    ]  # fmt: skip
    arrays = {"zero": np.int64(0), "axis0": np.array([0]), "minus": np.array([-1]), "Wt": floats(4, 12), "b": floats(4)}
    net = cg.from_onnx(written(tmp_path / "a.onnx", nodes, arrays, ("batch", 3, 2, 2)))
    assert [layer.kind for layer in net.layers] == ["Flatten", "Dense"]
    x = floats(5, 3, 2, 2)
    np.testing.assert_allclose(net.predict(x), x.reshape(5, 12) @ arrays["Wt"].T + arrays["b"], rtol=1e-4, atol=1e-5)


def test_shared_weights_stay_one(tmp_path: Path) -> None:
    nodes = [node("Gather", "E x", "e"), node("Tanh", "e", "a"), node("Transpose", "E", "Et"), node("MatMul", "a Et")]
    net = cg.from_onnx(written(tmp_path / "a.onnx", nodes, {"E": floats(7, 4)}, ("N", 5), kind=TensorProto.INT64))
    assert list(net.parameters) == ["line1.W"]
    nodes = [
        node("MatMul", "x W", "z"),
        node("Relu", "z", "a"),
        node("MatMul", "a W", "c"),
        node("Gemm", "c W", transB=1),
    ]
    W, x = floats(3, 3), floats(2, 3)
    net = cg.from_onnx(written(tmp_path / "a.onnx", nodes, {"W": W}))
    assert list(net.parameters) == ["line1.W", "W3"]  # of a square one nobody could tell that it is turned
    np.testing.assert_allclose(net.predict(x), np.maximum(x @ W, 0) @ W @ W.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "arrays", "said"),
    [
        ([node("Sin", "x")], {}, r"node 1, Sin 'the Sin' has no counterpart here: no layer computes"),
        ([node("Mul", "x two")], {"two": np.float32(2)}, "multipl"),
        ([node("Add", "x b")], {"b": floats(3)}, "no bias of the line before"),
        ([node("MatMul", "x W")], {"W": floats(4, 2)}, "weights .4, 2. do not fit"),
        ([node("Softmax", "x", axis=0)], {}, "not go along the features"),
        ([node("Gemm", "x W", transA=1)], {"W": floats(3, 2)}, "not the last one"),
        ([node("Gemm", "x W b")], {"W": floats(3, 2), "b": floats(5, 2)}, "not the same for all samples"),
        ([node("Concat", "x x", axis=0)], {}, "along axis 0"),
        ([node("Reshape", "x to")], {"to": np.array([3, -1])}, "cannot become"),
        ([node("Gather", "x one", axis=1)], {"one": np.int64(1)}, "takes a part"),
        ([node("Identity", "W")], {"W": floats(3)}, "nothing that it gives depends on what comes in"),
        ([node("Identity", "x")], {}, "no layer stands for"),
    ],
)
def test_what_is_not_covered_is_named(nodes: Any, arrays: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(cg.OptionError, match=said):
        cg.from_onnx(written(tmp_path / "a.onnx", nodes, arrays))


def test_sizes_that_are_open(tmp_path: Path) -> None:
    file = written(tmp_path / "a.onnx", [node("MatMul", "x W")], {"W": floats(3, 2)}, ("N", "T", 3))
    with pytest.raises(cg.OptionError, match=r"samples of shape \(T, 3\), of which not all sizes are stated"):
        cg.from_onnx(file)
    assert cg.from_onnx(file, input_shape=(5, 3)).output_shape == (5, 2)
    with pytest.raises(cg.OptionError, match=r"not \(5, 4\)"):
        cg.from_onnx(file, input_shape=(5, 4))


def test_names_are_kept_where_they_can_be(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", "x fc1.weight fc1.bias", "a"),
        node("Relu", "a", "r"),
        node("Gemm", "r 0.weight", "z"),
        node("Gemm", "z dfc1.weight"),
    ]
    arrays = {"fc1.weight": floats(3, 4), "fc1.bias": floats(4), "0.weight": floats(4, 2), "dfc1.weight": floats(2, 2)}
    net = cg.from_onnx(written(tmp_path / "a.onnx", [*nodes[:2], node("Gemm", "r 0.weight")], arrays))
    assert list(net.parameters) == ["fc1.W", "fc1.b", "W2"]
    net = cg.from_onnx(written(tmp_path / "a.onnx", nodes, arrays))  # dfc1 would be the derivative of fc1
    assert list(net.parameters) == ["W1", "b1", "W2", "W3"]


# -- ONNX's own tests of operators -------------------------------------------------------------------------------------

OPERATORS = (
    "Relu", "Sigmoid", "Tanh", "Softplus", "LeakyRelu", "Elu", "Gelu", "Swish", "Softmax", "Gemm", "MatMul", "Conv",
    "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "LayerNormalization",
    "RMSNormalization", "RNN", "LSTM", "GRU", "ReduceMean",
)  # fmt: skip
RECURRENT = ("RNN", "LSTM", "GRU")
COMPUTED = 80
"""So many tests at least are computed with every version of onnx that is supported (81 of 1.22, 87 of 1.23)."""


def as_network(case: Any, model: Any, inputs: list[Any], file: Path) -> tuple[Any, str]:
    """The model of a test with all inputs but the first in the file, of samples by samples; the output that is asked
    for, which of a recurrent operator is its last state, as a network has it.
    """
    one, node_ = onnx.ModelProto(), model.graph.node[0]
    one.CopyFrom(model)
    names = [v.name for v in model.graph.input]
    arrays = {n: numpy_helper.from_array(a, n) for n, a in zip(names[1:], inputs[1:], strict=False)}
    one.graph.initializer.extend(arrays.values())
    recurrent = node_.op_type in RECURRENT
    output = node_.output[1 if recurrent and len(node_.output) > 1 and node_.output[1] else 0]
    del one.graph.output[:]
    one.graph.output.extend([helper.make_tensor_value_info(output, 1, None)])
    x = inputs[0]
    if recurrent and not any(a.name == "layout" and a.i for a in node_.attribute):
        x = np.swapaxes(x, 0, 1)
        one.graph.node[0].input[0] = "steps first"
        one.graph.node.insert(0, helper.make_node("Transpose", [names[0]], ["steps first"], perm=[1, 0, 2]))
        one.graph.input[0].CopyFrom(helper.make_tensor_value_info(names[0], 1, x.shape))
        one.graph.node.append(helper.make_node("Transpose", [output], ["samples first"], perm=[1, 0, 2]))
        one.graph.initializer.append(numpy_helper.from_array(np.array([0, -1]), "rows"))
        one.graph.node.append(helper.make_node("Reshape", ["samples first", "rows"], ["together"]))
        one.graph.output[0].name = "together"
    onnx.save(one, file)
    return x, output


@pytest.mark.long
def test_onnx_own_tests_of_operators(tmp_path: Path) -> None:
    computed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tests of other operators
        cases = load_model_tests(kind="node")
    for case in cases:
        model = case.model if case.model is not None else onnx.load(Path(case.model_dir) / "model.onnx")
        operator = model.graph.node[0].op_type
        if len(model.graph.node) != 1 or operator not in OPERATORS:
            continue
        for inputs, outputs in case.data_sets or loaded(case):
            x, output = as_network(case, model, list(inputs), tmp_path / "one.onnx")
            try:
                got = cg.from_onnx(tmp_path / "one.onnx").predict(x)
            except cg.OptionError:
                refused[operator] += 1
                continue
            want = dict(zip([v.name for v in model.graph.output], outputs, strict=True))[output]
            if operator in RECURRENT and want.shape[1] == len(x) != want.shape[0]:
                want = np.swapaxes(want, 0, 1)
            assert got.size == want.size, case.name
            np.testing.assert_allclose(got.reshape(want.shape), want, rtol=case.rtol, atol=1e-5, err_msg=case.name)
            computed[operator] += 1
    print(f"computed {computed.total()}: {dict(computed)}; refused {refused.total()}: {dict(refused)}")
    assert computed.total() >= COMPUTED
    assert set(computed) >= set(OPERATORS) - {"Swish"}


def loaded(case: Any) -> list[Any]:
    """The inputs and outputs of a test that lie in files."""
    found = []
    for folder in sorted(Path(case.model_dir).glob("test_data_set_*")):
        sides = []
        for side in ("input", "output"):
            files = sorted(folder.glob(f"{side}_*.pb"), key=lambda f: int(f.stem.partition("_")[2]))
            sides.append([numpy_helper.to_array(onnx.load_tensor(f)) for f in files])
        found.append(tuple(sides))
    return found
