"""An ONNX file, read with care: everything in it is bounded and checked before anything is made of it.

The file is a message of protobuf. Its outline is looked at first, so that no file of moderate size becomes an immense
heap of objects; arrays are held against the bytes that are there; arrays in files beside it lie in its own directory.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...base.checks import said
from ...base.errors import DataError, OptionError
from ...files.writing import read_bounded
from ...write.onnx.model import need_onnx

Array = np.ndarray[Any, Any]
MOST = 2**31
"""Bytes: no file of protobuf is larger."""
MOST_OUTLINE = 16 * 2**20
"""Bytes of a model beside the numbers of its arrays: nodes, names, whole numbers."""
OBJECT = 32
"""Bytes that each part of the outline counts more than it has: it becomes an object."""
MOST_NODES = 20_000
MOST_AXES = 32
OLDEST_OPSET = 7
"""The oldest version of ONNX's operators that is read (2017)."""
MODEL_GRAPH, GRAPH_INITIALIZER, FLOATS, RAW, DOUBLES = 7, 5, 4, 9, 10
"""The numbers of fields in onnx.proto: ModelProto.graph, GraphProto.initializer, and TensorProto's data."""
EXTERNAL = 1
"""TensorProto.data_location of numbers that lie in another file."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node.

    Attributes:
        operator: its operator.
        inputs, outputs: the names of values; "" for one that is not there.
        attributes: its settings: numbers, texts, arrays.
        label: how errors call it.
        name: its own name.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    label: str
    name: str


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What a file holds.

    Attributes:
        path: the file.
        proto: the message.
        opset: the version of the operators.
        arrays: the arrays by name.
        inputs: for each input its kind of number and its sizes; a text or None is one that is open.
        outputs: the names of what the graph gives.
        nodes: in the order in which they run.
        metadata: the texts beside it.
    """

    path: Path
    proto: Any
    opset: int
    arrays: dict[str, Array]
    inputs: dict[str, tuple[np.dtype[Any], tuple[int | str | None, ...]]]
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    metadata: dict[str, str]


def read_onnx(path: str | Path) -> OnnxFile:
    """Reads a file.

    Raises:
        DataError: where it is damaged, names what is not there, or claims to be what it cannot be.
        OptionError: where the library is not installed, or the version of the file is not known.
    """
    onnx = need_onnx()
    if not str(path):
        raise DataError("the file's name is empty")
    path = Path(path)
    content = read_bounded(path, MOST, DataError)
    _check_outline(path, content)
    try:
        proto = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, whichever of its implementations is installed
        raise DataError(f"{path} is no ONNX model: {str(error).splitlines()[0] if str(error) else error}") from None
    if not proto.HasField("graph") or proto.ir_version <= 0:
        raise DataError(f"{path} is no ONNX model: it has {'no graph' if proto.ir_version > 0 else 'no version'}")
    if not 3 <= proto.ir_version <= onnx.IR_VERSION:
        raise OptionError(
            f"{path} has version {proto.ir_version} of the file format; the installed onnx knows 3 to {onnx.IR_VERSION}"
        )
    opset = _opset(path, proto, onnx.defs.onnx_opset_version())
    graph = proto.graph
    for word, what in (("functions", proto.functions), ("sparse_initializer", graph.sparse_initializer)):
        if len(what):
            raise OptionError(f"{path} holds {word}, which are not read")
    if len(graph.node) > MOST_NODES:
        raise DataError(f"{path} has {len(graph.node):,} nodes; no more than {MOST_NODES:,} are read")
    arrays: dict[str, Array] = {}
    for tensor in graph.initializer:
        if not tensor.name or tensor.name in arrays:
            raise DataError(f"{path}: {'an array has no name' if not tensor.name else f'{tensor.name} is there twice'}")
        arrays[tensor.name] = read_tensor(path, tensor, f"the array {said(tensor.name)}")
    inputs = {v.name: _kind(path, v) for v in graph.input if v.name not in arrays}
    nodes = tuple(_node(path, place, node) for place, node in enumerate(graph.node))
    outputs = tuple(v.name for v in graph.output)
    _check_order(path, nodes, {*arrays, *inputs}, outputs)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    return OnnxFile(path, proto, opset, arrays, inputs, outputs, nodes, metadata)


# -- the outline -------------------------------------------------------------------------------------------------------


def _check_outline(path: Path, content: bytes) -> None:
    """Raises DataError where the content is no message, or has too much beside the numbers of arrays."""
    outline = 0
    try:
        for size in _outline(memoryview(content)):
            outline += size + OBJECT
            if outline > MOST_OUTLINE:
                break
    except (IndexError, ValueError):
        raise DataError(f"{path} is no ONNX model: it is not written as one, or ends too early") from None
    if outline > MOST_OUTLINE:
        raise DataError(
            f"{path} has more than {MOST_OUTLINE:,} bytes beside the numbers of its arrays, more than a network "
            "that could be read; arrays belong into initializers, as raw_data"
        )


def _outline(view: memoryview) -> Iterator[int]:
    """The sizes of what a model holds, but for the numbers of its arrays."""
    for field, body in _fields(view):
        if field != MODEL_GRAPH:
            yield len(body)
            continue
        for part, inner in _fields(body):
            if part != GRAPH_INITIALIZER:
                yield len(inner)
                continue
            for kind, numbers in _fields(inner):
                yield 0 if kind in (FLOATS, RAW, DOUBLES) and len(numbers) > OBJECT else len(numbers)


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message: their numbers and contents, empty for those that are numbers."""
    at, end = 0, len(view)
    while at < end:
        key, at = _varint(view, at)
        wire = key & 7
        size = 0
        if wire == 0:
            _, at = _varint(view, at)
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        elif wire == 2:
            size, at = _varint(view, at)
        else:
            raise ValueError
        if at + size > end:
            raise ValueError
        yield key >> 3, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError


# -- arrays ------------------------------------------------------------------------------------------------------------

KINDS = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8",
}  # fmt: skip
"""NumPy's kinds by ONNX's numbers for them; 16 is bfloat16."""
BFLOAT16 = 16
FIELDS = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
"""Where numbers lie that are no raw bytes; others are in int32_data."""


def read_tensor(path: Path, tensor: Any, label: str) -> Array:
    """The numbers of an array, which are as many as its shape says; bfloat16 as float32.

    Raises:
        DataError: where they are not, or lie where they may not.
        OptionError: where they are of a kind that is not read.
    """
    kind, shape = int(tensor.data_type), tuple(int(d) for d in tensor.dims)
    if kind not in KINDS and kind != BFLOAT16:
        raise OptionError(f"{path}: {label} is of the kind {kind}, which is not read")
    if len(shape) > MOST_AXES or any(not 0 <= d <= MOST for d in shape):
        raise DataError(f"{path}: {label} has the shape {said(shape)}, which no array of a file can have")
    dtype = np.dtype("<u2" if kind == BFLOAT16 else KINDS[kind])
    count = math.prod(shape)
    if tensor.data_location == EXTERNAL:
        raw = _external(path, tensor, label, count * dtype.itemsize)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        numbers = getattr(tensor, FIELDS.get(kind, "int32_data"))
        if len(numbers) != count:
            raise DataError(f"{path}: {label} of shape {shape} has {len(numbers):,} numbers, not {count:,}")
        if kind in (10, BFLOAT16):  # their bits as whole numbers
            found = np.array(numbers, dtype=np.uint32).astype(np.uint16)
            raw = found.tobytes()
        else:
            try:
                return np.array(numbers, dtype=dtype).reshape(shape)
            except OverflowError:
                raise DataError(f"{path}: {label} has numbers that its kind cannot hold") from None
    if len(raw) != count * dtype.itemsize:
        raise DataError(f"{path}: {label} of shape {shape} needs {count * dtype.itemsize:,} bytes, not {len(raw):,}")
    array = np.frombuffer(raw, dtype).reshape(shape)
    if kind == BFLOAT16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def _external(path: Path, tensor: Any, label: str, size: int) -> bytes:
    """The bytes of an array that lie in a file beside the model, in its own directory and in no other."""
    settings = {entry.key: entry.value for entry in tensor.external_data}
    location = settings.get("location", "")
    parts = Path(location).parts
    plain = bool(parts) and not Path(location).is_absolute() and ".." not in parts
    if not plain or "\\" in location or ":" in location or "\0" in location:
        raise DataError(f"{path}: {label} lies in {said(location)}, which is not a file in the model's own directory")
    if size > MOST:
        raise DataError(f"{path}: {label} would have {size:,} bytes; no more than {MOST:,} are read")
    place = path.parent
    try:
        begin, length = int(settings.get("offset", "0")), int(settings.get("length", str(size)))
        for part in parts:
            place = place / part
            if stat.S_ISLNK(os.lstat(place).st_mode):
                raise DataError(f"{path}: {label} lies in {said(location)}, which is a link; its target is not read")
        mode = os.stat(place)
        if not stat.S_ISREG(mode.st_mode):
            raise DataError(f"{path}: {label} lies in {said(location)}, which is no plain file")
        if begin < 0 or length != size or begin + size > mode.st_size:
            raise DataError(
                f"{path}: {label} needs {size:,} bytes from {begin} on of {location}, which has {mode.st_size:,}, and "
                f"says that they are {length:,}"
            )
        with open(place, "rb") as file:
            file.seek(begin)
            return file.read(size)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: {label} lies in {said(location)}: {error.strerror or error}") from None
    except ValueError:
        raise DataError(f"{path}: {label} has the place {said(settings)}, which is none") from None


# -- nodes, inputs, versions -------------------------------------------------------------------------------------------


def _opset(path: Path, proto: Any, newest: int) -> int:
    versions = [int(o.version) for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    if len(versions) != 1:
        raise DataError(f"{path} does not say which version of ONNX's operators it has")
    if not OLDEST_OPSET <= versions[0] <= newest:
        raise OptionError(f"{path} has version {versions[0]} of ONNX's operators; {OLDEST_OPSET} to {newest} are read")
    return versions[0]


def _kind(path: Path, value: Any) -> tuple[np.dtype[Any], tuple[int | str | None, ...]]:
    """An input's kind of number and its sizes."""
    label = f"the input {said(value.name)}"
    if not value.name:
        raise DataError(f"{path}: an input has no name")
    if value.type.WhichOneof("value") != "tensor_type" or not value.type.tensor_type.HasField("shape"):
        raise OptionError(f"{path}: {label} is no array of a known shape")
    tensor = value.type.tensor_type
    if tensor.elem_type not in KINDS:
        raise OptionError(f"{path}: {label} is of the kind {tensor.elem_type}, which is not read")
    sizes: list[int | str | None] = []
    for dim in tensor.shape.dim:
        known = dim.WhichOneof("value")
        if known == "dim_value" and not 0 < dim.dim_value <= MOST:
            raise DataError(f"{path}: {label} has a size of {dim.dim_value}")
        sizes.append(int(dim.dim_value) if known == "dim_value" else str(dim.dim_param) or None)
    if not 1 <= len(sizes) <= MOST_AXES:
        raise OptionError(f"{path}: {label} has {len(sizes)} axes; the first one is the samples'")
    return np.dtype(KINDS[tensor.elem_type]), tuple(sizes)


def _node(path: Path, place: int, node: Any) -> OnnxNode:
    label = f"node {place + 1}, {node.op_type}" + (f" {node.name!r}" if node.name else "")
    if node.domain not in ("", "ai.onnx"):
        raise OptionError(f"{path}: {label} is an operator of {said(node.domain)}; ONNX's own are read")
    attributes: dict[str, Any] = {}
    for a in node.attribute:
        attributes[a.name] = _attribute(path, a, label)
    return OnnxNode(str(node.op_type), tuple(node.input), tuple(node.output), attributes, label, str(node.name))


def _attribute(path: Path, a: Any, label: str) -> Any:
    """The value of a setting: FLOAT, INT, STRING, TENSOR, FLOATS, INTS, STRINGS."""
    if a.ref_attr_name:
        raise OptionError(f"{path}: {label} has the setting {a.name} of a function around it")
    match a.type:
        case 1:
            return float(np.format_float_positional(np.float32(a.f), unique=True)) if math.isfinite(a.f) else a.f
        case 2:
            return int(a.i)
        case 3:
            return a.s.decode("utf-8", "replace")
        case 4:
            return read_tensor(path, a.t, f"the setting {a.name} of {label}")
        case 6:
            return tuple(float(f) for f in a.floats)
        case 7:
            return tuple(int(i) for i in a.ints)
        case 8:
            return tuple(s.decode("utf-8", "replace") for s in a.strings)
        case _:
            what = "a graph of its own" if a.type in (5, 10) else f"a setting of the kind {a.type}"
            raise OptionError(f"{path}: {label} has {what}, {a.name}, which is not read")


def _check_order(path: Path, nodes: tuple[OnnxNode, ...], known: set[str], outputs: tuple[str, ...]) -> None:
    """Raises DataError where a value is computed twice, or used before it is computed."""
    made = {name for node in nodes for name in node.outputs}
    for node in nodes:
        for name in node.inputs:
            if name and name not in known:
                where = "comes later, or waits for this node: a circle" if name in made else "is nowhere"
                raise DataError(f"{path}: {node.label} takes {said(name)}, which {where}")
        for name in node.outputs:
            if name in known:
                raise DataError(f"{path}: {node.label} gives {said(name)}, which is there already")
            if name:
                known.add(name)
    for name in outputs:
        if name not in known:
            raise DataError(f"{path} gives {said(name)}, which no node computes")
