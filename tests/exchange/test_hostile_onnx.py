"""ONNX files that are damaged or mean ill: refused with what is wrong, before anything large is made."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.base.errors import ChalkgradError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, external_data_helper, helper, numpy_helper  # noqa: E402

MUCH = 300 * 2**20
"""Bytes: no hostile file of a few kilobytes is worth more."""


def model(path: Path, change: Any = None, **settings: Any) -> Path:
    """A small model, which `change` makes another."""
    net = cg.Network([cg.Dense(4), cg.ReLU(), cg.Dense(2)], input_shape=3, loss="SquaredError")
    net.export(path)
    made = onnx.load(path)
    del made.metadata_props[:]
    if change is not None:
        change(made)
    path.write_bytes(made.SerializeToString())
    return path


def refused(path: Path, said: str, kind: type[Exception] = ChalkgradError) -> None:
    """Refused with these words, and without much memory."""
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=said) as error:
            cg.from_onnx(path)
        assert str(path) in str(error.value)
        assert len(str(error.value)) < 1500
        assert tracemalloc.get_traced_memory()[1] < MUCH
    finally:
        tracemalloc.stop()


def tensor(made: Any, **fields: Any) -> Any:
    first = made.graph.initializer[0]
    for name, value in fields.items():
        if name == "dims":
            del first.dims[:]
            first.dims.extend(value)
        else:
            setattr(first, name, value)
    return first


def test_files_that_are_no_models(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    for content in (b"", b"not a model", b"\x00" * 100, b"\xff" * 100, b"\x08\x09", b"PK\x03\x04" + bytes(50)):
        file.write_bytes(content)
        refused(file, "is no ONNX model|version")
    whole = model(file).read_bytes()
    for end in (1, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:end])
        refused(file, "is no ONNX model|has|lacks|shape|no graph")
    refused(tmp_path / "nowhere.onnx", "cannot be read")
    refused(tmp_path, "cannot be read")
    with pytest.raises(cg.DataError, match="empty"):
        cg.from_onnx("")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: tensor(m, dims=[10**6, 10**6]), "needs 4,000,000,000,000 bytes, not 48"),
        (lambda m: tensor(m, dims=[2**62, 2**62]), "shape .* which no array"),
        (lambda m: tensor(m, dims=[-3, 4]), "which no array"),
        (lambda m: tensor(m, dims=[0, 4]), "needs 0 bytes, not 48"),
        (lambda m: tensor(m, dims=[1] * 100), "which no array"),
        (lambda m: tensor(m, data_type=8), "of the kind 8, which is not read"),
        (lambda m: tensor(m, data_type=99), "of the kind 99"),
        (lambda m: tensor(m, data_type=TensorProto.DOUBLE), "needs 96 bytes, not 48"),
        (lambda m: tensor(m, name=""), "has no name|which is nowhere"),
        (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "is there twice"),
        (lambda m: m.graph.initializer[0].ClearField("raw_data"), "has 0 numbers, not 12"),
        (lambda m: m.graph.initializer.pop(), "takes 'b2', which is nowhere"),
        (lambda m: setattr(m.graph.node[0], "op_type", "Evil"), "no layer computes what it does"),
        (lambda m: setattr(m.graph.node[0], "domain", "com.evil"), "an operator of 'com.evil'"),
        (lambda m: m.graph.node[0].input.__setitem__(0, "y_hat"), "a circle"),
        (lambda m: m.graph.node[0].input.__setitem__(0, "z1"), "a circle"),
        (lambda m: m.graph.node[1].output.__setitem__(0, "z1"), "which is there already"),
        (lambda m: m.graph.node[1].output.__setitem__(0, "W1"), "which is there already"),
        (lambda m: m.graph.node.pop(), "gives 'y_hat', which no node computes"),
        (lambda m: m.graph.node[0].input.pop(), ""),
        (lambda m: m.graph.node[1].input.pop(), "left out|do not go together|nothing that it gives"),
        (lambda m: m.graph.output.append(m.graph.input[0]), "it gives 2 values"),
        (lambda m: m.graph.output.pop(), "it gives 0 values"),
        (lambda m: m.opset_import.pop(), "which version"),
        (lambda m: setattr(m.opset_import[0], "version", 10**6), "version 1000000 of ONNX's operators"),
        (lambda m: setattr(m.opset_import[0], "version", 1), "version 1 of ONNX's operators"),
        (lambda m: setattr(m, "ir_version", 10**6), "version 1000000 of the file format"),
        (lambda m: setattr(m, "ir_version", -1), "no ONNX model"),
        (lambda m: m.functions.add(), "holds functions"),
        (lambda m: m.graph.sparse_initializer.add(), "holds sparse_initializer"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", -5), "has a size of -5"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 2**40), "has a size of"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 2**30), "do not fit"),
        (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "no array of a known shape"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8), "of the kind 8"),
    ],
)
def test_what_does_not_go_together(change: Any, said: str, tmp_path: Path) -> None:
    if said:
        refused(model(tmp_path / "net.onnx", change), said)
    else:
        cg.from_onnx(model(tmp_path / "net.onnx", change))


def test_graphs_in_graphs(tmp_path: Path) -> None:
    def nested(made: Any) -> None:
        body = helper.make_graph([], "empty", [], [])
        for _ in range(15):
            body = helper.make_graph([helper.make_node("If", ["x"], ["i"], then_branch=body)], "deeper", [], [])
        made.graph.node[0].CopyFrom(helper.make_node("If", ["x"], ["z1"], then_branch=body))

    refused(model(tmp_path / "net.onnx", nested), "no ONNX model|a graph of its own, then_branch")


def test_a_file_that_nests_without_end(tmp_path: Path) -> None:
    """Messages in messages, a hundred thousand deep."""
    inner = b""
    for _ in range(4000):  # a node with an attribute with a graph with a node
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            inner = tag + varint(len(inner)) + inner
    (tmp_path / "net.onnx").write_bytes(HEAD + b"\x3a" + varint(len(inner)) + inner)
    refused(tmp_path / "net.onnx", "no ONNX model")


HEAD = b"\x08\x09\x42\x02\x10\x14"
"""A model's versions."""


def varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


@pytest.mark.long
def test_a_bomb_of_small_things(tmp_path: Path) -> None:
    """Millions of empty nodes, which would be objects of hundreds of bytes each, and whole numbers of one byte."""
    for body in (
        b"\x0a\x00" * 10**7,
        b"\x2a" + varint(2 * 10**7) + b"\x3a" + varint(2 * 10**7 - 5) + bytes(2 * 10**7 - 5),
    ):
        (tmp_path / "net.onnx").write_bytes(HEAD + b"\x3a" + varint(len(body)) + body)
        refused(tmp_path / "net.onnx", "bytes beside the numbers of its arrays")
    body = b"\x0a\x00" * 30_000
    (tmp_path / "net.onnx").write_bytes(HEAD + b"\x3a" + varint(len(body)) + body)
    refused(tmp_path / "net.onnx", "30,000 nodes; no more than 20,000")


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([helper.make_node("ConstantOfShape", ["huge"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])], "go together|no bias"),
        ([helper.make_node("Expand", ["one", "huge"], ["c"]), helper.make_node("Concat", ["c", "c"], ["d"], axis=0),
          helper.make_node("Add", ["x", "d"], ["y"])], "too large|go together"),
        ([helper.make_node("Range", ["zero", "many", "step"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])], "too large"),
        ([helper.make_node("Range", ["zero", "many", "zero"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])], "go together"),
        ([helper.make_node("Add", ["row", "column"], ["c"]), helper.make_node("MatMul", ["x", "c"], ["y"])], "too large"),
        ([helper.make_node("Unsqueeze", ["x", "huge"], ["y"])], "go together"),
        ([helper.make_node("Reshape", ["x", "huge"], ["y"])], "cannot become"),
        ([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[10**9, 10**9])], "pools no images"),
        ([helper.make_node("Transpose", ["x"], ["y"], perm=[7, 7])], "no order of its axes"),
        ([helper.make_node("Gather", ["row", "x"], ["y"])], "no whole numbers that come in"),
    ],
)  # fmt: skip
def test_constants_that_would_be_huge(nodes: Any, said: str, tmp_path: Path) -> None:
    arrays = {
        "huge": np.array([2**31, 2**31]), "one": np.float32(1), "zero": np.int64(0), "many": np.int64(2**40),
        "step": np.int64(1), "row": np.zeros((1, 20_000), np.float32), "column": np.zeros((20_000, 1), np.float32),
    }  # fmt: skip
    body = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", 1, ["N", 3])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()],
    )
    made = helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    refused(tmp_path / "net.onnx", said)


# -- arrays in other files ---------------------------------------------------------------------------------------------


def external(path: Path, location: str, **more: str) -> Path:
    def change(made: Any) -> None:
        first = made.graph.initializer[0]
        first.ClearField("raw_data")
        first.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            entry = first.external_data.add()
            entry.key, entry.value = key, value

    return model(path, change)


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../secret.bin", "a/../../secret.bin", "..", "", "C:\\secret.bin", "a\\..\\..\\secret.bin", "file:///etc/passwd",
     "\0", ".", "a/../secret.bin"],
)  # fmt: skip
def test_arrays_outside_the_directory(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    (tmp_path / "in").mkdir()
    refused(external(tmp_path / "in" / "net.onnx", location), "not a file in the model's own directory|no plain file")


def test_arrays_in_the_directory(tmp_path: Path) -> None:
    data = np.arange(12, dtype=np.float32).reshape(3, 4)
    (tmp_path / "w.bin").write_bytes(bytes(8) + data.tobytes() + bytes(4))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(data.tobytes())
    file = tmp_path / "net.onnx"
    np.testing.assert_array_equal(cg.from_onnx(external(file, "w.bin", offset="8", length="48")).parameters["W1"], data)
    np.testing.assert_array_equal(cg.from_onnx(external(file, "sub/w.bin")).parameters["W1"], data)
    for more, said in [
        ({"offset": "16"}, "needs 48 bytes from 16 on"),
        ({"offset": "-8"}, "needs 48 bytes"),
        ({"offset": "x"}, "which is none"),
        ({"offset": str(2**70)}, "needs 48 bytes"),
        ({"length": str(2**60)}, "says that they are 1,152,921,504,606,846,976"),
        ({"length": "8"}, "says that they are 8"),
    ]:
        refused(external(file, "w.bin", **more), said)
    refused(external(file, "nowhere.bin"), "nowhere.bin'")
    refused(external(file, "sub"), "no plain file")
    if hasattr(os, "symlink"):
        (tmp_path / "link.bin").symlink_to("/etc/passwd")
        (tmp_path / "way").symlink_to(tmp_path.parent)
        refused(external(file, "link.bin"), "is a link")
        refused(external(file, "way/w.bin"), "is a link")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.bin")
        refused(external(file, "pipe.bin"), "no plain file")


def test_onnx_own_external_data(tmp_path: Path) -> None:
    net = cg.Network([cg.Dense(40), cg.Tanh(), cg.Dense(2)], input_shape=30, loss="SquaredError")
    net.export(tmp_path / "net.onnx")
    made = onnx.load(tmp_path / "net.onnx")
    external_data_helper.convert_model_to_external_data(made, location="net.data", size_threshold=0)
    onnx.save(made, tmp_path / "other.onnx")
    got = cg.from_onnx(tmp_path / "other.onnx")
    np.testing.assert_array_equal(got.flat, net.flat)


# -- what nobody thought of --------------------------------------------------------------------------------------------


def fuzzed(content: bytes, path: Path) -> None:
    """Whatever is done to a file, it is read or refused with an error of chalkgrad's."""
    path.write_bytes(content)
    with contextlib.suppress(ChalkgradError):
        cg.from_onnx(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_bytes_that_were_changed(places: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray(model(tmp_path / "net.onnx").read_bytes())
    for place, byte in places:
        content[place % len(content)] = byte
    fuzzed(bytes(content), tmp_path / "net.onnx")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_bytes_that_were_changed(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    layers = [cg.Conv2D(2, 3, padding=1), cg.BatchNorm(), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(2)]
    nets = [
        cg.Network(layers, input_shape=(1, 4, 4), loss="SquaredError"),
        cg.Network([cg.Embedding(5, 4), cg.LSTM(3), cg.Dense(2)], input_shape=4, loss="SquaredError"),
    ]
    for net in nets:
        net.export(tmp_path / "net.onnx")
        whole = onnx.load(tmp_path / "net.onnx")
        if seed % 2:
            del whole.metadata_props[:]
        good = whole.SerializeToString()
        for _ in range(60):
            content = bytearray(good)
            for _ in range(int(rng.integers(1, 8))):
                place = int(rng.integers(len(content)))
                match rng.integers(3):
                    case 0:
                        content[place] = int(rng.integers(256))
                    case 1:
                        del content[place : place + int(rng.integers(1, 9))]
                    case _:
                        content[place:place] = rng.bytes(int(rng.integers(1, 9)))
            fuzzed(bytes(content), tmp_path / "net.onnx")
