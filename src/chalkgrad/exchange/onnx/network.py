"""An ONNX model as a network: the same operators as layers, with the weights of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...base.checks import as_table
from ...base.errors import ChalkgradError, DataError, OptionError
from ...describe.losses import Loss
from ...model.arguments import fitting
from ...network import Network
from .drafts import Drafts, network_layers, refused
from .file import Array, OnnxFile, OnnxNode, read_onnx
from .folding import FoldingError, folded
from .gelu import with_gelu
from .operators import READS
from .own import own_network
from .recurrent import recurrent
from .spelled import spelled
from .values import SAMPLES, MixedError, Value

RECURRENT = ("RNN", "LSTM", "GRU")
LOSSES = {"Softmax": "CrossEntropy", "Sigmoid": "BinaryCrossEntropy"}
"""The loss that goes with a last layer; else it is SquaredError."""


def from_onnx(
    path: str | Path,
    loss: Loss | str | None = None,
    *,
    input_shape: Sequence[int] | int | Mapping[str, Sequence[int] | int] | None = None,
) -> Network:
    """The network of an ONNX model, with its weights.

    Of a file that `Network.export` wrote it is the same network, with the names of its layers. Of others, the layers
    are those that compute what the graph's operators do; they are called as in the graph where the names can be names
    here (`fc1` of `fc1.weight`).

    Args:
        path: the file. Arrays that lie in files beside it are read where these are in its own directory.
        loss: the loss, which no ONNX model has: its own for a file of `Network.export`, CrossEntropy after a Softmax,
            BinaryCrossEntropy after a Sigmoid, else SquaredError, if not given.
        input_shape: the shape of one sample, where the model leaves sizes open; for several inputs by name.

    Raises:
        DataError: where the file is damaged, or claims what it does not hold.
        OptionError: where a node has no counterpart here, which it names, or the library onnx is not installed.
    """
    file = read_onnx(path)
    own = own_network(file)
    if isinstance(own, Network):
        return own if loss is None else _with_loss(own, loss)
    try:
        return _Reading(file, input_shape).network(loss)
    except ChalkgradError as error:
        text = str(error)
        more = f" (chalkgrad's own description of it is not taken: {own})" if own else ""
        where = "" if text.startswith(str(file.path)) else f"{file.path}: "
        raise type(error)(f"{where}{text}{more}") from None


def _with_loss(network: Network, loss: Loss | str) -> Network:
    """The same network with another loss."""
    other = Network(network.layers, input_shape=network.input_shape, loss=loss, dtype=network.dtype, seed=network.seed)
    other.set_parameters({**network.parameters, **network.states})
    return other


class _Reading:
    """A graph that is being read."""

    def __init__(self, file: OnnxFile, input_shape: Any) -> None:
        self.file = file
        if len(file.outputs) != 1:
            raise OptionError(
                f"it gives {len(file.outputs)} values, {', '.join(file.outputs)}; a network here gives one"
            )
        self.nodes = self._needed(with_gelu(file.nodes, file.arrays, file.outputs))
        self.inputs = self._inputs(input_shape)
        uses = Counter(name for node in self.nodes for name in node.inputs)
        uses[file.outputs[0]] += 1
        known: dict[str, Value | Array] = dict(file.arrays)
        for called, (name, shape) in self.inputs.items():
            known[called] = Value.of(name, (self.samples, *shape))
        whole = frozenset(n for called, (n, _) in self.inputs.items() if file.inputs[called][0].kind == "i")
        users: dict[str, list[OnnxNode]] = {}
        for node in self.nodes:
            for name in node.inputs:
                users.setdefault(name, []).append(node)
        self.drafts = Drafts(known, uses, users, file.opset, whole)

    def _needed(self, nodes: Sequence[OnnxNode]) -> list[OnnxNode]:
        """The nodes without which the output cannot be computed."""
        needed, found = {self.file.outputs[0]}, list[OnnxNode]()
        for node in reversed(nodes):
            if needed & set(node.outputs):
                needed |= {name for name in node.inputs if name}
                found.append(node)
        return found[::-1]

    def _inputs(self, given: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
        """For each input of the graph its name here and the shape of one sample."""
        taken = {name for node in self.nodes for name in node.inputs}
        inputs = {name: kind for name, kind in self.file.inputs.items() if name in taken}
        if not inputs:
            raise OptionError("nothing that it gives depends on what comes in")
        sizes = {shape[0] for _, shape in inputs.values() if isinstance(shape[0], int)}
        if len(sizes) > 1:
            raise OptionError(f"its inputs have {' and '.join(map(str, sorted(sizes)))} samples")
        self.samples = sizes.pop() if sizes else SAMPLES
        stated: dict[str, Any] = as_table(given) or dict.fromkeys(inputs, None if as_table(given) == {} else given)
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        for place, (called, (kind, shape)) in enumerate(inputs.items()):
            word = "".join(c if c.isalnum() and c.isascii() else "_" for c in called)
            plain = word[:1].isalpha() and word.lower() not in ("x", "y", "l")
            name = "x" if len(inputs) == 1 else word if plain else f"input{place + 1}"
            found[called] = (name, self._shape(called, shape[1:], stated.get(called, stated.get(name))))
            if kind.kind not in "fi" or (kind.kind == "f" and kind.itemsize < 4):
                raise OptionError(f"the input {called!r} has numbers of the kind {kind}")
        return found

    def _shape(self, called: str, shape: Sequence[int | str | None], stated: Any) -> tuple[int, ...]:
        if stated is not None:
            wanted = (stated,) if isinstance(stated, int) else tuple(stated)
            fits = len(wanted) == len(shape) and all(
                not isinstance(s, int) or s == w for s, w in zip(shape, wanted, strict=True)
            )
            if not fits or not all(isinstance(w, int) and 0 < w < 2**31 for w in wanted):
                raise OptionError(f"the input {called!r} has samples of shape {tuple(shape)}, not {wanted}")
            return wanted
        if any(not isinstance(s, int) for s in shape):
            words = ", ".join(str(s or "?") for s in shape)
            raise OptionError(
                f"the input {called!r} has samples of shape ({words}), of which not all sizes are stated; say them, "
                "input_shape=(...)"
            )
        if not shape:
            raise OptionError(f"the input {called!r} has one number for each sample; it takes (N, ...)")
        return tuple(int(s) for s in shape if s is not None)

    # -- the lines -----------------------------------------------------------------------------------------------------

    def network(self, loss: Loss | str | None) -> Network:
        """The network."""
        known = self.drafts.known
        for node in self.nodes:
            operands: list[Any] = [known[name] if name else None for name in node.inputs]
            try:
                known.update(self._node(node, operands))
            except (MixedError, FoldingError) as error:
                raise refused(node, error) from None
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
                if isinstance(error, ChalkgradError):
                    raise
                raise refused(node, f"its operands or settings do not go together: {error}") from None
        output: Any = known[self.file.outputs[0]]
        if not isinstance(output, (Value, np.ndarray)):
            raise OptionError("what it gives is multiplied by a constant, or a part of a layer; no layer gives that")
        if not isinstance(output, Value) or not self.drafts.lines:
            raise OptionError("no layer stands for anything that it computes")
        end = OnnxNode("output", (), (), {}, f"the output {self.file.outputs[0]!r}", "")
        output = output if not all(len(p) < 2 for p in output.axes) else self._squeezed(output)
        final = self.drafts.plain(end, output)
        lines = self.drafts.lines
        gone = [place for place, draft in enumerate(lines) if draft.gone]
        taken = {s for draft in lines if not draft.gone for s in (*draft.sources, draft.weights_of)}
        if any(draft.waits for draft in lines) or taken & set(gone):
            raise OptionError("an attention lacks its last product, or its queries, keys or values are used elsewhere")
        if final.source != max(set(range(len(lines))) - set(gone)):
            raise OptionError("what it gives is not what its last layer gives")
        return self._built(loss)

    def _squeezed(self, value: Value) -> Value:
        """Without axes of size 1 that the line does not have."""
        extra = len(value.axes) - len(value.shape)
        places = [k for k, parts in enumerate(value.axes) if not parts and k > 0][::-1][:extra]
        return value.squeezed(places) if extra > 0 and len(places) == extra else value

    def _node(self, node: OnnxNode, operands: list[Any]) -> dict[str, Any]:
        """What the outputs of a node are."""
        if node.operator in RECURRENT:
            return dict(recurrent(self.drafts, node, operands))
        if all(operand is None or isinstance(operand, np.ndarray) for operand in operands):
            return {node.outputs[0]: folded(node, operands)}
        if (made := spelled(self.drafts, node, operands)) is not None:
            return {node.outputs[0]: made}
        read = READS.get(node.operator)
        if read is None:
            raise refused(node, "no layer computes what it does")
        return {node.outputs[0]: read(self.drafts, node, [*operands, *[None] * 6])}

    def _built(self, loss: Loss | str | None) -> Network:
        lines = [draft for draft in self.drafts.lines if not draft.gone]
        if loss is None:
            loss = LOSSES.get(lines[-1].layer.kind, "SquaredError")
        inputs = dict(self.inputs.values())
        kinds = [kind for kind, _ in self.file.inputs.values()]
        real = [a.dtype for draft in lines for a in draft.arrays.values()] or [k for k in kinds if k.kind == "f"]
        dtype = "float64" if any(k.itemsize == 8 and k.kind == "f" for k in real) else "float32"
        shape = inputs["x"] if set(inputs) == {"x"} else inputs

        def made(*, named: bool) -> Network:
            layers = network_layers(self.drafts, list(inputs), named=named)
            return Network(layers, input_shape=shape, loss=loss, dtype=dtype)

        try:
            network = made(named=True)
        except OptionError:  # names that do not go together here
            network = made(named=False)
        network.set_parameters(self._weights(network))
        return network

    def _weights(self, network: Network) -> dict[str, Any]:
        """The arrays by the network's names."""
        lines = [draft for draft in self.drafts.lines if not draft.gone]
        own, found = {**network.parameters, **network.states}, dict[str, Any]()
        for draft, line in zip(lines, network.layout.lines, strict=True):
            if {*line.names} != {*draft.arrays, *(["W"] if draft.weights_of is not None else [])}:
                raise DataError(f"{line.label} has {', '.join(line.names)}, not {', '.join(draft.arrays)}")
            for formal, array in draft.arrays.items():
                name = line.names[formal]
                found[name] = fitting(name, np.asarray(array), own[name])
        return found
