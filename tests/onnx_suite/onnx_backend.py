"""An `onnx.backend` on chalkgrad's forward rules: what ONNX's own tests of operators call.

Only graphs of one node are taken, and only where a rule computes what the operator says; the adapter turns attributes
into the rule's options, scales and reduces as they say, and lays axes out as the rule has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.base import Backend, BackendRep
from onnx.backend.test.runner import BackendIsNotSupposedToImplementIt

from chalkgrad.rules import (
    adagrad,
    adam,
    attention,
    avg_pool2d,
    batch_norm,
    conv2d,
    cross_entropy,
    dense,
    elu,
    embedding,
    flatten,
    gelu,
    gru,
    layer_norm,
    leaky_relu,
    lstm,
    max_pool2d,
    relu,
    rms_norm,
    rnn,
    sgd,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
    weight_decay,
)
from chalkgrad.rules.recurrence import Recurrence
from chalkgrad.testing import Case

Array = Any
Attributes = dict[str, Any]
Run = Callable[[Sequence[Any], Attributes, int], Sequence[Any]]
RUNS: dict[str, Run] = {}
RAN: list[str] = []
"""The operators that were computed, in order: ONNX counts what is refused as passed."""


def operator(*names: str) -> Callable[[Run], Run]:
    def keep(run: Run) -> Run:
        RUNS.update(dict.fromkeys(names, run))
        return run

    return keep


def only(condition: bool, what: str) -> None:
    """Refuses what chalkgrad has no rule for."""
    if not condition:
        raise BackendIsNotSupposedToImplementIt(what)


def floats(*arrays: Array) -> None:
    only(all(a is None or a.dtype in (np.float32, np.float64) for a in arrays), "float32 and float64 are computed")


@operator("Relu", "Sigmoid", "Tanh", "Softplus")
def elementwise(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    rules = {"Relu": relu.relu, "Sigmoid": sigmoid.sigmoid, "Tanh": tanh.tanh, "Softplus": softplus.softplus}
    return [rules[attributes["op"]].function(given[0])]


@operator("LeakyRelu")
def leaky(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    return [leaky_relu.leaky_relu.function(given[0], slope=attributes.get("alpha", 0.01))]


@operator("Elu")
def exponential(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    return [elu.elu.function(given[0], alpha=attributes.get("alpha", 1.0))]


@operator("Gelu")
def gaussian(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    (z,) = given
    if attributes.get("approximate", b"none") == b"tanh":
        u = gelu.gelu_tanh_u.function(z, slope=math.sqrt(2 / math.pi), cubic=0.044715)
        return [gelu.gelu_tanh.function(z, u)]
    return [gelu.gelu.function(z)]


@operator("Swish")
def swish(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    only(attributes.get("alpha", 1.0) == 1.0, "SiLU is Swish with alpha 1")
    return [silu.silu.function(given[0], silu.silu_gate.function(given[0]))]


def rows_of(z: Array, axis: int) -> tuple[Array, Callable[[Array], Array]]:
    """`z` with one axis as the last of two, and the way back."""
    moved = np.moveaxis(z, axis, -1)
    return moved.reshape(-1, moved.shape[-1]), lambda a: np.moveaxis(a.reshape(moved.shape), -1, axis)


@operator("Softmax")
def softmaxed(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    z, back = rows_of(given[0], attributes.get("axis", -1))
    e = softmax.softmax_exp.function(z, softmax.softmax_max.function(z))
    return [back(softmax.softmax.function(e, softmax.softmax_sum.function(e)))]


@operator("SoftmaxCrossEntropyLoss")
def cross_entropies(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(given[0])
    only(len(given) == 2 and outputs == 1 and "ignore_index" not in attributes, "no weights of classes")
    scores, labels = given
    z, _ = rows_of(scores, 1)
    y = np.eye(z.shape[1], dtype=z.dtype)[labels.ravel()]
    m = softmax.softmax_max.function(z)
    s = softmax.softmax_sum.function(softmax.softmax_exp.function(z, m))
    losses = cross_entropy.softmax_cross_entropy.function(z, m, s, y, scale=1.0)
    reduced = {b"none": lambda a: a.reshape(labels.shape), b"mean": np.mean, b"sum": np.sum}
    return [np.asarray(reduced[attributes.get("reduction", b"mean")](losses), scores.dtype)]


@operator("Gemm")
def product(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    A, B, *C = given
    x, W = A.T if attributes.get("transA") else A, B.T if attributes.get("transB") else B
    b = None
    if C:
        only(C[0].ndim == 1 or (C[0].ndim == 2 and C[0].shape[0] == 1), "a bias for every output")
        only(C[0].size == W.shape[1], "a bias for every output")
        b = C[0].ravel() * C[0].dtype.type(attributes.get("beta", 1.0))
    return [dense.dense.function(x, W * W.dtype.type(attributes.get("alpha", 1.0)), b)]


@operator("MatMul")
def matrix_product(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    only(given[0].ndim == given[1].ndim == 2, "matrices")
    return [dense.dense.function(*given)]


def windows(shape: Sequence[int], kernel: Sequence[int], attributes: Attributes) -> dict[str, int]:
    """The options of a convolution or pooling: outputs, strides, padding."""
    only(len(kernel) == 2, "two dimensions")
    only(all(d == 1 for d in attributes.get("dilations", [1])), "no dilation")
    strides = attributes.get("strides", [1, 1])
    auto = attributes.get("auto_pad", b"NOTSET")
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    out = [0, 0]
    for k in range(2):
        if auto in (b"SAME_UPPER", b"SAME_LOWER"):
            out[k] = -(-shape[k] // strides[k])
            total = max((out[k] - 1) * strides[k] + kernel[k] - shape[k], 0)
            pads[k] = total // 2 if auto == b"SAME_UPPER" else -(-total // 2)
            continue
        room = shape[k] + pads[k] + pads[k + 2] - kernel[k]
        whole = -(-room // strides[k]) if attributes.get("ceil_mode") else room // strides[k]
        if attributes.get("ceil_mode") and whole * strides[k] >= shape[k] + pads[k]:
            whole -= 1  # a window may not begin in the padding behind
        out[k] = whole + 1
    return {"P": out[0], "Q": out[1], "sh": strides[0], "sw": strides[1], "pt": pads[0], "pl": pads[1]}


@operator("Conv")
def convolved(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    only(attributes.get("group", 1) == 1, "one group")
    x, W, *b = given
    options = windows(x.shape[2:], W.shape[2:], attributes)
    return [conv2d.conv2d.function(x, W, b[0] if b else None, **options)]


@operator("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool")
def pooled(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    only(outputs == 1, "the winner's place in the whole image is not given")
    (z,) = given
    kernel = z.shape[2:] if attributes["op"].startswith("Global") else attributes["kernel_shape"]
    options = windows(z.shape[2:], kernel, attributes) | {"kh": kernel[0], "kw": kernel[1]}
    if attributes["op"].endswith("MaxPool"):
        return [max_pool2d.max_pool2d.function(z, **options)]
    inside = (
        options["pt"] == options["pl"] == 0
        and (options["P"] - 1) * options["sh"] + kernel[0] <= z.shape[2]
        and (options["Q"] - 1) * options["sw"] + kernel[1] <= z.shape[3]
    )
    only(bool(inside or (attributes.get("count_include_pad") and not attributes.get("ceil_mode"))), "padding counts")
    return [avg_pool2d.avg_pool2d.function(z, **options)]


@operator("Flatten")
def flattened(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    only(attributes.get("axis", 1) in (1, 1 - given[0].ndim), "samples stay apart")
    return [flatten.flatten.function(given[0])]


@operator("BatchNormalization")
def batch_normalised(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    x, gamma, beta, mean, variance = given
    only(not attributes.get("training_mode"), "the running averages are those of another convention")
    x_hat = batch_norm.batch_normalise.function(x, mean, variance, eps=attributes.get("epsilon", 1e-5))
    return [batch_norm.batch_scale.function(x_hat, gamma, beta)]


@operator("LayerNormalization")
def layer_normalised(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    x, gamma, *beta = given
    axis = attributes.get("axis", -1) % x.ndim
    rows = x.reshape(math.prod(x.shape[:axis]), -1)
    mu = layer_norm.layer_mean.function(rows)
    var = layer_norm.layer_variance.function(rows, mu)
    eps = attributes.get("epsilon", 1e-5)
    x_hat = layer_norm.layer_normalise.function(rows, mu, var, eps=eps)
    shift = beta[0].ravel() if beta else np.zeros_like(gamma.ravel())
    z = layer_norm.layer_scale.function(x_hat, gamma.ravel(), shift).reshape(x.shape)
    rest = (*x.shape[:axis], *(1,) * (x.ndim - axis))
    return [z, mu.reshape(rest), (1 / np.sqrt(var + x.dtype.type(eps))).reshape(rest)][:outputs]


@operator("RMSNormalization")
def rms_normalised(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    floats(*given)
    x, gamma = given
    rows = x.reshape(math.prod(x.shape[: attributes.get("axis", -1) % x.ndim]), -1)
    only(gamma.size == rows.shape[1], "a scale for each value")
    ms = rms_norm.mean_square.function(rows)
    x_hat = rms_norm.rms_normalise.function(rows, ms, eps=attributes.get("epsilon", 1e-5))
    return [rms_norm.rms_scale.function(x_hat, gamma.ravel()).reshape(x.shape)]


@operator("Gather")
def gathered(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    data, ids = given
    floats(data)
    only((ids >= 0).all(), "ids are counted from 0")
    moved = np.moveaxis(data, attributes.get("axis", 0), 0)
    rows = embedding.embedding.function(ids.reshape(1, -1), moved.reshape(len(moved), -1))
    found = rows.reshape(*ids.shape, *moved.shape[1:])
    axis = attributes.get("axis", 0)
    return [np.moveaxis(found, range(ids.ndim), range(axis, axis + ids.ndim))]


def kept_keys(mask: Array, samples: int, keys: int) -> Array:
    """A mask that says the same for all heads and queries, as one for keys (N, J)."""
    only(mask.dtype == bool, "masks of 0 and 1")
    whole = np.broadcast_to(mask, (samples, *np.broadcast_shapes(mask.shape, (1, 1, 1, 1))[1:]))
    only(whole.shape[3] == keys and bool((whole == whole[:, :1, :1]).all()), "a mask of keys")
    return whole[:, 0, 0]


@operator("Attention")
def attended(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    places = dict(zip([place for place, there in enumerate(attributes["places"]) if there], given, strict=True))
    floats(*given[:3])
    only(set(places) <= {0, 1, 2, 3, 6}, "no keys of earlier calls")
    only(not attributes.get("softcap"), "scores are not capped")
    only(set(attributes) <= KNOWN, "no other attributes")
    q, k, v = (places[place] for place in range(3))
    apart = q.ndim == 4
    heads = q.shape[1] if apart else attributes["q_num_heads"]
    only(heads == (k.shape[1] if apart else attributes["kv_num_heads"]), "as many heads of keys as of queries")
    if apart:
        q, k, v = (each.swapaxes(1, 2).reshape(len(each), each.shape[2], -1) for each in (q, k, v))
    E = q.shape[2] // heads
    q = q * q.dtype.type(attributes.get("scale", 1 / math.sqrt(E)) * math.sqrt(E))
    S = masked = attention.scores.function(q, k, M=heads, E=E)
    if attributes.get("is_causal"):
        only(6 not in places, "queries begin where keys do")
        masked = attention.causal.function(masked)
    for place in {3, 6} & set(places):
        keep = places[place]
        keep = np.arange(k.shape[1]) < keep[:, None] if place == 6 else kept_keys(keep, len(q), k.shape[1])
        only(bool(keep.any(axis=1).all()), "every query has a key")
        masked = attention.padding.function(masked, keep.astype(q.dtype))
    top, e, r, A = attention.KINDS[False, False, False].forward[4:8]
    exponentials = e.function(masked, top.function(masked))
    weights = A.function(exponentials, r.function(exponentials))
    y = attention.weighted.function(weights, v, E=v.shape[2] // heads)
    if apart:
        y = y.reshape(len(y), y.shape[1], heads, -1).swapaxes(1, 2)
    seen = S if attributes.get("qk_matmul_output_mode", 0) == 0 or masked is S else None
    last = weights if attributes.get("qk_matmul_output_mode", 0) == 3 else seen
    only(
        outputs == 1 or (outputs == 2 and attributes["wanted"][3:] == [True] and last is not None), "masks by infinity"
    )
    return [y, last][:outputs]


KNOWN = {
    "op", "places", "wanted", "is_causal", "scale", "softcap", "q_num_heads", "kv_num_heads", "qk_matmul_output_mode",
}  # fmt: skip


def recurrent_layer(attributes: Attributes) -> tuple[Recurrence, str]:
    """The rules of a recurrent operator, and the gates' letters in its order."""
    activations = [name.decode() for name in attributes.get("activations", [])]
    if attributes["op"] == "RNN":
        kinds = {"Tanh": rnn.with_tanh, "Relu": rnn.with_relu}
        only(len(set(activations)) < 2 and set(activations) <= set(kinds), "tanh or ReLU in an RNN")
        return kinds[activations[0] if activations else "Tanh"], " "
    only(not activations, "sigmoid and tanh in gates")
    if attributes["op"] == "LSTM":
        only(not attributes.get("input_forget"), "a forget gate of its own")
        return lstm.lstm, "iofg"
    return gru.after if attributes.get("linear_before_reset") else gru.before, "zrn"


@operator("RNN", "LSTM", "GRU")
def recurrences(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    places = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
    named = dict(zip([p for p, there in zip(places, attributes["places"], strict=False) if there], given, strict=True))
    X, W, R, B = (named.get(name) for name in places[:4])
    floats(X, W, R, B)
    recurrence, gates = recurrent_layer(attributes)
    only("clip" not in attributes, "no clipping of what the gates take")
    only("P" not in named, "no peepholes")
    only(not any(named[name].any() for name in ("initial_h", "initial_c") if name in named), "h and c start at 0")
    by_sample = bool(attributes.get("layout"))
    x = X if by_sample else X.swapaxes(0, 1)
    only(bool((named.get("sequence_lens", x.shape[1]) == np.int32(x.shape[1])).all()), "sequences of one length")
    direction = attributes.get("direction", b"forward")
    every: list[Array] = []
    ends: dict[str, list[Array]] = {"h": [], "c": []}
    for place, back in enumerate({b"forward": [False], b"reverse": [True]}.get(direction, [False, True])):
        operands: dict[str, Any] = {"x": x}
        for letter, whole in (("W", W), ("U", R)):
            parts = np.split(whole[place], len(gates))
            operands.update({f"{letter}{g}".strip(): part.T for g, part in zip(gates, parts, strict=True)})
        both = np.zeros(2 * W.shape[1], W.dtype) if B is None else B[place]
        biases = np.split(both, 2 * len(gates))
        for g, of_x, of_h in zip(gates, biases[: len(gates)], biases[len(gates) :], strict=True):
            apart = g == "n" and recurrence is gru.after  # the bias that the reset gate meets
            operands |= {f"b{g}".strip(): of_x if apart else of_x + of_h} | ({"cn": of_h} if apart else {})
        values = Case(recurrence.operation(sequences=True, reverse=back), operands, {}).forward()
        every.append(values["h"])
        for name in ("h", "c") if "c" in values else ("h",):
            ends[name].append(values[name][:, 0 if back else -1])
    Y, Y_h = np.stack(every, 2), np.stack(ends["h"], 1)
    found = [Y if by_sample else Y.transpose(1, 2, 0, 3), Y_h if by_sample else Y_h.swapaxes(0, 1)]
    if ends["c"]:
        Y_c = np.stack(ends["c"], 1)
        found.append(Y_c if by_sample else Y_c.swapaxes(0, 1))
    return [value for value, wanted in zip(found, attributes["wanted"], strict=False) if wanted]


def groups(given: Sequence[Any], kinds: int) -> list[Sequence[Any]]:
    """Values, gradients, ...: as many of each as there are tensors."""
    each = len(given) // kinds
    return [given[k * each : (k + 1) * each] for k in range(kinds)]


def decayed(X: Array, G: Array, attributes: Attributes) -> Array:
    return weight_decay.function(G, X, decay=attributes.get("norm_coefficient", 0.0))


@operator("Momentum")
def momentum(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    R, T, *tensors = given
    alpha, beta = attributes["alpha"], attributes["beta"] if T > 0 else 1.0
    new: list[tuple[Any, Any]] = []
    for X, G, V in zip(*groups(tensors, 3), strict=True):
        g = decayed(X, G, attributes)
        v = sgd.velocity.function(V, beta * g, momentum=alpha)
        nesterov = attributes["mode"] == b"nesterov"
        step = (
            sgd.nesterov_step.function(X, g, v, R, momentum=alpha) if nesterov else sgd.momentum_step.function(X, v, R)
        )
        new.append((step, v))
    return [np.asarray(a, X.dtype) for kind in zip(*new, strict=True) for a in kind]


@operator("Adagrad")
def adaptive(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    R, T, *tensors = given
    rate = R / (1 + T * attributes.get("decay_factor", 0.0))
    new: list[tuple[Any, Any]] = []
    for X, G, H in zip(*groups(tensors, 3), strict=True):
        g = decayed(X, G, attributes)
        v = adagrad.adagrad_v.function(H, g)
        new.append((adagrad.adagrad_step.function(X, g, v, rate, eps=attributes.get("epsilon", 1e-6)), v))
    return [np.asarray(a, X.dtype) for kind in zip(*new, strict=True) for a in kind]


@operator("Adam")
def adams(given: Sequence[Any], attributes: Attributes, outputs: int) -> Sequence[Any]:
    R, T, *tensors = given
    only(int(T) == 0, "ONNX adds epsilon before the bias correction")
    only(not attributes.get("norm_coefficient_post"), "no decay behind the step")
    beta1, beta2 = attributes["alpha"], attributes["beta"]
    new: list[tuple[Any, ...]] = []
    for X, G, V, H in zip(*groups(tensors, 4), strict=True):
        g = decayed(X, G, attributes)
        m, v = adam.adam_m.function(V, g, beta1=beta1), adam.adam_v.function(H, g, beta2=beta2)
        step = adam.adam_step.function(
            X, m, v, R, math.inf, beta1=beta1, beta2=beta2, eps=attributes.get("epsilon", 1e-6)
        )
        new.append((step, m, v))
    return [np.asarray(a, X.dtype) for kind in zip(*new, strict=True) for a in kind]


class Prepared(BackendRep):
    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.fixed = {one.name: numpy_helper.to_array(one) for one in graph.initializer}

    def run(self, inputs: Any, **_: Any) -> tuple[Any, ...]:
        (node,) = self.graph.node
        values = dict(self.fixed)
        names = [i.name for i in self.graph.input if i.name not in self.fixed]
        values.update(zip(names, inputs, strict=True))
        attributes: Attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        given = [values[name] for name in node.input if name]
        outputs = len([name for name in node.output if name])
        attributes |= {
            "op": node.op_type,
            "places": list(map(bool, node.input)),
            "wanted": list(map(bool, node.output)),
        }
        found = tuple(RUNS[node.op_type](given, attributes, outputs))
        RAN.append(node.op_type)
        return found


class ChalkgradBackend(Backend):
    @classmethod
    def prepare(cls, model: onnx.ModelProto, *_: Any, **__: Any) -> Prepared:
        graph = model.graph
        only(len(graph.node) == 1 and graph.node[0].op_type in RUNS, "one node, of an operator that chalkgrad has")
        return Prepared(graph)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"
